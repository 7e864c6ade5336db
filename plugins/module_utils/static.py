# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The static files of a release, which Nginx serves by itself."""

from __future__ import annotations

import os

from ansible_collections.slipway.flask.plugins.module_utils import assets
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.folders import inside
from ansible_collections.slipway.flask.plugins.module_utils.layout import ReleaseLayout
from ansible_collections.slipway.flask.plugins.module_utils.shared import Shared
from ansible_collections.slipway.flask.plugins.module_utils.steps import Steps

BROTLI = "/usr/bin/brotli"


class Static:
    """Gives Nginx folders of a release, of its packages, and shared ones, which ``group`` may then read, by URL prefix."""

    def __init__(self, release: ReleaseLayout, shared: Shared, steps: Steps, group: str) -> None:
        self._release, self._shared, self._steps, self._group = release, shared, steps, group

    def publish(self, static: dict[str, str] | None, modules: list[str], before: ReleaseLayout | None = None) -> None:
        """Lay out the files of every URL prefix below public/; a shared folder, which goes on changing, is led to.

        Where no prefixes are given, that is the folder where Flask looks for those of the app, which is one of the ``modules``.
        What did not change is taken from the release ``before``.
        """
        if static is None:
            static = self._beside_app(modules)
        for prefix in sorted(static):
            folder = self._folder(prefix, static[prefix])
            outer = next((other for other in static if other != prefix and prefix.startswith(other)), None)
            if outer:
                raise BuildError(
                    f"static {prefix}: lies within another prefix, {outer}, which has one folder; leave one of them out"
                )
            if inside(folder, self._shared.top):
                _lead(_below(self._release.public, prefix), folder)
            else:
                assets.lay_out(
                    folder,
                    _below(self._release.public, prefix),
                    _below(before.public, prefix) if before else "",
                    self._brotli if os.access(BROTLI, os.X_OK) else None,
                )

    def protect(self, protected: dict[str, str]) -> None:
        """Lead every URL prefix of protected files to its folder from below protected/."""
        for prefix, where in sorted(protected.items()):
            _lead(_below(self._release.protected, prefix), self._folder(prefix, where))

    def _brotli(self, path: str) -> bytes:
        return self._steps.output([BROTLI, "--stdout", "--best", "--", path])

    def _beside_app(self, modules: list[str]) -> dict[str, str]:
        """The static folder where Flask itself looks, beside the app's module."""
        for module in modules:
            name = module.replace(".", "/")
            for kind, root in (
                ("", self._release.src),
                ("src/", os.path.join(self._release.src, "src")),
                ("package:", self._release.site_packages),
            ):
                beside = os.path.dirname(name) if os.path.isfile(os.path.join(root, f"{name}.py")) else name
                found = os.path.join(beside, "static")
                if os.path.isdir(os.path.join(root, found)):
                    return {"/static/": kind + found}
        return {}

    def _folder(self, prefix: str, where: str) -> str:
        kind, dummy, path = where.rpartition(":")
        tops = {"": self._release.src, "package": self._release.site_packages, "shared": self._shared.top}
        if kind not in tops or not prefix.strip("/"):
            raise BuildError(
                f"static {prefix}: expected a prefix such as /files/ and a folder in the tree, package:NAME/FOLDER "
                f"or shared:FOLDER, found {where!r}"
            )
        folder = os.path.normpath(os.path.join(tops[kind], path))
        if inside(folder, self._shared.top):
            real = os.path.relpath(os.path.realpath(folder), os.path.realpath(self._shared.top))
            self._shared.folder(real, self._group)
        elif not os.path.isdir(folder) or not inside(folder, self._release.path):
            raise BuildError(f"static {prefix}: {where!r} stands for {folder}, which is no folder of this release")
        return folder


def _below(top: str, prefix: str) -> str:
    """The path that a URL prefix has below ``top``."""
    return os.path.join(top, prefix.strip("/"))


def _lead(link: str, folder: str) -> None:
    os.makedirs(os.path.dirname(link), exist_ok=True)
    os.symlink(os.path.relpath(folder, os.path.dirname(link)), link)
