# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells of sockets and processes (proc(5))."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator


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


# Niceness of a session that builds: on a host that is busy with users it is to be done in time all the same.
BUILD = 5


@contextlib.contextmanager
def giving_way(leader: int, nice: int, seconds: float) -> Iterator[Callable[[bool], None]]:
    """The processes of a session leave others the processor: so much nicer than its leader is at first, and less and less.

    What this gives is to be called often, with whether that is over; it is after so many seconds too, for what one of them holds
    while it never gets on (a lock of the database) keeps those waiting that it gives way to.
    """
    usual, begun, given = 0, time.monotonic(), nice
    with contextlib.suppress(OSError):
        usual = os.getpriority(os.PRIO_PROCESS, leader)

    def ease(over: bool) -> None:
        nonlocal given
        left = 0 if over else round(nice * max(0.0, 1 - (time.monotonic() - begun) / seconds))
        if left < given:
            given = left
            _renice(leader, usual, given)

    _renice(leader, usual, given)
    try:
        yield ease
    finally:
        ease(True)


def _renice(leader: int, usual: int, nice: int) -> None:
    with contextlib.suppress(OSError):  # They may have ended.
        os.setpriority(os.PRIO_PGRP, leader, usual + nice)
    session_gives_way(leader, usual + nice)


def session_gives_way(leader: int, nice: int) -> None:
    """Niceness of a whole session towards others, where the kernel shares its time out by session (sched(7)).

    There the niceness of a process counts within its session alone.
    """
    with contextlib.suppress(OSError), open(f"/proc/{leader}/autogroup", "w", encoding="ascii") as file:
        file.write(str(max(-20, min(nice, 19))))


@contextlib.contextmanager
def this_gives_way() -> Iterator[None]:
    """This process and all that it starts leave others the processor for good, and its session does so meanwhile."""
    leader, usual = os.getsid(0), 0
    with (
        contextlib.suppress(OSError, ValueError, IndexError),
        open(f"/proc/{leader}/autogroup", encoding="ascii") as file,
    ):
        usual = int(file.read().split()[-1])
    os.nice(10)
    session_gives_way(leader, usual + BUILD)
    try:
        yield
    finally:
        session_gives_way(leader, usual)
