# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of a release: find an app's tree, whatever its source, and pack it.

The same content gives the same archive and the same digest, whoever packs it and when.
"""

from __future__ import annotations

import contextlib
import fcntl
import fnmatch
import gzip
import hashlib
import http.client
import io
import json
import lzma
import os
import re
import stat
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import tomllib
from ansible.module_utils.urls import open_url
from ansible_collections.slipway.flask.plugins.module_utils.index import mask
from packaging.version import InvalidVersion, Version

# Never part of an app: version control, what Python and Node make anew, environments of the developer's own machine.
LEFT_OUT = {
    ".git",
    ".hg",
    ".svn",
    "__pycache__",
    ".venv",
    "venv",
    "node_modules",
    ".tox",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
}
MAX_MEMBERS, MAX_BYTES = 100_000, 2 << 30
MAX_TEXT_BYTES = 4 << 20
FETCH_SECONDS = 120
# What archives raise that are damaged, encrypted (RuntimeError) or name no text (ValueError).
_UNREADABLE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)
# A line of a requirements file that includes another file of the tree; an address is the installer's to fetch.
_INCLUDE = re.compile(r"(?:-[rc]\s*|--(?:requirement|constraint)(?:\s*=\s*|\s+))(?!https?://)(\S.*)")
# Build backends' plug-ins that take a version from git.
_SCM = re.compile(
    r"setuptools[-_]scm|setuptools[-_]git[-_]versioning|hatch-vcs|versioningit|poetry-dynamic-versioning|uv-dynamic-versioning|pbr|"
    r"pdm-backend|flit[-_]scm",
    re.IGNORECASE,
)


class SourceError(Exception):
    """The source cannot be had, or not be trusted; ``str()`` names the key, what was expected and what was found."""


class Entry(NamedTuple):
    """A file (``content``) or a link (``target``) of the tree."""

    content: bytes
    executable: bool = False
    target: str = ""


Tree = dict[str, Entry]


def prepare(source: dict, requirements: dict, basedir: str, cache: str) -> dict:
    """Pack the source's tree into ``cache`` and plan its installation.

    Relative paths are looked for in the folder where Ansible was started, then in ``basedir``.
    Returns kind, describe, digest, archive (path, '' for a package), scm_version, plan and requirement.
    """
    source = {key: value for key, value in source.items() if value not in (None, "", [])}
    kinds = [kind for kind in ("path", "git", "archive", "package") if kind in source]
    if len(kinds) != 1:
        raise SourceError(f"source: expected one of path, git, archive and package, found {', '.join(kinds) or 'none'}")
    kind = kinds[0]
    prepared = {
        "kind": kind,
        "digest": "",
        "archive": "",
        "scm_version": "",
        "plan": [],
        "requirement": "",
    }
    if kind == "package":
        packages = (requirements or {}).get("packages")
        plan = [{"packages": packages}] if packages else []
        return {
            **prepared,
            "describe": source["package"],
            "requirement": source["package"],
            "plan": plan,
        }
    key = hashlib.sha256(json.dumps([source, basedir], sort_keys=True).encode()).hexdigest()[:16]
    os.makedirs(cache, mode=0o700, exist_ok=True)
    # All hosts of a run share what the first one has prepared.
    with _alone(os.path.join(cache, f"{key}.lock")):
        known = Path(cache, f"{key}.json")
        if not known.exists():
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                tree, describe, git_describe = _READERS[kind](source, basedir, scratch)
            tree = _below(tree, source.get("subdirectory", ""))
            archive = Path(cache, f"{key}.tar.gz")
            archive.write_bytes(pack(tree))
            known.write_text(
                json.dumps({"describe": describe, "git": git_describe, "digest": digest(tree)}),
                encoding="utf-8",
            )
        found = json.loads(known.read_text(encoding="utf-8"))
        files = _read_packed(os.path.join(cache, f"{key}.tar.gz"))
    return {
        **prepared,
        "describe": found["describe"],
        "digest": found["digest"],
        "archive": os.path.join(cache, f"{key}.tar.gz"),
        "scm_version": scm_version(found["git"]) if _wants_scm_version(files) else "",
        "plan": plan_of(files, requirements or {}),
    }


# What each kind of source holds


def _read_path(source: dict, basedir: str, scratch: str) -> tuple[Tree, str, str]:
    top = _find(source["path"], basedir)
    if not os.path.isdir(top):
        raise SourceError(f"source.path: expected a folder on this machine, found none at {top}")
    listed = _run_git(["ls-files", "-z", "--cached", "--others", "--exclude-standard"], top)
    if "dubious ownership" in listed.stderr:
        raise SourceError(
            f"source.path: expected a checkout of the user who runs Ansible, found one of another at {top}, whose ignored files "
            "git will not tell; write git config --global --add safe.directory FOLDER, with the checkout's top folder"
        )
    names = "" if listed.returncode else listed.stdout
    # Nothing is listed of a folder that an outer checkout ignores as a whole, such as one with the apps of an inventory.
    if not names:
        paths = [os.path.relpath(os.path.join(folder, name), top) for folder, name in _walk(top)]
    else:
        paths = [name for name in names.split("\0") if name and os.path.lexists(os.path.join(top, name))]
    exclude = source.get("exclude") or []
    kept = [path for path in sorted(set(paths)) if not _left_out(path) and not _excluded(path, exclude)]
    tree = {path: entry for path in kept if (entry := _entry_of(top, path))}
    describe = _git(["describe", "--tags", "--long", "--dirty", "--match", "*[0-9]*"], top)
    return _checked(tree, "source.path"), str(source["path"]), (describe or "").strip()


def _walk(top: str):
    for folder, folders, names in os.walk(top):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        folders[:] = [name for name in folders if name not in LEFT_OUT and name not in links]
        yield from ((folder, name) for name in names + links)


def _left_out(path: str) -> bool:
    return bool(LEFT_OUT & set(path.split("/"))) or path.endswith((".pyc", ".pyo"))


def _excluded(path: str, patterns: list[str]) -> bool:
    parents = [str(parent) for parent in PurePosixPath(path).parents if str(parent) != "."]
    return any(
        fnmatch.fnmatch(candidate, pattern.rstrip("/"))
        or fnmatch.fnmatch(os.path.basename(candidate), pattern.rstrip("/"))
        for pattern in patterns
        for candidate in [path, *parents]
    )


def _entry_of(top: str, path: str) -> Entry | None:
    full = os.path.join(top, path)
    status = os.lstat(full)
    if stat.S_ISLNK(status.st_mode):
        return Entry(b"", target=os.readlink(full))
    if stat.S_ISREG(status.st_mode):
        return Entry(Path(full).read_bytes(), bool(status.st_mode & 0o100))
    if stat.S_ISDIR(status.st_mode):
        return None  # a git submodule that was not fetched
    raise SourceError(
        f"source.path: expected files, folders and links, found {path}, which is none of them; exclude it"
    )


def _read_git(source: dict, basedir: str, scratch: str) -> tuple[Tree, str, str]:
    url, version = source["git"], str(source.get("version") or "")
    if not version:
        raise SourceError("source.version: expected a tag, a branch or a commit beside source.git, found none")
    if url.startswith("-") or version.startswith("-"):
        raise SourceError("source.git and source.version must not begin with -")
    local = _find(url, basedir)
    url = local if os.path.exists(local) else url
    cloned = _run_git(["clone", "--quiet", "--mirror", "--", url, "."], scratch)
    if cloned.returncode:
        raise SourceError(f"source.git: {mask(url)} cannot be fetched: {mask(' '.join(cloned.stderr.split()))}")
    for name in (f"refs/tags/{version}", f"refs/heads/{version}", version):
        commit = _git(["rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"], scratch)
        if commit:
            break
    else:
        raise SourceError(
            f"source.version: expected a tag, a branch or a commit of {mask(url)}, found none called {version!r}"
        )
    commit = commit.strip()
    # The tree is what a checkout would hold: a mirror has no work tree whose attributes, such as export-ignore, could apply.
    packed = subprocess.run(
        ["git", "archive", "--format=tar", "--worktree-attributes", commit],
        cwd=scratch,
        stdout=subprocess.PIPE,
        check=True,
        timeout=FETCH_SECONDS,
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
        tree = _read_tar(tar, "source.git")
    describe = _git(["describe", "--tags", "--long", "--match", "*[0-9]*", commit], scratch)
    return tree, f"{mask(url)} {version} ({commit[:12]})", (describe or "").strip()


def _read_archive(source: dict, basedir: str, scratch: str) -> tuple[Tree, str, str]:
    where, expected = source["archive"], str(source.get("sha256") or "").lower()
    if re.match(r"https?://", where):
        if not expected:
            raise SourceError(f"source.sha256: expected the checksum of {mask(where)}, found none; write sha256: HEX")
        try:
            content = open_url(where, timeout=FETCH_SECONDS).read(MAX_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(f"source.archive: {mask(where)} cannot be fetched: {mask(str(error))}") from None
    else:
        path = _find(where, basedir)
        if not os.path.isfile(path):
            raise SourceError(f"source.archive: expected a file on this machine or an address, found none at {path}")
        content = Path(path).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if expected and found != expected:
        raise SourceError(f"source.sha256: expected {expected}, found {found} at {mask(where)}; nothing of it was read")
    try:
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                tree = _read_zip(archive)
        else:
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                tree = _read_tar(tar, "source.archive")
    except _UNREADABLE as error:
        raise SourceError(f"source.archive: expected a tar or zip archive, found {mask(where)}: {error}") from None
    tops = {path.split("/")[0] for path in tree}
    if len(tops) == 1 and all("/" in path for path in tree):
        tree = _below(tree, tops.pop(), "source.archive")
    return _checked(tree, "source.archive"), mask(where), ""


_READERS = {"path": _read_path, "git": _read_git, "archive": _read_archive}


def _read_tar(tar: tarfile.TarFile, where: str) -> Tree:
    tree, size = {}, 0
    for count, member in enumerate(tar, 1):
        size += member.size
        _bound(count, size, member.name, where)
        name = _safe_name(member.name, where)
        if member.mode & 0o6000:
            raise SourceError(f"{where}: member {member.name!r} is set-uid or set-gid")
        if member.isdir():
            continue
        if name in tree:
            raise SourceError(f"{where}: member {member.name!r} is there twice")
        if member.issym():
            tree[name] = Entry(b"", target=member.linkname)
        elif member.isfile():
            tree[name] = Entry(tar.extractfile(member).read(), bool(member.mode & 0o100))
        else:
            raise SourceError(f"{where}: member {member.name!r} is neither a file, a folder nor a symbolic link")
    return _checked(tree, where)


def _read_zip(archive: zipfile.ZipFile) -> Tree:
    tree, size = {}, 0
    for count, member in enumerate(archive.infolist(), 1):
        size += member.file_size
        _bound(count, size, member.filename, "source.archive")
        name, mode = _safe_name(member.filename, "source.archive"), member.external_attr >> 16
        if member.is_dir():
            continue
        if name in tree:
            raise SourceError(f"source.archive: member {member.filename!r} is there twice")
        if mode & 0o6000 or stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFLNK):
            raise SourceError(
                f"source.archive: member {member.filename!r} is neither a plain file, a folder nor a symbolic link"
            )
        content = archive.read(member)
        tree[name] = Entry(b"", target=content.decode()) if stat.S_ISLNK(mode) else Entry(content, bool(mode & 0o100))
    return tree


def _bound(members: int, size: int, name: str, where: str) -> None:
    if members > MAX_MEMBERS or size > MAX_BYTES:
        raise SourceError(
            f"{where}: expected at most {MAX_MEMBERS} members and {MAX_BYTES >> 20} MiB, found more with {name!r}"
        )


def _safe_name(name: str, where: str) -> str:
    if name.startswith("/") or ".." in name.split("/") or "\\" in name or "\0" in name:
        raise SourceError(f"{where}: member {name!r} leads out of the tree")
    return str(PurePosixPath(name))


def _checked(tree: Tree, where: str) -> Tree:
    """The tree, if no link leads out of it and nothing lies below a link or a file."""
    for path, entry in tree.items():
        parents = {str(parent) for parent in PurePosixPath(path).parents}
        under = sorted(parents & tree.keys())
        if under:
            raise SourceError(f"{where}: {path!r} lies below {under[0]!r}, which is no folder")
        leads_to = os.path.normpath(os.path.join(os.path.dirname(path), entry.target)) if entry.target else ""
        if entry.target.startswith("/") or leads_to.split("/")[0] == "..":
            raise SourceError(f"{where}: the link {path!r} leads out of the tree, to {entry.target!r}; leave it out")
    return tree


def _below(tree: Tree, folder: str, where: str = "source.subdirectory") -> Tree:
    folder = folder.strip("/")
    if not folder:
        return tree
    found = {path[len(folder) + 1 :]: entry for path, entry in tree.items() if path.startswith(folder + "/")}
    if not found:
        raise SourceError(f"source.subdirectory: expected a folder of the source, found none called {folder!r}")
    return _checked(found, where)


# The archive that goes to the hosts


def digest(tree: Tree) -> str:
    """Hex digest of the tree's content, which only content, names, links and executable bits change."""
    total = hashlib.sha256()
    for path, entry in sorted(tree.items()):
        content = hashlib.sha256(entry.content).hexdigest()
        total.update(json.dumps([path, content, entry.executable, entry.target]).encode() + b"\n")
    return total.hexdigest()


