# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release's virtual environment, taken over from a release that asks for the same: nothing is installed twice."""

from __future__ import annotations

import contextlib
import email.parser
import json
import os
import pwd
import re
import shutil
from urllib.parse import unquote, urlsplit


def link(origin: str, target: str, rename: tuple[str, str], leave_out: str) -> list[str]:
    """Make ``target`` of the environment ``origin`` by hard links, whose files nobody ever writes to.

    A virtual environment knows its own path, in its scripts above all: in files outside of site-packages the first text of
    ``rename`` becomes the second, which is as long. Links into ``leave_out`` are left out. Returns the new folders.
    """
    made = []
    for folder, folders, names in os.walk(origin):
        new = target + folder[len(origin) :]
        os.mkdir(new, 0o755)
        made.append(new)
        verbatim = "/site-packages" in folder[len(origin) :]
        for name in names + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
            old = os.path.join(folder, name)
            if os.path.islink(old):
                if not os.path.realpath(old).startswith(os.path.realpath(leave_out) + os.sep):
                    os.symlink(os.readlink(old), os.path.join(new, name))
            elif verbatim or not _renamed(old, os.path.join(new, name), *map(os.fsencode, rename)):
                os.link(old, os.path.join(new, name))
    return made


def _renamed(old: str, new: str, before: bytes, after: bytes) -> bool:
    """Whether ``old`` holds the text ``before``; then ``new`` holds ``after`` in its place."""
    with open(old, "rb") as file:
        content = file.read()
    if before not in content:
        return False
    with open(new, "xb") as file:
        file.write(content.replace(before, after))
    shutil.copystat(old, new)
    return True


def give(folders: list[str], user: pwd.struct_passwd) -> None:
    """Let a user write to folders, innermost first: what is above a folder stays root's until its own turn."""
    for folder in reversed(folders):
        os.chown(folder, user.pw_uid, user.pw_gid, follow_symlinks=False)


def from_paths(site_packages: str) -> dict[str, str]:
    """What was installed from a path of the host rather than from an index: paths, and the folders with the metadata.

    A path that is installed in place, rather than copied, ends with a slash here.
    """
    found = {}
    for name in sorted(os.listdir(site_packages)):
        with contextlib.suppress(OSError, ValueError, KeyError):  # Most have no such file (PEP 610).
            with open(os.path.join(site_packages, name, "direct_url.json"), encoding="utf-8") as file:
                origin = json.load(file)
            url = urlsplit(origin["url"])
            if url.scheme == "file":
                in_place = "/" if origin.get("dir_info", {}).get("editable") else ""
                found[unquote(url.path).rstrip("/") + in_place] = os.path.join(site_packages, name)
    return found


def distributions(site_packages: str) -> set[str]:
    """Names of what is installed, as PEP 503 compares them."""
    suffix = ".dist-info"
    names = [name[: -len(suffix)] for name in os.listdir(site_packages) if name.endswith(suffix)]
    return {normal(name.rpartition("-")[0]) for name in names}


def normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needs(metadata: str) -> tuple[str, list[str]]:
    """A distribution's name and what it depends on, as the folder with its metadata says."""
    with open(os.path.join(metadata, "METADATA"), encoding="utf-8") as file:
        headers = email.parser.HeaderParser().parse(file)
    return headers["Name"], sorted(headers.get_all("Requires-Dist", []))
