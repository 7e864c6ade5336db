# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app's tree as the controller holds it: read from archives that nobody trusts, and packed for the hosts.

The same content gives the same archive and the same digest, whoever packs it and when.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
import zipfile
from pathlib import PurePosixPath
from typing import NamedTuple

MAX_MEMBERS, MAX_BYTES = 100_000, 2 << 30
MAX_TEXT_BYTES = 4 << 20


class SourceError(Exception):
    """The source cannot be had, or not be trusted; ``str()`` names the key, what was expected and what was found."""


class Entry(NamedTuple):
    """A file (``content``) or a link (``target``) of the tree."""

    content: bytes
    executable: bool = False
    target: str = ""


Tree = dict[str, Entry]


def read_tar(tar: tarfile.TarFile, where: str) -> Tree:
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
    return checked(tree, where)


def read_zip(archive: zipfile.ZipFile) -> Tree:
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


def checked(tree: Tree, where: str) -> Tree:
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


def below(tree: Tree, folder: str, where: str = "source.subdirectory") -> Tree:
    folder = folder.strip("/")
    if not folder:
        return tree
    found = {path[len(folder) + 1 :]: entry for path, entry in tree.items() if path.startswith(folder + "/")}
    if not found:
        raise SourceError(f"source.subdirectory: expected a folder of the source, found none called {folder!r}")
    return checked(found, where)


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


def texts_of(archive: str) -> dict[str, str]:
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
