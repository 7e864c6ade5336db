# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels for hosts that reach no package index: chosen by uv and downloaded by pip, here, for another machine's interpreter."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from ansible import constants as C
from ansible_collections.slipway.flask.plugins.module_utils.index import mask
from ansible_collections.slipway.flask.plugins.module_utils.layout import UV_VERSION
from ansible_collections.slipway.flask.plugins.module_utils.steps import scm_environment
from ansible_collections.slipway.flask.plugins.plugin_utils.plan import project_of
from ansible_collections.slipway.flask.plugins.plugin_utils.source import alone
from ansible_collections.slipway.flask.plugins.plugin_utils.tree import SourceError, texts_of

SECONDS = 600
KEPT_DAYS = 30
# The releases of glibc that uv can choose wheels for.
_GLIBC = (17, 28, *range(31, 41))
_MACHINES = ("x86_64", "aarch64")


class Target(NamedTuple):
    """A host, as wheels see it: version of Python, kind of machine, version of glibc."""

    python: str
    machine: str
    glibc: str

    def __str__(self) -> str:
        return f"Python {self.python} on {self.machine} with glibc {self.glibc}"

    @property
    def minor(self) -> int:
        return int(self.glibc.split(".")[1])

    def for_uv(self) -> list[str]:
        minor = max((known for known in _GLIBC if known <= self.minor), default=0)
        if self.machine not in _MACHINES or not minor:
            raise SourceError(
                f"wheelhouse: expected a host with {' or '.join(_MACHINES)} and glibc from 2.17, found {self}; "
                "leave wheelhouse out, and the host installs from the package index itself"
            )
        platform = f"{self.machine}-manylinux_2_{minor}"
        return ["--python-version", self.python, "--python-platform", platform, "--only-binary", ":all:"]

    def for_pip(self) -> list[str]:
        names = [f"manylinux_2_{minor}" for minor in range(self.minor, 4, -1)]
        names += ["manylinux2014", "manylinux2010", "manylinux1", "linux"]
        platforms = [word for name in names for word in ("--platform", f"{name}_{self.machine}")]
        version = ".".join(self.python.split(".")[:2])
        return ["--only-binary=:all:", "--implementation=cp", f"--python-version={version}", *platforms]


def for_release(prepared: dict, server: list[dict], target: Target, index: dict) -> str:
    """Path of a tar with all wheels that building a release needs: what it installs, its server, its build system.

    ``prepared`` is what :func:`source.prepare` returns. The same needs give the same file, without asking the index again.
    """
    files = texts_of(prepared["archive"]) if prepared["archive"] else {}
    projects = [step for step in prepared["plan"] if "project" in step]
    project = project_of(files) if projects else None
    needs = {key: prepared[key] for key in ("plan", "requirement", "requirements")}
    # What is not known without building it may be anything that the tree says.
    needs |= {"server": server, "project": project and project._asdict(), "target": target}
    needs |= {"tree": prepared["digest"] if project and project.is_dynamic else ""}

    def collect(scratch: Path, wheels: Path) -> None:
        tools = _Tools(scratch, index, prepared["scm_version"])
        if prepared["archive"]:
            with tarfile.open(prepared["archive"], "r:gz") as tar:
                # As a setting, which Pythons before 3.11.4 leave aside: they have no filters, and the tree is checked.
                tar.extraction_filter = getattr(tarfile, "data_filter", None)
                tar.extractall(tools.tree)
        pinned = tools.pin(_inputs(prepared, project), target)
        names = {_name(line) for line in pinned}
        missing = [entry["requirement"] for entry in server if _name(entry["name"]) not in names]
        pinned += tools.pin({"packages": missing}, target, pinned)
        tools.download(pinned, target, wheels)
        if project:
            tools.download(tools.pin({"packages": project.build}, target), target, wheels)

    return _cached(needs, collect)


def for_installer(requirement: str, target: Target, index: dict) -> str:
    """Path of a tar with the wheel of an installer that depends on nothing."""

    def collect(scratch: Path, wheels: Path) -> None:
        _Tools(scratch, index).download([requirement], target, wheels)

    return _cached({"installer": requirement, "target": target}, collect)


