# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a release: from an app's tree and requirements to a folder that nobody changes again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pwd
import shutil
import subprocess
import time

from ansible_collections.slipway.flask.plugins.module_utils import assets, environment, index, users
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.folders import open_folder, own
from ansible_collections.slipway.flask.plugins.module_utils.layout import BUILD_USER, UV, Layout, ReleaseLayout
from ansible_collections.slipway.flask.plugins.module_utils.shared import Shared
from ansible_collections.slipway.flask.plugins.module_utils.static import Static
from ansible_collections.slipway.flask.plugins.module_utils.steps import Steps
from ansible_collections.slipway.flask.plugins.module_utils.unpack import unpack_tree, unpack_wheels

FORMAT = 2  # Part of every ID: raise it when a release of the same input must be built anew.
SPARE_BYTES = 100 << 20


def identity(inputs: dict) -> str:
    """A release's ID: twelve hex digits that any change of what goes into it changes."""
    text = json.dumps({"format": FORMAT, **inputs}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def is_complete(path: str) -> bool:
    return os.path.exists(os.path.join(path, "release.json"))


def modules(wsgi: str) -> list[str]:
    """What may be the Flask app's own module, nearest first: "a.b:app" gives ["a.b", "a"]."""
    parts = wsgi.partition(":")[0].split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1) if parts[0]]


def pip_words(step: dict, src: str) -> tuple[str, list[str]]:
    """What a step of the plan installs, in words, and the arguments of `pip install` that do it."""
    if "requirements" in step:
        hashes = ["--require-hashes"] if step.get("hashes") else []
        return step["requirements"], [*hashes, "--requirement", step["requirements"]]
    if "packages" in step:
        return ", ".join(step["packages"]), ["--", *step["packages"]]
    extras = f"[{','.join(step['extras'])}]" if step.get("extras") else ""
    deps = [] if step.get("deps", True) else ["--no-deps"]
    return "the project", [*deps, "--", os.path.normpath(os.path.join(src, step["project"])) + extras]


