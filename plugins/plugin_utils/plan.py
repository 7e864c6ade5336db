# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an app is installed: its requirements and its project, as steps for the host."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

import tomllib
from ansible_collections.slipway.flask.plugins.plugin_utils.tree import SourceError

try:
    from packaging.version import InvalidVersion, Version
except ImportError:  # ansible-core brings it; ansible-test imports plugins without
    InvalidVersion = Version = None

# A line of a requirements file that includes another file of the tree; an address is the installer's to fetch.
_INCLUDE = re.compile(r"(?:-[rc]\s*|--(?:requirement|constraint)(?:\s*=\s*|\s+))(?!https?://)(\S.*)")
# Build backends' plug-ins that take a version from git.
_SCM = re.compile(
    r"setuptools[-_]scm|setuptools[-_]git[-_]versioning|hatch-vcs|versioningit|poetry-dynamic-versioning|uv-dynamic-versioning|pbr|"
    r"pdm-backend|flit[-_]scm",
    re.IGNORECASE,
)


def plan_of(files: dict[str, str], requirements: dict) -> list[dict]:
    """The installation's steps. ``files`` holds the tree's texts by path, ``requirements`` the app's key of that name."""
    asked = {key: value for key, value in requirements.items() if value}
    pyproject = _pyproject(files)
    can_install = "build-system" in pyproject or "setup.py" in files
    project = asked.get("project", "auto")
    if project == "auto":
        project = "install" if can_install else "dependencies" if "project" in pyproject else "none"
    if project == "install" and not can_install:
        raise SourceError(
            "requirements.project: expected a pyproject.toml with [build-system] or a setup.py, found neither"
        )
    if project == "dependencies" and "project" not in pyproject:
        raise SourceError("requirements.project: expected a pyproject.toml with [project], found none")
    names = asked.get("files") or (["requirements.txt"] if "requirements.txt" in files and project != "install" else [])
    steps, locked = [], False
    for name in names:
        if name not in files:
            raise SourceError(
                f"requirements.files: expected a file of the tree, found none called {name!r}; {_there(files)}"
            )
        hashes = "--hash=" in "\n".join(_lines_of(name, files, set()))
        locked = locked or hashes
        steps.append({"requirements": name, "hashes": hashes})
    extras = asked.get("extras", [])
    known = pyproject.get("project", {}).get("optional-dependencies", {})
    # Extras that a build backend makes up are known to it alone.
    listed = "project" in pyproject and "optional-dependencies" not in pyproject["project"].get("dynamic", [])
    unknown = [extra for extra in extras if extra not in known and (listed or project == "dependencies")]
    if unknown:
        raise SourceError(
            f"requirements.extras: expected some of {', '.join(sorted(known)) or 'none'}, found {', '.join(unknown)}"
        )
    if project == "dependencies" and not (names and locked):
        wanted = [
            *pyproject["project"].get("dependencies", []),
            *(entry for extra in extras for entry in known[extra]),
        ]
        steps += [{"packages": wanted}] if wanted else []
    if asked.get("packages"):
        steps.append({"packages": asked["packages"]})
    if project == "install":
        steps.append({"project": ".", "extras": extras, "deps": not locked})
    return steps


def requirements_of(files: dict[str, str], plan: list[dict]) -> str:
    """All that a plan's requirements files say, and what uv reads in the tree: the same text is the same installation."""
    lines = [
        line.strip()
        for step in plan
        if "requirements" in step
        for line in _lines_of(step["requirements"], files, set())
    ]
    uv = _pyproject(files).get("tool", {}).get("uv", {})
    return "\n".join([*filter(None, lines), files.get("uv.toml", ""), json.dumps(uv, sort_keys=True, default=str)])


def _lines_of(name: str, files: dict[str, str], seen: set[str]) -> Iterator[str]:
    """The lines of a requirements file and of those that it includes, without comments."""
    seen.add(name)
    for number, text in enumerate(files[name].splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", text)
        yield line
        include = _INCLUDE.fullmatch(line.strip())
        if include:
            found = include[1].strip("\"'")
            path = os.path.normpath(os.path.join(os.path.dirname(name), found))
            if path not in files:
                outside = path.startswith(("/", "../"))
                raise SourceError(
                    f"requirements.files: {name}, line {number}: expected a file of the tree, found {found!r}, "
                    f"which {'lies outside of it' if outside else 'is not there'}; {_there(files)}"
                )
            if path not in seen:
                yield from _lines_of(path, files, seen)


def _there(files: dict[str, str]) -> str:
    return "there are: " + (", ".join(sorted(path for path in files if path.endswith((".txt", ".in")))) or "none")


def _pyproject(files: dict[str, str]) -> dict:
    try:
        return tomllib.loads(files.get("pyproject.toml", ""))
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"source: expected a valid pyproject.toml, found: {error}") from None


class Project(NamedTuple):
    """What is known of a project before it is built."""

    file: str  # that says what it depends on
    dependencies: list[str]
    extras: dict[str, list[str]]
    build: list[str]  # what its build system needs
    is_dynamic: bool  # what it depends on is known once it is built


def project_of(files: dict[str, str]) -> Project:
    pyproject = _pyproject(files)
    table = pyproject.get("project", {})
    # Where nothing is said, setuptools is meant; older ones need wheel too.
    build = pyproject.get("build-system", {}).get("requires", ["setuptools>=40.8.0"])
    build = [*build, *(["wheel"] if any(requirement.startswith("setuptools") for requirement in build) else [])]
    return Project(
        file=next(name for name in ("pyproject.toml", "setup.py") if name in files),
        dependencies=table.get("dependencies", []),
        extras=table.get("optional-dependencies", {}),
        build=build,
        is_dynamic=not table or bool({"dependencies", "optional-dependencies"} & set(table.get("dynamic", []))),
    )


def wants_scm_version(files: dict[str, str]) -> bool:
    pyproject = _pyproject(files)
    requires = " ".join(pyproject.get("build-system", {}).get("requires", []))
    if "project" in pyproject and "version" not in pyproject["project"].get("dynamic", []):
        return False
    return bool(
        _SCM.search(requires)
        or re.search(
            r"use_scm_version|pbr",
            files.get("setup.py", "") + files.get("setup.cfg", ""),
        )
    )


def scm_version(describe: str) -> str:
    """A version (PEP 440) from `git describe --tags --long --dirty`, as setuptools-scm makes it; '' when there is no tag.

    What is not committed is called dirty, not by its date: the same content has the same version.
    """
    match = re.fullmatch(
        r"(?:[\w/-]*[-/_])?[vV]?(?P<version>\d.*)-(?P<distance>\d+)-g(?P<commit>[0-9a-f]+)(?P<dirty>-dirty)?", describe
    )
    try:
        version = Version(match["version"]) if match else None
    except InvalidVersion:
        version = None
    if not version:
        return ""
    if match["distance"] == "0" and not match["dirty"]:
        return version.public
    # A tag such as 1.3.dev0 names the next version already.
    coming, is_dev, dummy = version.public.partition(".dev")
    if not is_dev:
        coming = re.sub(r"\d+$", lambda number: str(int(number[0]) + 1), coming)
    local = f"g{match['commit']}" + (".dirty" if match["dirty"] else "")
    return f"{coming}.dev{match['distance']}+{local}"
