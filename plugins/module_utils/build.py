# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a release: from an app's tree and requirements to a folder that nobody changes again."""

from __future__ import annotations

import base64
import contextlib
import grp
import hashlib
import io
import json
import os
import platform
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tarfile
import tempfile
import time

from ansible_collections.slipway.flask.plugins.module_utils import assets, environment, index
from ansible_collections.slipway.flask.plugins.module_utils.layout import BUILD_HOME, BUILD_USER, UV, Layout

FORMAT = 2  # Part of every ID: raise it when a release of the same input must be built anew.
SPARE_BYTES = 100 << 20
BROTLI = "/usr/bin/brotli"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class BuildError(Exception):
    """The release cannot be built; ``str()`` says why."""


def identity(inputs: dict) -> str:
    """A release's ID: twelve hex digits that any change of what goes into it changes."""
    text = json.dumps({"format": FORMAT, **inputs}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


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


def target(version: str) -> dict[str, str]:
    """What the wheels must fit that a host with this Python installs."""
    name, dummy, glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    return {"python": version, "machine": platform.machine(), "glibc": glibc if name == "glibc" else "0.0"}


def inside(path: str, top: str) -> bool:
    """Whether ``path``, all links followed, lies in ``top``."""
    top = os.path.realpath(top)
    return os.path.commonpath([top, os.path.realpath(path)]) == top


def account(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise BuildError(f"expected the user {name} on this host, found none; run the python role first") from None


def make_home(layout: Layout) -> None:
    """Create the app's home, unless something that is not an app's already bears its name."""
    refuse_foreign_home(layout)
    user = account(layout.user)
    for folder in (layout.home, layout.releases, layout.shared):
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
    # Others may pass, not look: Nginx serves some of the folders in it.
    os.chmod(layout.shared, 0o751)
    os.chown(layout.shared, user.pw_uid, user.pw_gid)


def refuse_foreign_home(layout: Layout) -> None:
    """Raise :class:`BuildError` where the home's path is taken by something else."""
    if not os.path.lexists(layout.home):
        return
    found = os.listdir(layout.home) if os.path.isdir(layout.home) else ["a file"]
    if set(found) - {os.path.basename(layout.lock)} and not os.path.isdir(layout.etc):
        with contextlib.suppress(OSError):
            if os.lstat(layout.releases).st_uid == os.geteuid():
                return
        raise BuildError(
            f"{layout.home} is there and is no app's home (it holds {', '.join(sorted(found)[:3])}); "
            "give the app another name, or set slipway_root (app_root) to a folder of its own for the apps' homes"
        )


class Release:
    """One release while it is built, in its final place: a virtual environment cannot be moved."""

    def __init__(self, layout: Layout, release_id: str, params: dict, python: tuple[str, str]) -> None:
        self.layout, self.id, self.params, self.python = layout, release_id, params, python
        self.path = layout.release(release_id)
        self.src, self.venv, self.public, self.protected, self.tmp = (
            os.path.join(self.path, name) for name in ("src", "venv", "public", "protected", "tmp")
        )
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
        user = account(BUILD_USER)
        os.mkdir(path)
        os.chown(path, user.pw_uid, user.pw_gid)
        os.chmod(path, 0o755)

    # The tree

    def _unpack(self) -> None:
        """Unpack what the controller packed; what it would never pack is not believed."""
        if self.params["archive"] or self.params["packed"]:
            packed = io.BytesIO(base64.b64decode(self.params["packed"])) if self.params["packed"] else None
            with tarfile.open(self.params["archive"] or None, "r:gz", packed) as tar:
                tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
                self._unpack_members(tar)
            if version := self.params["tree"].get("scm_version"):
                self._stand_in_for_git(version)
            _own(self.src, account(BUILD_USER))

    def _stand_in_for_git(self, version: str) -> None:
        """Let setuptools-scm, which asks git for a package's data files too, take the tree's files for git's."""
        archival = os.path.join(self.src, ".git_archival.txt")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(archival)  # What is there is git's template.
        with open(archival, "x", encoding="utf-8") as file:
            file.write(f"node: {'0' * 40}\ndescribe-name: {version}\n")

    def _unpack_members(self, tar: tarfile.TarFile) -> None:
        links, now = [], time.time()
        for member in tar:
            path = os.path.join(self.src, member.name)
            if member.name.startswith("/") or ".." in member.name.split("/") or not inside(path, self.src):
                raise BuildError(f"the archive's member {member.name!r} leads out of the tree")
            if not (member.isreg() or member.isdir() or member.issym()) or member.mode & 0o7000:
                raise BuildError(f"the archive's member {member.name!r} is no plain file, folder or link")
            # As of now: a file that changed must not have its predecessor's time, which Nginx makes its ETag from.
            member.mtime = now
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            tar.extract(member, self.src)
            links += [path] if member.issym() else []
        for path in links:
            if not inside(path, self.src):
                raise BuildError(f"the archive's link {os.path.relpath(path, self.src)!r} leads out of the tree")

    @property
    def wheelhouse(self) -> str:
        """The folder with all that is installed where no index is asked, '' where one is."""
        return os.path.join(self.layout.wheels, self.params["wheels_id"]) if self.params["wheels_id"] else ""

    def _unpack_wheels(self) -> None:
        """Have this release's wheels, and none but these."""
        if self.params["wheels"] or not self.params["wheels_id"]:
            shutil.rmtree(self.layout.wheels, ignore_errors=True)
        if not self.params["wheels"]:
            return
        temporary = f"{self.wheelhouse}.new"
        os.makedirs(temporary)
        with tarfile.open(self.params["wheels"], "r:") as tar:
            for member in tar:
                if not member.isreg() or not re.fullmatch(r"[\w.+!-]+\.whl", member.name):
                    raise BuildError(f"the wheelhouse's member {member.name!r} is no wheel")
                with open(os.path.join(temporary, member.name), "xb") as file:
                    shutil.copyfileobj(tar.extractfile(member), file)
        _own(temporary, pwd.getpwuid(os.geteuid()))
        os.chmod(self.layout.wheels, 0o755)
        os.rename(temporary, self.wheelhouse)

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
        environment.give(folders, account(BUILD_USER))
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

    @property
    def site_packages(self) -> str:
        lib = os.path.join(self.venv, "lib")
        python = next(name for name in sorted(os.listdir(lib)) if name.startswith("python"))
        return os.path.join(lib, python, "site-packages")

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
            **scm_environment(self.params["tree"].get("scm_version")),
        }

    def _run(self, step: str, argv: list[str], check: bool = True, user: str = BUILD_USER) -> None:
        """Run a command in the tree as ``user``; killed with all it started when the build's time is up."""
        with tempfile.TemporaryFile(dir=self.path) as output:
            process = subprocess.Popen(
                argv, cwd=self.src, env=self._environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, umask=0o022, **_as(account(user)),
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
        user, walked = account(self.layout.user), self.layout.shared
        with contextlib.ExitStack() as opened:
            folders = [_open(opened, walked)]
            for name in [part for part in path.split("/") if part not in ("", ".")]:
                walked = os.path.join(walked, name)
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=folders[-1])
                try:
                    folders.append(_open(opened, name, dir_fd=folders[-1]))
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
        """Give every URL prefix of static files its folder below public/, and every protected one its own below protected/."""
        static = self.params["static"]
        if static is None:
            static = self._own_static()
        newest = next(reversed(self.layout.complete()), None)
        for prefix in sorted(static):
            folder = self._static_folder(prefix, static[prefix])
            outer = next((other for other in static if other != prefix and prefix.startswith(other)), None)
            if outer:
                raise BuildError(
                    f"static {prefix}: lies within another prefix, {outer}, which has one folder; leave one of them out"
                )
            target = self._below(self.public, prefix)
            if inside(folder, self.layout.shared):
                os.symlink(os.path.relpath(folder, os.path.dirname(target)), target)
            else:
                before = os.path.join(self.layout.release(newest), "public", prefix.strip("/")) if newest else ""
                assets.lay_out(folder, target, before, self._brotli if os.access(BROTLI, os.X_OK) else None)
        for prefix, where in sorted(self.params["protected"].items()):
            target = self._below(self.protected, prefix)
            os.symlink(os.path.relpath(self._static_folder(prefix, where), os.path.dirname(target)), target)

    @staticmethod
    def _below(top: str, prefix: str) -> str:
        """The path that a URL prefix has below ``top``; the folders above it are there then."""
        target = os.path.join(top, prefix.strip("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        return target

    def _brotli(self, path: str) -> bytes:
        """A file's compressed form, empty where none could be had."""
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            return subprocess.run(
                [BROTLI, "--stdout", "--best", "--", path], env=self._environment(), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                timeout=max(1, self.deadline - time.monotonic()), **_as(account(BUILD_USER)),
            ).stdout  # fmt: skip
        return b""

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
        _own(self.path, pwd.getpwuid(os.geteuid()))
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
            os.fsync(_open(opened, self.path))

    def description(self) -> dict[str, str]:
        """What a person wants to know of a release beside its ID."""
        return {"source": index.mask(self.params["tree"].get("describe", "")), "python": " ".join(self.python)}


def _open(opened: contextlib.ExitStack, path: str, dir_fd: int | None = None) -> int:
    descriptor = os.open(path, _FOLDER, dir_fd=dir_fd)
    opened.callback(os.close, descriptor)
    return descriptor


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


def _own(top: str, user: pwd.struct_passwd) -> None:
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
