# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system users of builds and apps, none of whom can log in."""

from __future__ import annotations

import pwd
import subprocess

from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError


def exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def account(name: str) -> pwd.struct_passwd:
    """The user of that name, which a build needs."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise BuildError(f"expected the user {name} on this host, found none; run the python role first") from None


def make(name: str, home: str) -> None:
    """Make a system user and a group of the same name. Raises OSError with what useradd said when it fails."""
    options = ["--system", "--user-group", f"--home-dir={home}", "--no-create-home", "--shell=/usr/sbin/nologin"]
    try:
        done = subprocess.run(
            ["/usr/sbin/useradd", *options, name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=60, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise OSError(f"useradd {name} did not end within 60 s") from None
    if done.returncode:
        raise OSError(f"useradd {name} ended with {done.returncode}: {done.stdout.strip()}")
