# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and links that change whole or not at all, whenever the run is killed."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable
from typing import NamedTuple


class File(NamedTuple):
    """A settings file as it should be, or as it was found."""

    text: str
    mode: int
    owner: str
    group: str


def point(link: str, target: str) -> None:
    """Make a symlink point at the target by rename, so that no one ever finds it missing."""
    temporary = f"{link}.new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, link)


def write(path: str, file: File) -> None:
    """Write a file whole or not at all, never readable by more than it should be."""
    temporary = f"{path}.new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(file.text)
        os.fchown(handle.fileno(), pwd.getpwnam(file.owner).pw_uid, grp.getgrnam(file.group).gr_gid)
        os.fchmod(handle.fileno(), file.mode)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, path)


def read(path: str) -> File:
    """A file as it is, so that it equals what should be there."""
    status = os.lstat(path)
    with open(path, encoding="utf-8", errors="replace") as handle:
        text = handle.read()
    owner, group = name_of(pwd.getpwuid, status.st_uid), name_of(grp.getgrgid, status.st_gid)
    return File(text, status.st_mode & 0o7777, owner, group)


def name_of(lookup: Callable, number: int) -> str:
    """A user's or group's name, the number where it has none."""
    try:
        return lookup(number)[0]
    except KeyError:
        return str(number)
