# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A flame graph of stacks, as one SVG that needs nothing else."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

WIDTH, ROW, MARGIN, TOP = 1200, 18, 10, 54
# Narrower than this is not drawn, and text has no room below a few letters.
_LEAST, _LETTER = 0.4, 6.6


class Box(NamedTuple):
    """A function in the stacks that begin alike: where it lies from left to right, how deep, and how much of the time it takes."""

    name: str
    depth: int
    begin: int
    number: int


def boxes(stacks: dict[str, int]) -> list[Box]:
    """All boxes, those of a row side by side in the order of their names."""
    tree: dict = {}
    for stack, number in stacks.items():
        branch = tree
        for name in stack.split(";"):
            node = branch.setdefault(name, [0, {}])
            node[0] += number
            branch = node[1]
    return list(_lay(tree, 0, 0))


def _lay(branch: dict, depth: int, begin: int) -> Iterator[Box]:
    for name in sorted(branch):
        number, below = branch[name]
        yield Box(name, depth, begin, number)
        yield from _lay(below, depth + 1, begin)
        begin += number


def flame_graph(stacks: dict[str, int], title: str, subtitle: str) -> str:
    """The SVG. Outermost functions stand at the top; a box's width is the time spent in it and in what it calls."""
    every = sum(stacks.values())
    laid = boxes(stacks)
    height = TOP + ROW * (1 + max((box.depth for box in laid), default=0)) + MARGIN
    scale = (WIDTH - 2 * MARGIN) / max(1, every)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="ui-monospace, monospace" font-size="11">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{MARGIN}" y="22" font-size="16" fill="#111">{escape(title)}</text>',
        f'<text x="{MARGIN}" y="40" fill="#555">{escape(subtitle)}</text>',
    ]
    for box in laid:
        width = box.number * scale
        if width < _LEAST:
            continue
        x, y, share = MARGIN + box.begin * scale, TOP + ROW * box.depth, 100 * box.number / every
        room = int((width - 6) / _LETTER)
        text = box.name if len(box.name) <= room else f"{box.name[: room - 1]}…" if room > 3 else ""
        parts.append(
            f"<g><title>{escape(box.name)}: {box.number} of {every} samples, {share:.1f} %</title>"
            f'<rect x="{x:.1f}" y="{y}" width="{max(0.3, width - 0.6):.1f}" height="{ROW - 1}" rx="2" fill="{_colour(box.name)}"/>'
            + (f'<text x="{x + 3:.1f}" y="{y + 12}" fill="#222">{escape(text)}</text>' if text else "")
            + "</g>"
        )
    return "\n".join([*parts, "</svg>", ""])


def _colour(name: str) -> str:
    """Warm, and the same for all functions of one file, so that the app's own stand out from the framework's."""
    file = name.rpartition("(")[2].partition(":")[0]
    mark = zlib.crc32(file.encode())
    return f"hsl({8 + mark % 44} {62 + mark // 44 % 24}% {64 + mark // 1056 % 14}%)"
