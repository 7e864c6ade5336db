# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many workers a host carries. The servers run this file when they start, as ``sizing.py`` beside their settings.

Needs the standard library alone; ``python sizing.py gthread 128`` writes the number for that class at so many MiB each.
"""

from __future__ import annotations

import contextlib
import os
import sys

CGROUPS, OWN = "/sys/fs/cgroup", "/proc/self/cgroup"
WORKER_MEMORY = 128  # MiB, of a Flask app with a database's driver
FEWEST = 2  # so that one serves while the other is replaced
_MIB = 1 << 20


def workers(worker_class: str, megabytes: int = WORKER_MEMORY) -> int:
    """Workers for this host: one for each CPU and one to spare, twice as many of a class that serves one request at a time.

    That is Gunicorn's own advice, (2 x CPUs) + 1 (https://docs.gunicorn.org/en/stable/design.html#how-many-workers): a worker
    that waits leaves its CPU to another. One of threads or greenlets goes on by itself, so half of them do. Never more than
    the memory for one slot holds, at so many MiB each.
    """
    wanted = cpus() * (2 if worker_class == "sync" else 1) + 1
    return max(FEWEST, min(wanted, memory() // (megabytes * _MIB)))


def overload(number: int, worker_class: str, megabytes: int = WORKER_MEMORY) -> str:
    """What so many workers would do to this host, '' when nothing bad."""
    fit = workers(worker_class, megabytes)
    have = f"{cpus()} CPU{'s' * (cpus() > 1)} and {memory() // _MIB} MiB for one slot"
    if number <= fit:
        return ""
    if number > 4 * cpus() + 1:
        return f"{number} workers take turns on {have}, each waiting for the others; write auto, which gives {fit}"
    if number * megabytes * _MIB > memory():
        return f"{number} workers of {megabytes} MiB do not fit into {have}; write auto, which gives {fit}, or what one really needs"
    return ""


def cpus() -> int:
    """CPUs that this process may use, a quota of its cgroups counted (CPUQuota=, a container's limit)."""
    count = len(os.sched_getaffinity(0))
    for limit in _limits("cpu.max"):
        with contextlib.suppress(ValueError):
            quota, period = map(int, limit.split())
            count = min(count, max(1, quota // period))
    return count


def memory() -> int:
    """Bytes for one slot: half of the host's, as both run during a cutover, or less where a cgroup is bounded (MemoryMax=)."""
    amount = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return min([amount, *(int(limit) for limit in _limits("memory.max") if limit.isdigit())])


def _limits(name: str) -> list[str]:
    """A limit of this process's cgroup and of all above it (cgroup v2), as far as they are set."""
    found = []
    try:
        with open(OWN, encoding="ascii") as file:
            group = next(line[3:].strip() for line in file if line.startswith("0::"))
    except (OSError, StopIteration):
        return found
    while True:
        with contextlib.suppress(OSError), open(CGROUPS + group.rstrip("/") + "/" + name, encoding="ascii") as file:
            found.append(file.read().strip())
        if group in ("/", ""):
            return found
        group = os.path.dirname(group)


if __name__ == "__main__":
    sys.stdout.write(f"{workers(sys.argv[1], int(sys.argv[2]))}\n")
