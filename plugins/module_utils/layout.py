# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything of an app lives on its host: the one place that names users, units and paths."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re

SLOTS = ("blue", "green")
PREFIX = "flask-"
ETC = "/etc/slipway"
UNITS = "/etc/systemd/system"
UV = "/opt/slipway/uv/bin/uv"
UV_VERSION = "0.13.8"
BUILD_USER = "flask-build"
BUILD_HOME = "/var/cache/slipway"

# A user's name has at most 32 characters (useradd(8)), six of which are the prefix.
_PLAIN = re.compile(r"[a-z][a-z0-9_-]{0,25}")


def slug(name: str) -> str:
    """The app's name where users, units and paths can carry it, else a cleaned form made unique by a hash.

    "hello" stays "hello"; "My Shop!" becomes "my-shop-" and eight hex digits.
    """
    if _PLAIN.fullmatch(name) and name != BUILD_USER[len(PREFIX) :]:
        return name
    clean = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:16].strip("-")
    if not clean[:1].isalpha():
        clean = ("app-" + clean)[:16].strip("-")
    return f"{clean}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def other_than(slot: str | None) -> str:
    return SLOTS[1] if slot == SLOTS[0] else SLOTS[0]


class Layout:
    """The paths and names of one app. ``root`` is the folder that holds the apps' homes."""

    def __init__(self, name: str, root: str = "/srv") -> None:
        self.name = name
        self.slug = slug(name)
        self.unit = PREFIX + self.slug
        self.user = self.unit
        self.home = os.path.join(root, self.slug)
        self.releases = os.path.join(self.home, "releases")
        self.shared = os.path.join(self.home, "shared")
        self.wheels = os.path.join(self.home, "wheels")
        self.assets = os.path.join(self.home, "assets")
        self.current = os.path.join(self.home, "current")
        self.active = os.path.join(self.home, "active.sock")
        self.lock = os.path.join(self.home, ".lock")
        self.history = os.path.join(self.home, "history.jsonl")
        self.etc = os.path.join(ETC, self.slug)
        self.run = os.path.join("/run", self.unit)
        self.umbrella = f"{self.unit}.service"

    def release(self, identity: str) -> str:
        return os.path.join(self.releases, identity)

    def link(self, slot: str) -> str:
        """The symlink to the release that the slot runs."""
        return os.path.join(self.home, slot)

    def settings(self, slot: str) -> str:
        return os.path.join(self.etc, slot)

    def socket_path(self, slot: str) -> str:
        return os.path.join(self.run, f"{slot}.sock")

    def service(self, slot: str) -> str:
        return f"{self.unit}@{slot}.service"

    def socket(self, slot: str) -> str:
        return f"{self.unit}@{slot}.socket"

    def complete(self) -> dict[str, float]:
        """The releases that are there and whole, oldest first, with the time when they were."""
        built = {}
        for name in os.listdir(self.releases):
            with contextlib.suppress(OSError):
                built[name] = os.stat(os.path.join(self.release(name), "release.json")).st_mtime
        return dict(sorted(built.items(), key=lambda item: item[1]))


class ReleaseLayout:
    """The paths of one release, whose folder is ``path``."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.src, self.venv, self.public, self.protected, self.tmp = (
            os.path.join(path, name) for name in ("src", "venv", "public", "protected", "tmp")
        )

    @property
    def site_packages(self) -> str:
        lib = os.path.join(self.venv, "lib")
        python = next(name for name in sorted(os.listdir(lib)) if name.startswith("python"))
        return os.path.join(lib, python, "site-packages")
