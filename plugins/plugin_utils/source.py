# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of a release: find an app's tree, whatever its source, and pack it."""

from __future__ import annotations

import contextlib
import fcntl
import fnmatch
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
from pathlib import Path, PurePosixPath

from ansible.module_utils.urls import open_url
from ansible_collections.slipway.flask.plugins.module_utils.index import mask
from ansible_collections.slipway.flask.plugins.plugin_utils.plan import (
    plan_of,
    requirements_of,
    scm_version,
    wants_scm_version,
)
from ansible_collections.slipway.flask.plugins.plugin_utils.tree import (
    MAX_BYTES,
    Entry,
    SourceError,
    Tree,
    below,
    checked,
    digest,
    pack,
    read_tar,
    read_zip,
    texts_of,
)

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


def prepare(source: dict, requirements: dict, basedir: str, cache: str) -> dict:
    """Pack the source's tree into ``cache`` and plan its installation.

    Relative paths are looked for in the folder where Ansible was started, then in ``basedir``.
    Returns kind, describe, digest, archive (path, '' for a package), scm_version, requirements (a digest of what the tree's
    files ask for, but for what the project depends on), plan and requirement.
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
        "requirements": "",
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
    with alone(os.path.join(cache, f"{key}.lock")):
        known = Path(cache, f"{key}.json")
        if not known.exists():
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                tree, describe, git_describe = _READERS[kind](source, basedir, scratch)
            tree = below(tree, source.get("subdirectory", ""))
            archive = Path(cache, f"{key}.tar.gz")
            archive.write_bytes(pack(tree))
            known.write_text(
                json.dumps({"describe": describe, "git": git_describe, "digest": digest(tree)}),
                encoding="utf-8",
            )
        found = json.loads(known.read_text(encoding="utf-8"))
        files = texts_of(os.path.join(cache, f"{key}.tar.gz"))
    plan = plan_of(files, requirements or {})
    return {
        **prepared,
        "describe": found["describe"],
        "digest": found["digest"],
        "archive": os.path.join(cache, f"{key}.tar.gz"),
        "scm_version": scm_version(found["git"]) if wants_scm_version(files) else "",
        "requirements": hashlib.sha256(requirements_of(files, plan).encode()).hexdigest(),
        "plan": plan,
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
    return checked(tree, "source.path"), str(source["path"]), (describe or "").strip()


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
        tree = read_tar(tar, "source.git")
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
                tree = read_zip(archive)
        else:
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                tree = read_tar(tar, "source.archive")
    except _UNREADABLE as error:
        raise SourceError(f"source.archive: expected a tar or zip archive, found {mask(where)}: {error}") from None
    tops = {path.split("/")[0] for path in tree}
    if len(tops) == 1 and all("/" in path for path in tree):
        tree = below(tree, tops.pop(), "source.archive")
    return checked(tree, "source.archive"), mask(where), ""


_READERS = {"path": _read_path, "git": _read_git, "archive": _read_archive}


# Small things


def _find(path: str, basedir: str) -> str:
    path = os.path.expanduser(path)
    here = os.path.abspath(path)
    return here if os.path.exists(here) else os.path.join(basedir, path)


@contextlib.contextmanager
def alone(path: str):
    """One process at a time."""
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
