# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells of sockets and processes (proc(5))."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator


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


def family(main: int, proc: str = "/proc") -> set[int]:
    """A process and all that descend from it; none where it is 0, which is no process."""
    every, found, new = children(proc), set(), {main} if main else set()
    while new:
        found |= new
        new = set().union(*(every.get(pid, ()) for pid in new)) - found
    return found


def threads(pids: Iterable[int], proc: str = "/proc") -> int:
    """How many threads processes have together."""
    count = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            count += len(os.listdir(f"{proc}/{pid}/task"))
    return count


def memory(pids: Iterable[int], proc: str = "/proc") -> int:
    """Bytes that processes have in memory together, each part that several share counted once (proc(5))."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError), open(f"{proc}/{pid}/smaps_rollup", encoding="ascii") as file:
            total += sum(1024 * int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total


@contextlib.contextmanager
def giving_way(leader: int, nice: int) -> Iterator[None]:
    """The processes of a session leave others the processor meanwhile, by so much more niceness than its leader has."""
    usual = 0
    with contextlib.suppress(OSError):
        usual = os.getpriority(os.PRIO_PROCESS, leader)
    _renice(leader, usual + nice)
    try:
        yield
    finally:
        _renice(leader, usual)


def _renice(leader: int, nice: int) -> None:
    # They may have ended, and not every kernel shares its time out by session (sched(7)).
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PGRP, leader, nice)
        with open(f"/proc/{leader}/autogroup", "w", encoding="ascii") as file:
            file.write(str(nice))
