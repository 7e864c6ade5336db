# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's Python, and what wheels must fit to be installed there."""

from __future__ import annotations

import os
import platform
import subprocess


def interpreter(version: str) -> tuple[str, str]:
    """Path of the interpreter and its full version, which is '' where the host doesn't have it."""
    path = f"/usr/bin/python{version or 3}"
    try:
        shown = subprocess.run(
            [path, "-IS", "-c", "import sys; print(sys.version.split()[0])"], text=True, timeout=30, check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return path, ""
    return path, shown.stdout.strip()


def target(version: str) -> dict[str, str]:
    """What the wheels must fit that a host with this Python installs."""
    name, dummy, glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    return {"python": version, "machine": platform.machine(), "glibc": glibc if name == "glibc" else "0.0"}
