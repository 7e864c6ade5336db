# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of an app's releases on its host: which served, which were refused, which had to be rolled back."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable

LIVE, REFUSED, ROLLED_BACK = "live", "refused", "rolled back"
_KEPT = 200


class History:
    """The file at ``path``: one JSON object per line, oldest first.

    Each has ``when`` (UTC), ``release``, ``slot``, ``outcome``, ``previous`` (the release that served before, or ``''``),
    ``reversible``, ``rollback`` (whether someone asked to go back) and ``why`` (empty when live). ``fits`` is false where the settings
    were the reason. One that went live has ``boot`` (seconds until it was healthy) and, where that was asked for, ``sample``: of what
    served ``before`` and ``after`` the cutover.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def entries(self) -> list[dict]:
        """All that can be read."""
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                lines = file.readlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and {"release", "outcome"} <= entry.keys():
                found.append(entry)
        return found

    def add(self, **entry: object) -> None:
        """Add an entry, whole or not at all. ``when`` is now where it is not given."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        entries = [*self.entries(), {"when": now, **entry}][-_KEPT:]
        temporary = f"{self.path}.new"
        with open(temporary, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(kept) + "\n" for kept in entries)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        os.replace(temporary, self.path)

    def failed(self) -> set[str]:
        """Releases whose latest entry is not live.

        A release that serves and whose new settings were refused has not failed: it is its own ``previous``. Nor has one that was
        to be gone back to and that today's settings do not fit: it served with its own.
        """
        latest = {
            entry["release"]: entry["outcome"]
            for entry in self.entries()
            if entry["outcome"] == LIVE
            or (
                entry["release"] != entry.get("previous") and not (entry.get("rollback") and entry.get("fits") is False)
            )
        }
        return {release for release, outcome in latest.items() if outcome != LIVE}

    def previous(self, current: str, there: Iterable[str]) -> str:
        """The release that was live last before ``current``, is still there and has not failed; ``''`` when none is.

        Going back again goes further back, never to what was left by going back.
        """
        line: list[str] = []
        for entry in self._served():
            release = entry["release"]
            if release in line:
                at = line.index(release)
                del line[at : None if entry.get("rollback") else at + 1]
            line.append(release)
        before = line[: line.index(current)] if current in line else line
        good = set(there) - self.failed() - {current}
        return next((release for release in reversed(before) if release in good), "")

    def change(self, release: str) -> dict:
        """What the latest deploy of a release changed, as its samples ``before`` and ``after`` say; empty where it took none."""
        served = self._served()
        at = max((at for at, entry in enumerate(served) if entry["release"] == release), default=-1)
        entry = served[at] if at >= 0 else {}
        sample = entry.get("sample") or {}
        if not sample.keys() >= {"before", "after"}:
            return {}
        older = [one.get("boot") for one in served[:at] if one["release"] == entry.get("previous")]
        return {
            "before": {"release": entry.get("previous", ""), **sample["before"], "boot": older[-1] if older else None},
            "after": {"release": release, **sample["after"], "boot": entry.get("boot")},
        }

    def barrier(self, target: str, current: str) -> list[str]:
        """Releases newer than ``target``, up to and with ``current``, that were declared not reversible."""
        served = self._served()
        since = max((at for at, entry in enumerate(served) if entry["release"] == target), default=-1)
        last = max((at for at, entry in enumerate(served) if entry["release"] == current), default=len(served) - 1)
        crossed = [entry["release"] for entry in served[since + 1 : last + 1] if not entry.get("reversible", True)]
        return [release for release in dict.fromkeys(crossed) if release != target]

    def reversible(self, release: str) -> bool:
        """Whether the release, when it last became live, was declared so that one may go back behind it."""
        declared = [entry.get("reversible", True) for entry in self._served() if entry["release"] == release]
        return declared[-1] if declared else True

    def _served(self) -> list[dict]:
        return [entry for entry in self.entries() if entry["outcome"] == LIVE]
