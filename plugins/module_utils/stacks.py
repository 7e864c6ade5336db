# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks that a profiler saw, and how often."""

from __future__ import annotations

import re
from collections import Counter

# Which process it was, with its command line, which is no one's business.
_PROCESS = re.compile(r'(?:process \d+:".*?";)*(?:process \d+:".*"$)?')
# Where threads begin, above all that they do.
_PLUMBING = re.compile(
    r"(?:Thread\.)?_bootstrap(?:_inner)? \(threading\.py|Thread\.run \(threading\.py|_run_code \(|_run_module_as_main \("
)


def stacks_of(text: str) -> dict[str, int]:
    """The stacks of folded text, outermost function first and joined by ``;``, without processes and the beginnings of threads."""
    found: Counter[str] = Counter()
    for line in text.splitlines():
        stack, dummy, number = line.rpartition(" ")
        frames = [
            frame for frame in _PROCESS.sub("", stack, count=1).split(";") if frame and not _PLUMBING.match(frame)
        ]
        if number.isdigit() and frames:
            found[";".join(frames)] += int(number)
    return dict(found)


def hottest(stacks: dict[str, int], top: int) -> list[dict]:
    """The functions that the most time was spent in, each with its ``own`` and its ``total`` percentage."""
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for stack, number in stacks.items():
        frames = stack.split(";")
        own[frames[-1]] += number
        for frame in set(frames):
            total[frame] += number
    every = sum(stacks.values())
    return [
        {"function": frame, "own": round(100 * number / every, 1), "total": round(100 * total[frame] / every, 1)}
        for frame, number in own.most_common(top)
    ]
