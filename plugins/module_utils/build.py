# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a release: from an app's tree and requirements to a folder that nobody changes again."""

from __future__ import annotations

import contextlib
import grp
import hashlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time

from ansible_collections.slipway.flask.plugins.module_utils import environment, index, users
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.folders import inside, open_folder, own
from ansible_collections.slipway.flask.plugins.module_utils.layout import (
    BUILD_HOME,
    BUILD_USER,
    UV,
    Layout,
    ReleaseLayout,
)
from ansible_collections.slipway.flask.plugins.module_utils.unpack import unpack_tree, unpack_wheels

FORMAT = 1  # Part of every ID: raise it when a release of the same input must be built anew.
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


def scm_environment(version: str) -> dict[str, str]:
    """Variables that tell build systems the version that they would ask git for."""
    names = ("SETUPTOOLS_SCM_PRETEND_VERSION", "PBR_VERSION", "PDM_BUILD_SCM_VERSION")
    names += ("POETRY_DYNAMIC_VERSIONING_BYPASS", "UV_DYNAMIC_VERSIONING_BYPASS")
    return dict.fromkeys(names, version) if version else {}


class Release(ReleaseLayout):
    """One release while it is built, in its final place: a virtual environment cannot be moved."""

    def __init__(self, layout: Layout, release_id: str, params: dict, python: tuple[str, str]) -> None:
        super().__init__(layout.release(release_id))
        self.layout, self.id, self.params, self.python = layout, release_id, params, python
        self.scm_version = params["tree"].get("scm_version", "")
        self.uv = os.access(UV, os.X_OK)
        self.deadline = 0.0
        self.reusable_for = ""
        # What the environment is made of, but for what the project itself depends on, which is known once it is built.
        inputs = {key: params[key] for key in ("plan", "requirement", "server")}
        self.needs = identity(
            {**inputs, "python": list(python), "requirements": params["tree"].get("requirements", "")}
        )

    def build(self) -> None:
        """Build it whole, or leave nothing of it behind."""
        self.deadline = time.monotonic() + self.params["build_timeout"]
        try:
            self._clear()
            self._make_folders()
            self._unpack()
            self._unpack_wheels()
            self._install()
            self._share()
            self._publish()
            self._seal()
        except BaseException:
            self._clear()
            raise

    def _clear(self) -> None:
        """Remove what an earlier run left, and first of all what of it still runs."""
        self._kill_leftovers()
        shutil.rmtree(self.path, ignore_errors=True)

    def _kill_leftovers(self) -> None:
        """Kill every process that a step left running: it could still write to the release."""
        mark = os.fsencode(f"TMPDIR={self.tmp}")
        for dummy in range(20):
            left = [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and mark in _environ(entry)]
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

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
        if not self._take_over():
            self._install_anew()
        # Not every file of every package compiles; the app's process, who cannot write here, does without those.
        compileall = ["-m", "compileall", "-q", "-j0", self.src, self.site_packages]
        self._run("compiling", [self._venv_python, *compileall], check=False)
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
        """The app's other releases, the newest first."""
        there = [Release(self.layout, name, self.params, self.python) for name in os.listdir(self.layout.releases)]
        there = [release for release in there if is_complete(release.path)]
        return sorted(there, key=lambda release: os.stat(release.path).st_mtime, reverse=True)

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
        self._run("making the virtual environment", [*venv, self.venv])
        for step in self.params["plan"]:
            self._pip(*pip_words(step, self.src))
        if self.params["requirement"]:
            self._pip(*pip_words({"packages": [self.params["requirement"]]}, self.src))
        there = self._distributions()
        missing = [entry["requirement"] for entry in self.params["server"] if _normal(entry["name"]) not in there]
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
        self._run(f"installing {what}", [*pip, *no_index, *words])

    @property
    def _venv_python(self) -> str:
        return os.path.join(self.venv, "bin", "python")

    def _distributions(self) -> set[str]:
        """Names of what is installed."""
        suffix = ".dist-info"
        names = [name[: -len(suffix)] for name in os.listdir(self.site_packages) if name.endswith(suffix)]
        return {_normal(name.rpartition("-")[0]) for name in names}

    # Steps as the build user

    def _environment(self) -> dict[str, str]:
        """A step's whole environment."""
        return {
            "HOME": BUILD_HOME,
            "TMPDIR": self.tmp,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "UV_CACHE_DIR": os.path.join(BUILD_HOME, "uv"),
            "UV_LINK_MODE": "copy",  # A hard link's owner and mode would be those of the cache too.
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "PIP_CACHE_DIR": os.path.join(BUILD_HOME, "pip"),
            **index.environment(self.params["index"]),
            **scm_environment(self.scm_version),
        }

    def _run(self, step: str, argv: list[str], check: bool = True, user: str = BUILD_USER) -> None:
        """Run a command in the tree as ``user``; killed with all it started when the build's time is up."""
        with tempfile.TemporaryFile(dir=self.path) as output:
            process = subprocess.Popen(
                argv, cwd=self.src, env=self._environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, umask=0o022, **_as(users.account(user)),
            )  # fmt: skip
            try:
                process.wait(max(1, self.deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                end = f"was not done when the build's {self.params['build_timeout']} s were over (build_timeout)"
            else:
                end = f"failed with exit status {process.returncode}" if check and process.returncode else ""
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if end:
                output.seek(0)
                lines = output.read().decode(errors="replace").strip().splitlines()[-30:]
                raise BuildError(index.mask("\n".join([f"{step} {end}. Last lines:", *lines])))

    # What outlives the release

    def _share(self) -> None:
        """Lead the app's writable folders to those that outlive releases."""
        self._kill_leftovers()
        links = {path: os.path.join(self.src, path.strip("/")) for path in self.params["shared"]}
        for path, link in links.items():
            self._link_shared(path, link)
        if "instance" in links:
            # Where Flask looks for it when the app is imported from site-packages.
            for module in modules(self.params["wsgi"]):
                self._link_shared("instance", os.path.join(self.venv, "var", f"{module}-instance"))

    def _link_shared(self, path: str, link: str) -> None:
        target = os.path.join(self.layout.shared, path.strip("/"))
        if ".." in path.split("/") or not inside(os.path.dirname(link), self.path):
            raise BuildError(f"shared {path}: leads out of the tree; name a folder in it")
        if os.path.lexists(link):
            if os.path.islink(link) or not os.path.isdir(link):
                raise BuildError(f"shared {path}: expected a folder, found something else in the tree; name its folder")
            if not os.path.lexists(target):
                self._share_folder(os.path.dirname(path))
                copy = 'umask 027; rm -rf "$2.new"; cp -R "$1" "$2.new" && mv -T "$2.new" "$2"'
                self._run(f"copying {path}", ["/bin/sh", "-c", copy, "sh", link, target], user=self.layout.user)
            shutil.rmtree(link)
        self._share_folder(path)
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(os.path.relpath(target, os.path.dirname(link)), link)

    def _share_folder(self, path: str, group: str = "") -> None:
        """Have a shared folder, owned by the app and readable by ``group``.

        The app writes here and could lead root astray by a link: none is followed.
        """
        user, walked = users.account(self.layout.user), self.layout.shared
        with contextlib.ExitStack() as opened:
            folders = [open_folder(opened, walked)]
            for name in [part for part in path.split("/") if part not in ("", ".")]:
                walked = os.path.join(walked, name)
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=folders[-1])
                try:
                    folders.append(open_folder(opened, name, dir_fd=folders[-1]))
                except OSError:
                    raise BuildError(f"expected a folder at {walked}, found a link or a file; remove it") from None
                if os.fstat(folders[-1]).st_uid != user.pw_uid:
                    os.fchown(folders[-1], user.pw_uid, user.pw_gid)
                    os.fchmod(folders[-1], 0o750)
            if group and len(folders) > 1:
                self._open_to(grp.getgrnam(group).gr_gid, walked, folders[1:])

    def _open_to(self, gid: int, path: str, folders: list[int]) -> None:
        """Let a group read the shared folder at ``path``, given with its parents, and what is or will be in it."""
        if os.fstat(folders[-1]).st_gid != gid:
            self._run(f"opening {path}", ["chmod", "-R", "o+rX", path], user=self.layout.user)
        for folder in folders:
            # Set-group-ID: what the app writes here has the group too. All others stop at this folder.
            os.fchown(folder, -1, gid)
            os.fchmod(folder, 0o2750)

    # What Nginx serves

    def _publish(self) -> None:
        """Give every URL prefix of static files its folder below public/, where Nginx looks."""
        static = self.params["static"]
        if static is None:
            static = self._own_static()
        for prefix in sorted(static):
            folder = self._static_folder(prefix, static[prefix])
            link = os.path.join(self.public, prefix.strip("/"))
            if not inside(link, self.public):
                raise BuildError(
                    f"static {prefix}: lies within another prefix, which has one folder; leave one of them out"
                )
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(os.path.relpath(folder, os.path.dirname(link)), link)

    def _own_static(self) -> dict[str, str]:
        """The static folder where Flask itself looks, beside the app's module."""
        for module in modules(self.params["wsgi"]):
            name = module.replace(".", "/")
            for kind, root in (
                ("", self.src),
                ("src/", os.path.join(self.src, "src")),
                ("package:", self.site_packages),
            ):
                beside = os.path.dirname(name) if os.path.isfile(os.path.join(root, f"{name}.py")) else name
                found = os.path.join(beside, "static")
                if os.path.isdir(os.path.join(root, found)):
                    return {"/static/": kind + found}
        return {}

    def _static_folder(self, prefix: str, where: str) -> str:
        kind, dummy, path = where.rpartition(":")
        tops = {"": self.src, "package": self.site_packages, "shared": self.layout.shared}
        if kind not in tops or not prefix.strip("/"):
            raise BuildError(
                f"static {prefix}: expected a prefix such as /files/ and a folder in the tree, package:NAME/FOLDER "
                f"or shared:FOLDER, found {where!r}"
            )
        folder = os.path.normpath(os.path.join(tops[kind], path))
        if inside(folder, self.layout.shared):
            real = os.path.relpath(os.path.realpath(folder), os.path.realpath(self.layout.shared))
            self._share_folder(real, self.params["static_group"])
        elif not os.path.isdir(folder) or not inside(folder, self.path):
            raise BuildError(f"static {prefix}: {where!r} stands for {folder}, which is no folder of this release")
        return folder

    # The end

    def _seal(self) -> None:
        """Root's from here on, writable by nobody else, on the disk, and complete once release.json says so."""
        self._kill_leftovers()
        shutil.rmtree(self.tmp)
        own(self.path, pwd.getpwuid(os.geteuid()))
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


def _environ(pid: str) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def _as(user: pwd.struct_passwd) -> dict:
    """Arguments of Popen for another user than this one."""
    if user.pw_uid == os.geteuid():
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
