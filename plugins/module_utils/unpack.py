# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller packed, unpacked on the host: an app's tree and its wheels. What it would never pack is not believed."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import pwd
import re
import shutil
import tarfile
import time

from ansible_collections.slipway.flask.plugins.module_utils import users
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.folders import inside, own
from ansible_collections.slipway.flask.plugins.module_utils.layout import BUILD_USER


def unpack_tree(archive: str, packed: str, src: str, version: str = "") -> None:
    """Fill ``src`` from the archive at a path, or else from a small one in base64, and give it to the build user.

    ``version`` is what git would say of the tree, where build systems ask for it.
    """
    small = io.BytesIO(base64.b64decode(packed)) if packed else None
    with tarfile.open(archive or None, "r:gz", small) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
        _members(tar, src)
    if version:
        _stand_in_for_git(src, version)
    own(src, users.account(BUILD_USER))


def _stand_in_for_git(src: str, version: str) -> None:
    """Let setuptools-scm, which asks git for a package's data files too, take the tree's files for git's."""
    archival = os.path.join(src, ".git_archival.txt")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(archival)  # What is there is git's template.
    with open(archival, "x", encoding="utf-8") as file:
        file.write(f"node: {'0' * 40}\ndescribe-name: {version}\n")


def _members(tar: tarfile.TarFile, src: str) -> None:
    """Unpack each member that is no more than a file, folder or link of the tree."""
    links, now = [], time.time()
    for member in tar:
        path = os.path.join(src, member.name)
        if member.name.startswith("/") or ".." in member.name.split("/") or not inside(path, src):
            raise BuildError(f"the archive's member {member.name!r} leads out of the tree")
        if not (member.isreg() or member.isdir() or member.issym()) or member.mode & 0o7000:
            raise BuildError(f"the archive's member {member.name!r} is no plain file, folder or link")
        # As of now: a file that changed must not have its predecessor's time, which Nginx makes its ETag from.
        member.mtime = now
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        tar.extract(member, src)
        links += [path] if member.issym() else []
    for path in links:
        if not inside(path, src):
            raise BuildError(f"the archive's link {os.path.relpath(path, src)!r} leads out of the tree")


def unpack_wheels(archive: str, wheelhouse: str) -> None:
    """Make the folder ``wheelhouse`` of an archive of wheels, whole or not at all."""
    temporary = f"{wheelhouse}.new"
    os.makedirs(temporary)
    with tarfile.open(archive, "r:") as tar:
        for member in tar:
            if not member.isreg() or not re.fullmatch(r"[\w.+!-]+\.whl", member.name):
                raise BuildError(f"the wheelhouse's member {member.name!r} is no wheel")
            with open(os.path.join(temporary, member.name), "xb") as file:
                shutil.copyfileobj(tar.extractfile(member), file)
    own(temporary, pwd.getpwuid(os.geteuid()))
    os.chmod(os.path.dirname(wheelhouse), 0o755)
    os.rename(temporary, wheelhouse)