def identity(path: str) -> str:
    """What tells a wheelhouse from others, by its content."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


def _inputs(prepared: dict, project) -> dict:
    """What the app installs, as :meth:`_Tools.pin` takes it."""
    plan = prepared["plan"]
    packages = [package for step in plan for package in step.get("packages", [])]
    inputs = {
        "files": [step["requirements"] for step in plan if "requirements" in step],
        "packages": packages + ([prepared["requirement"]] if prepared["requirement"] else []),
    }
    for step in plan:
        if "project" in step and step.get("deps", True):
            inputs |= {"project": project.file, "extras": step.get("extras", []), "is_dynamic": project.is_dynamic}
    return inputs


class _Tools:
    """uv and pip in a folder of scratch, whose ``tree`` holds the app's."""

    def __init__(self, scratch: Path, index: dict, scm_version: str = "") -> None:
        self.scratch, self.tree = scratch, scratch / "tree"
        self.tree.mkdir()
        # A host's proxies and folders are its own; indexes are asked for here.
        urls, extra_urls = index.get("url"), " ".join(index.get("extra_urls") or [])
        settings = {"UV_DEFAULT_INDEX": urls, "PIP_INDEX_URL": urls}
        settings |= {"UV_INDEX": extra_urls, "PIP_EXTRA_INDEX_URL": extra_urls}
        settings |= {"UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1", "NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
        settings |= scm_environment(scm_version)
        self.environment = {**os.environ, **{name: value for name, value in settings.items() if value}}

    @functools.cached_property
    def uv(self) -> str:
        """This machine's own, or one that pip gets."""
        beside = Path(sys.executable).with_name("uv")
        if found := shutil.which("uv") or (str(beside) if beside.exists() else ""):
            return found
        folder = cache() / f"uv-{UV_VERSION}"
        with alone(f"{folder}.lock"):
            if not folder.exists():
                words = ["install", "--quiet", "--only-binary=:all:", "--no-deps", "--target", str(self.scratch / "uv")]
                self.run([*self.pip, *words, f"uv=={UV_VERSION}"])
                shutil.move(self.scratch / "uv", folder)
        return str(folder / "bin" / "uv")

    @functools.cached_property
    def pip(self) -> list[str]:
        if importlib.util.find_spec("pip"):
            return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        if shutil.which("uv"):
            return ["uv", "tool", "run", "--quiet", "pip", "--disable-pip-version-check", "--no-input"]
        raise SourceError(
            f"wheelhouse: expected pip or uv on this machine, found neither; install pip for {sys.executable}"
        )

    def pin(self, inputs: dict, target: Target, constraints: list[str] | None = None) -> list[str]:
        """All that the target needs, as lines ``name==version``. ``inputs``: files, packages, project with its extras."""
        if inputs.get("is_dynamic"):
            inputs = {**inputs, "packages": [*inputs["packages"], *self.built_needs(inputs)], "project": None}
        words = [*inputs.get("files", [])]
        if inputs.get("packages"):
            words.append(self.write("packages.in", inputs["packages"]))
        if inputs.get("project"):
            words += [inputs["project"], *(f"--extra={extra}" for extra in inputs["extras"])]
        if not words:
            return []
        words += ["--constraint", self.write("constraints.txt", constraints)] if constraints else []
        try:
            return self.compile([*words, *target.for_uv()])
        except SourceError as error:
            raise SourceError(
                f"wheelhouse: expected a ready-made wheel for {target} of all that the app needs, found: {error}\n"
                "Name versions that have wheels; or build the missing wheel and put it into an index of your own "
                "(python_extra_index_urls); or leave wheelhouse out"
            ) from None

    def built_needs(self, inputs: dict) -> list[str]:
        """What a project needs that says so only when it is built."""
        return self.compile(["--no-deps", inputs["project"], *(f"--extra={extra}" for extra in inputs["extras"])])

    def compile(self, words: list[str]) -> list[str]:
        plain = ["--quiet", "--no-header", "--no-annotate", "--python", sys.executable]
        lines = self.run([self.uv, "pip", "compile", *plain, *words]).splitlines()
        return [line for line in lines if line.strip() and not line.startswith(("#", "-"))]

    def download(self, pinned: list[str], target: Target, wheels: Path) -> None:
        if pinned:
            words = ["download", "--quiet", "--no-deps", "--dest", str(wheels), *target.for_pip()]
            self.run([*self.pip, *words, "--requirement", self.write("pinned.txt", pinned)])

    def write(self, name: str, lines: list[str]) -> str:
        path = self.scratch / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    def run(self, argv: list[str]) -> str:
        try:
            done = subprocess.run(
                argv, cwd=self.tree, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                errors="replace", timeout=SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise SourceError(f"`{' '.join(argv[:3])}` did not end within {SECONDS} s") from None
        if done.returncode:
            raise SourceError(mask("\n".join(done.stderr.strip().splitlines()[-20:])))
        return done.stdout


def cache() -> Path:
    """Where this user's wheelhouses are kept from run to run."""
    folder = Path(C.ANSIBLE_HOME).expanduser() / "slipway"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _cached(needs: dict, collect) -> str:
    key = hashlib.sha256(json.dumps(needs, sort_keys=True).encode()).hexdigest()[:16]
    found = cache() / f"{key}.tar"
    with alone(str(found.with_suffix(".lock"))):
        if not found.exists():
            with tempfile.TemporaryDirectory(dir=cache()) as scratch:
                wheels, packed = Path(scratch, "wheels"), Path(scratch, "wheels.tar")
                wheels.mkdir()
                collect(Path(scratch), wheels)
                _pack(wheels, packed)
                os.replace(packed, found)
        os.utime(found)
    for other in cache().glob("*.tar"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - other.stat().st_mtime > KEPT_DAYS * 86400:
                other.unlink()
    return str(found)


def _pack(wheels: Path, packed: Path) -> None:
    """The wheels as a tar that depends on them alone."""
    with tarfile.open(packed, "w") as tar:
        for wheel in sorted(wheels.iterdir()):
            info = tarfile.TarInfo(wheel.name)
            info.size = wheel.stat().st_size
            with wheel.open("rb") as file:
                tar.addfile(info, file)


def _name(requirement: str) -> str:
    """A requirement's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]*", requirement)[0]).lower()
