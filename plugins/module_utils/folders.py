# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders that others have written to: what lies in them, whose they are, and how root opens one without being led astray."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def inside(path: str, top: str) -> bool:
    """Whether ``path``, all links followed, lies in ``top``."""
    top = os.path.realpath(top)
    return os.path.commonpath([top, os.path.realpath(path)]) == top


def own(top: str, user: pwd.struct_passwd) -> None:
    """Give a tree to a user, readable by all, writable by no other, without a set-uid bit anywhere."""
    for folder, folders, files in os.walk(top):
        for path in [folder, *(os.path.join(folder, name) for name in folders + files)]:
            status = os.lstat(path)
            if (status.st_uid, status.st_gid) != (user.pw_uid, user.pw_gid):
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
            if not stat.S_ISLNK(status.st_mode):
                mode = 0o755 if stat.S_ISDIR(status.st_mode) or status.st_mode & 0o100 else 0o644
                if stat.S_IMODE(status.st_mode) != mode:
                    os.chmod(path, mode)


def open_folder(opened: contextlib.ExitStack, path: str, dir_fd: int | None = None) -> int:
    """Open a folder, which must be no link, until ``opened`` is closed; its descriptor."""
    descriptor = os.open(path, _FOLDER, dir_fd=dir_fd)
    opened.callback(os.close, descriptor)
    return descriptor