class Release(ReleaseLayout):
    """One release while it is built, in its final place: a virtual environment cannot be moved."""

    def __init__(self, layout: Layout, release_id: str, params: dict, python: tuple[str, str]) -> None:
        super().__init__(layout.release(release_id))
        self.layout, self.id, self.params, self.python = layout, release_id, params, python
        self.scm_version = params["tree"].get("scm_version", "")
        self.steps = Steps(self, params["index"], self.scm_version, params["build_timeout"])
        self.uv = os.access(UV, os.X_OK)
        self.reusable_for = ""
        # What the environment is made of, but for what the project itself depends on, which is known once it is built.
        inputs = {key: params[key] for key in ("plan", "requirement", "server")}
        self.needs = identity(
            {**inputs, "python": list(python), "requirements": params["tree"].get("requirements", "")}
        )

    def build(self) -> None:
        """Build it whole, or leave nothing of it behind."""
        self.steps.begin()
        try:
            self._clear()
            self._make_folders()
            self._unpack()
            self._unpack_wheels()
            self._install()
            self._link()
            self._seal()
        except BaseException:
            self._clear()
            raise

    def _clear(self) -> None:
        """Remove what an earlier run left, and first of all what of it still runs."""
        self.steps.kill_leftovers()
        shutil.rmtree(self.path, ignore_errors=True)

    def _make_folders(self) -> None:
        archive = self.params["archive"]
        needed = SPARE_BYTES + sum(3 * os.path.getsize(path) for path in (archive, self.params["wheels"]) if path)
        free = shutil.disk_usage(self.layout.releases).free
        if free < needed:
            raise BuildError(
                f"expected {needed >> 20} MiB free in {self.layout.releases}, found {free >> 20}; "
                "make room, or lower keep_releases"
            )
        for folder in (self.path, self.public):
            os.mkdir(folder)
            os.chmod(folder, 0o755)
        for folder in (self.src, self.venv, self.tmp):
            self._make_folder(folder)

    def _make_folder(self, path: str) -> None:
        """A folder for the steps to fill."""
        user = users.account(BUILD_USER)
        os.mkdir(path)
        os.chown(path, user.pw_uid, user.pw_gid)
        os.chmod(path, 0o755)

    # What the controller packed

    def _unpack(self) -> None:
        archive, packed = self.params["archive"], self.params["packed"]
        if archive or packed:
            unpack_tree(archive, packed, self.src, self.scm_version)

    @property
    def wheelhouse(self) -> str:
        """The folder with all that is installed where no index is asked, '' where one is."""
        return os.path.join(self.layout.wheels, self.params["wheels_id"]) if self.params["wheels_id"] else ""

    def _unpack_wheels(self) -> None:
        """Have this release's wheels, and none but these."""
        if self.params["wheels"] or not self.params["wheels_id"]:
            shutil.rmtree(self.layout.wheels, ignore_errors=True)
        if self.params["wheels"]:
            unpack_wheels(self.params["wheels"], self.wheelhouse)

    # The virtual environment

    def _install(self) -> None:
        taken = self._take_over()
        if not taken:
            self._install_anew()
        # Several processes take longer to start than one does with a small tree, all that is left where the rest was taken over.
        small = taken and sum(len(names) for dummy, dummy, names in os.walk(self.src)) < 200
        # Not every file of every package compiles; the app's process, who cannot write here, does without those.
        compileall = ["-m", "compileall", "-q", *([] if small else ["-j0"]), self.src, self.site_packages]
        self.steps.run("compiling", [self._venv_python, *compileall], check=False)
        # For nothing where a part of the environment but the project is of this tree alone.
        project = {self.src} if any("project" in step for step in self.params["plan"]) else set()
        if set(environment.from_paths(self.site_packages)) == project:
            self.reusable_for = self.needs

    def _take_over(self) -> bool:
        """Have the environment of a release that asks for the same, and in it the project of this one's tree."""
        twin = next(filter(self._is_twin, self._others()), None)
        if not twin:
            return False
        os.rmdir(self.venv)
        folders = environment.link(twin.venv, self.venv, (twin.path, self.path), self.layout.shared)
        environment.give(folders, users.account(BUILD_USER))
        try:
            for step in self.params["plan"]:
                if "project" in step:
                    what, words = pip_words({**step, "deps": False}, self.src)
                    # What the project is built with is in uv's cache. Should it not be, all is installed anew.
                    self._pip(what, [*(["--offline"] if self.uv else []), "--force-reinstall", *words])
            if self._project_needs() == twin._project_needs():
                return True
        except BuildError:
            pass  # Said when it fails again.
        shutil.rmtree(self.venv)
        self._make_folder(self.venv)
        return False

    def _others(self) -> list[Release]:
        """The app's other releases that are whole, the newest first."""
        return [Release(self.layout, name, self.params, self.python) for name in reversed(self.layout.complete())]

    def _is_twin(self, other: Release) -> bool:
        with (
            contextlib.suppress(OSError, ValueError),
            open(os.path.join(other.path, "release.json"), encoding="utf-8") as file,
        ):
            return json.load(file).get("needs") == self.needs and len(other.path) == len(self.path)
        return False

    def _project_needs(self) -> list[tuple[str, list[str]]]:
        """The names of what is installed from the tree, with what each depends on."""
        return [environment.needs(metadata) for metadata in environment.from_paths(self.site_packages).values()]

    def _install_anew(self) -> None:
        python = self.python[0]
        venv = [UV, "venv", "--no-project", "--python", python] if self.uv else [python, "-m", "venv"]
        self.steps.run("making the virtual environment", [*venv, self.venv])
        for step in self.params["plan"]:
            self._pip(*pip_words(step, self.src))
        if self.params["requirement"]:
            self._pip(*pip_words({"packages": [self.params["requirement"]]}, self.src))
        there = environment.distributions(self.site_packages)
        missing = [e["requirement"] for e in self.params["server"] if environment.normal(e["name"]) not in there]
        if missing:
            self._pip(*pip_words({"packages": missing}, self.src))

    def _pip(self, what: str, words: list[str]) -> None:
        if self.uv:
            pip = [UV, "pip", "install", "--python", self._venv_python]
        else:
            # As uv does it: no project is installed by its own setup.py, which would leave no word of where it came from.
            options = ["--no-compile", "--no-input", "--disable-pip-version-check", "--use-pep517"]
            pip = [self._venv_python, "-m", "pip", "install", *options]
        no_index = ["--no-index", "--find-links", self.wheelhouse] if self.wheelhouse else []
        self.steps.run(f"installing {what}", [*pip, *no_index, *words])

    @property
    def _venv_python(self) -> str:
        return os.path.join(self.venv, "bin", "python")

    # Folders that are led elsewhere

    def _link(self) -> None:
        """Lead the app's writable folders to those that outlive releases, and Nginx to the static ones."""
        self.steps.kill_leftovers()
        shared, names = Shared(self.layout, self, self.steps), modules(self.params["wsgi"])
        shared.lead(self.params["shared"], names)
        static = Static(self, shared, self.steps, self.params["static_group"])
        static.publish(self.params["static"], names, next(iter(self._others()), None))
        static.protect(self.params["protected"])

    # The end

    def _seal(self) -> None:
        """Root's from here on, writable by nobody else, on the disk, and complete once release.json says so."""
        self.steps.kill_leftovers()
        shutil.rmtree(self.tmp)
        own(self.path, pwd.getpwuid(os.geteuid()))
        assets.gather(self.layout, self.id)
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(["sync", "--file-system", self.path], stdin=subprocess.DEVNULL, timeout=60, check=False)
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        record = {"id": self.id, "created": created, **self.description(), "needs": self.reusable_for}
        temporary = os.path.join(self.path, ".release.json")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(json.dumps(record, indent=2) + "\n")
            os.fchmod(file.fileno(), 0o644)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, os.path.join(self.path, "release.json"))
        with contextlib.ExitStack() as opened:
            os.fsync(open_folder(opened, self.path))

    def description(self) -> dict[str, str]:
        """What a person wants to know of a release beside its ID."""
        return {"source": index.mask(self.params["tree"].get("describe", "")), "python": " ".join(self.python)}
