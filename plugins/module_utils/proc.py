# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells of sockets and processes (proc(5))."""

from __future__ import annotations

import os


def connections(path: str, table: str = "/proc/net/unix") -> int:
    """Connections to a listening unix socket: those accepted and those still in its queue (proc(5))."""
    with open(table, encoding="utf-8", errors="replace") as lines:
        rows = (line.split(None, 7) for line in lines)
        # The listener itself has the flag __SO_ACCEPTCON.
        return sum(1 for row in rows if len(row) == 8 and row[7].rstrip("\n") == path and int(row[3], 16) != 0x10000)


def children(proc: str = "/proc") -> dict[int, set[int]]:
    """The living child processes of each process that has some (proc(5))."""
    found: dict[int, set[int]] = {}
    for name in filter(str.isdigit, os.listdir(proc)):
        try:
            with open(f"{proc}/{name}/stat", encoding="utf-8", errors="replace") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # It has just ended.
        if state not in "ZX":
            found.setdefault(int(parent), set()).add(int(name))
    return found
