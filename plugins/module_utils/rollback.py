# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of the release to go back to."""

from __future__ import annotations

import time

from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.history import History


def choose(asked: str, live: str, there: dict[str, float], history: History, force: bool = False) -> str:
    """ID of the release to go back to, or :class:`CutoverError`.

    ``asked`` is an ID or ``previous``, ``live`` the release that serves, ``there`` those that are on the host, oldest first,
    with the time when they were built. ``force`` goes behind a release that was declared not reversible.
    """
    failed = history.failed()
    target = history.previous(live, there) if asked == "previous" else asked
    if target not in there:
        missing = f"there is no release {target}" if target else "there is no release before the live one"
        raise CutoverError(f"{missing} to go back to. {_those(there, live, failed)}")
    if target in failed:
        raise CutoverError(f"release {target} failed when it was deployed. {_those(there, live, failed)}")
    barrier = history.barrier(target, live) if target != live else []
    if barrier and not force:
        raise CutoverError(
            f"release {target} lies behind {', '.join(barrier)}, declared not reversible: what they did to the "
            "database may be more than it can work with. Write slipway_force: true (the module's force) to go back all "
            "the same"
        )
    return target


def _those(there: dict[str, float], live: str, failed: set[str]) -> str:
    def shown(release: str) -> str:
        built = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(there[release]))
        mark = ", live" if release == live else ", failed" if release in failed else ""
        return f"{release} (built {built}{mark})"

    return "Those there: " + (", ".join(map(shown, reversed(there))) or "none")
