# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app's folders that outlive its releases, which the app alone writes."""

from __future__ import annotations

import contextlib
import grp
import os
import shutil

from ansible_collections.slipway.flask.plugins.module_utils import users
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.folders import inside, open_folder
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout, ReleaseLayout
from ansible_collections.slipway.flask.plugins.module_utils.steps import Steps


class Shared:
    """The folders in ``top``, for a release that is built."""

    def __init__(self, layout: Layout, release: ReleaseLayout, steps: Steps) -> None:
        self.top, self._user, self._release, self._steps = layout.shared, layout.user, release, steps

    def lead(self, paths: list[str], modules: list[str]) -> None:
        """Lead the tree's folders at ``paths`` to those here. What the tree ships in them is copied once.

        The folder ``instance`` of an installed project, which is one of the ``modules``, leads here too.
        """
        links = {path: os.path.join(self._release.src, path.strip("/")) for path in paths}
        for path, link in links.items():
            self._link(path, link)
        if "instance" in links:
            # Where Flask looks for it when the app is imported from site-packages.
            for module in modules:
                self._link("instance", os.path.join(self._release.venv, "var", f"{module}-instance"))

    def _link(self, path: str, link: str) -> None:
        target = os.path.join(self.top, path.strip("/"))
        if ".." in path.split("/") or not inside(os.path.dirname(link), self._release.path):
            raise BuildError(f"shared {path}: leads out of the tree; name a folder in it")
        if os.path.lexists(link):
            if os.path.islink(link) or not os.path.isdir(link):
                raise BuildError(f"shared {path}: expected a folder, found something else in the tree; name its folder")
            if not os.path.lexists(target):
                self.folder(os.path.dirname(path))
                copy = 'umask 027; rm -rf "$2.new"; cp -R "$1" "$2.new" && mv -T "$2.new" "$2"'
                self._steps.run(f"copying {path}", ["/bin/sh", "-c", copy, "sh", link, target], user=self._user)
            shutil.rmtree(link)
        self.folder(path)
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(os.path.relpath(target, os.path.dirname(link)), link)

    def folder(self, path: str, group: str = "") -> None:
        """Have a shared folder, owned by the app and readable by ``group``.

        The app writes here and could lead root astray by a link: none is followed.
        """
        user, walked = users.account(self._user), self.top
        with contextlib.ExitStack() as opened:
            folders = [open_folder(opened, walked)]
            for name in [part for part in path.split("/") if part not in ("", ".")]:
                walked = os.path.join(walked, name)
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=folders[-1])
                try:
                    folders.append(open_folder(opened, name, dir_fd=folders[-1]))
                except OSError:
                    raise BuildError(f"expected a folder at {walked}, found a link or a file; remove it") from None
                if os.fstat(folders[-1]).st_uid != user.pw_uid:
                    os.fchown(folders[-1], user.pw_uid, user.pw_gid)
                    os.fchmod(folders[-1], 0o750)
            if group and len(folders) > 1:
                self._open_to(grp.getgrnam(group).gr_gid, walked, folders[1:])

    def _open_to(self, gid: int, path: str, folders: list[int]) -> None:
        """Let a group read the shared folder at ``path``, given with its parents, and what is or will be in it."""
        if os.fstat(folders[-1]).st_gid != gid:
            self._steps.run(f"opening {path}", ["chmod", "-R", "o+rX", path], user=self._user)
        for folder in folders:
            # Set-group-ID: what the app writes here has the group too. All others stop at this folder.
            os.fchown(folder, -1, gid)
            os.fchmod(folder, 0o2750)
