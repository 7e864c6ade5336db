# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends a run in order: it says why, and the module fails with that."""

from __future__ import annotations


class BuildError(Exception):
    """The release cannot be built; ``str()`` says why."""


class CutoverError(Exception):
    """The new slot was refused. ``str()`` says why, ``journal`` holds its last lines."""

    def __init__(self, reason: str, journal: list[str] | None = None) -> None:
        super().__init__(reason)
        self.journal = journal or []


class BenchError(Exception):
    """Something could not be measured; ``str()`` says why."""
