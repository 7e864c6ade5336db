# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change of an app at a time on its host."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator


class Busy(Exception):
    """Another run holds the lock. ``str()`` names it."""


@contextlib.contextmanager
def locked(path: str, action: str) -> Iterator[None]:
    """Hold the lock file at ``path``, whose folder must exist, or raise :class:`Busy` at once.

    The kernel lets go of the lock when the process ends, however it ends; what the file says is for people alone.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"{_holder(file.read())} holds {path}. Wait for its end and run this again.") from None
        file.truncate()
        holder = {"pid": os.getpid(), "action": action, "since": time.strftime("%Y-%m-%d %H:%M:%S %z")}
        file.write(json.dumps(holder) + "\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def held_for(path: str, proc: str = "/proc") -> str:
    """What the lock file at ``path`` is held for, as its holder wrote it, '' when nobody holds it. Takes no lock, not for a moment.

    What a killed holder wrote stays, and its number may be another process's by now, one that holds other locks. So the kernel is asked
    whether that process holds this file's.
    """
    try:
        with open(path, encoding="utf-8") as file:
            holder = json.load(file)
        told, folder = "{action}, since {since}".format(**holder), os.path.join(proc, str(int(holder["pid"])))
        return told if any(_locks(folder, number, path) for number in os.listdir(os.path.join(folder, "fd"))) else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _locks(process: str, number: str, path: str) -> bool:
    """Whether this open file of a process is the one at ``path`` and locked."""
    try:
        if not os.path.samefile(os.path.join(process, "fd", number), path):
            return False
        with open(os.path.join(process, "fdinfo", number), encoding="ascii") as file:
            return "FLOCK" in file.read().split()
    except OSError:
        return False  # It was closed meanwhile.


def _holder(text: str) -> str:
    try:
        return "Process {pid} ({action}, since {since})".format(**json.loads(text))
    except (ValueError, KeyError, TypeError):
        return "Another process"
