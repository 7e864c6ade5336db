# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a host's apps a playbook is about."""

from __future__ import annotations

from collections.abc import Iterable


def chosen(apps: Iterable[str], only: list[str]) -> list[str]:
    """Those apps that ``only`` names, all when it names none. ``ValueError`` says which are unknown and which there are."""
    apps = list(apps)
    unknown = [name for name in only if name not in apps]
    if unknown:
        raise ValueError(
            f"slipway_only: expected {' or '.join(apps)}, the apps of this host, found {', '.join(unknown)}; "
            "hosts that lack an app are left out with --limit"
        )
    return [name for name in apps if not only or name in only]