def pack(tree: Tree) -> bytes:
    """The tree as a tar.gz whose bytes depend on its content alone."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for path, entry in sorted(tree.items()):
            member = tarfile.TarInfo(path)
            member.mode = 0o755 if entry.executable else 0o644
            if entry.target:
                member.type, member.linkname = tarfile.SYMTYPE, entry.target
            member.size = len(entry.content)
            tar.addfile(member, io.BytesIO(entry.content))
    return buffer.getvalue()


def _read_packed(archive: str) -> dict[str, str]:
    """Texts of the files, of which some say how to install the app, whatever they are called; links are followed."""
    texts = {}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            # A link that leads nowhere is a KeyError, one in a circle a RecursionError, one to a folder None.
            with contextlib.suppress(KeyError, RecursionError):
                file = tar.extractfile(member)
                if file and member.size < MAX_TEXT_BYTES:
                    texts[member.name] = file.read(MAX_TEXT_BYTES).decode(errors="replace")
    return texts


# How it is installed


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


def _wants_scm_version(files: dict[str, str]) -> bool:
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
    coming, is_dev, _ = version.public.partition(".dev")
    if not is_dev:
        coming = re.sub(r"\d+$", lambda number: str(int(number[0]) + 1), coming)
    local = f"g{match['commit']}" + (".dirty" if match["dirty"] else "")
    return f"{coming}.dev{match['distance']}+{local}"


# Small things


def _find(path: str, basedir: str) -> str:
    path = os.path.expanduser(path)
    here = os.path.abspath(path)
    return here if os.path.exists(here) else os.path.join(basedir, path)


@contextlib.contextmanager
def _alone(path: str):
    with open(path, "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run_git(words: list[str], folder: str) -> subprocess.CompletedProcess:
    environment = {
        **os.environ,
        "LC_ALL": "C.UTF-8",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
    }
    try:
        return subprocess.run(
            ["git", *words], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="surrogateescape", timeout=FETCH_SECONDS, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return subprocess.CompletedProcess(words, 127, "", "expected git on this machine, found none; install it")
    except subprocess.TimeoutExpired:
        raise SourceError(f"git {words[0]} did not end within {FETCH_SECONDS} s") from None


def _git(words: list[str], folder: str) -> str | None:
    """What git says, None where it fails, such as outside of a checkout."""
    done = _run_git(words, folder)
    return None if done.returncode else done.stdout
