# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app's home on its host, which is made once and never in place of something else."""

from __future__ import annotations

import contextlib
import os

from ansible_collections.slipway.flask.plugins.module_utils import users
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout


def make_home(layout: Layout) -> None:
    """Create the app's home, unless something that is not an app's already bears its name."""
    refuse_foreign_home(layout)
    user = users.account(layout.user)
    for folder in (layout.home, layout.releases, layout.shared):
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
    # Others may pass, not look: Nginx serves some of the folders in it.
    os.chmod(layout.shared, 0o751)
    os.chown(layout.shared, user.pw_uid, user.pw_gid)


def refuse_foreign_home(layout: Layout) -> None:
    """Raise :class:`BuildError` where the home's path is taken by something else."""
    if not os.path.lexists(layout.home):
        return
    found = os.listdir(layout.home) if os.path.isdir(layout.home) else ["a file"]
    if set(found) - {os.path.basename(layout.lock)} and not os.path.isdir(layout.etc):
        with contextlib.suppress(OSError):
            if os.lstat(layout.releases).st_uid == os.geteuid():
                return
        raise BuildError(
            f"{layout.home} is there and is no app's home (it holds {', '.join(sorted(found)[:3])}); "
            "give the app another name, or set slipway_root (app_root) to a folder of its own for the apps' homes"
        )
