# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Static files as Nginx serves them: laid out by hard links, compressed beforehand, and those of all kept releases in one folder."""

from __future__ import annotations

import contextlib
import filecmp
import gzip
import os
import re
import shutil
from collections.abc import Callable, Iterable

from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout

# What gains by compression; images, videos and fonts of today are compressed already.
COMPRESSIBLE = re.compile(
    r"\.(atom|css|csv|eot|geojson|html?|ico|m?js|json|md|otf|rss|svg|ttf|txt|wasm|webmanifest|xml)\Z", re.I
)
SMALLEST, LARGEST = 1 << 10, 4 << 20  # bytes: below, nothing is gained; above, a build would take too long
FORMS = GZIP, BROTLI = ".gz", ".br"


def lay_out(source: str, target: str, before: str = "", brotli: Callable[[str], bytes] | None = None) -> None:
    """Make the folder ``target`` of the files in ``source``, by hard links, with their compressed forms beside them.

    What is the same in ``before``, the same folder of an earlier release, is taken from there: with its compressed forms, and with
    the time that its ETag is made of, so that browsers keep it. ``brotli`` gives a file's compressed form.
    """
    for folder, folders, names in os.walk(source):
        made, earlier = (
            os.path.normpath(os.path.join(top, os.path.relpath(folder, source))) for top in (target, before)
        )
        _make_folders(made)
        for name in sorted(names + folders):
            path, new, old = (os.path.join(top, name) for top in (folder, made, earlier))
            if os.path.islink(path):
                os.symlink(os.path.relpath(os.path.realpath(path), os.path.realpath(made)), new)
            elif os.path.isfile(path):
                same = bool(before) and _same(path, old)
                os.link(old if same else path, new)
                # What the app ships in compressed form is its own.
                forms = [form for form in FORMS if name + form not in names]
                for form in forms if same else []:
                    if os.path.isfile(old + form):
                        os.link(old + form, new + form)
                compress(new, [form for form in forms if not os.path.exists(new + form)], brotli)


def compress(path: str, forms: Iterable[str], brotli: Callable[[str], bytes] | None = None) -> None:
    """Write the compressed ``forms`` of a file beside it, where it is of a kind and size that gains by them."""
    size = os.path.getsize(path)
    if not COMPRESSIBLE.search(path) or not SMALLEST <= size <= LARGEST:
        return
    for form in forms:
        if form == GZIP:
            with open(path, "rb") as file:
                content = gzip.compress(file.read(), 9, mtime=0)
        else:
            content = brotli(path) if brotli else b""
        if content and len(content) < size:
            with open(path + form, "xb") as file:
                file.write(content)
            shutil.copystat(path, path + form)


def gather(layout: Layout, coming: str = "") -> None:
    """Have the static files of all complete releases, and of the ``coming`` one, in one folder, the newest's where they differ.

    A page that one release gave asks for that release's files, and before, during and after a cutover both kinds of pages are about.
    """
    releases = [*(name for name in layout.complete() if name != coming), *([coming] if coming else [])]
    unite([os.path.join(layout.release(name), "public") for name in releases], layout.assets)


def unite(folders: Iterable[str], union: str) -> None:
    """Make ``union`` hold every file of the ``folders`` by hard links, of two with one name that of the later folder.

    What they no longer hold leaves it. Links are left out. Each file is replaced by a rename, so that no reader misses one.
    """
    wanted, temporary = {}, os.path.join(union, ".new")
    for top in folders:
        for folder, dummy, names in os.walk(top):
            paths = [os.path.join(folder, name) for name in names]
            wanted |= {os.path.relpath(path, top): path for path in paths if not os.path.islink(path)}
    # What is a file in one and a folder in another is a folder.
    for folder in {parent for name in wanted for parent in _parents(name)} & set(wanted):
        del wanted[folder]
    for folder, dummy, names in os.walk(union, topdown=False):
        for path in [os.path.join(folder, name) for name in names]:
            if os.path.relpath(path, union) not in wanted:
                os.unlink(path)
        with contextlib.suppress(OSError):  # It is not empty.
            os.rmdir(folder)
    for name, path in wanted.items():
        new = os.path.join(union, name)
        if not (os.path.exists(new) and os.path.samefile(path, new)):
            _make_folders(os.path.dirname(new))
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            os.link(path, temporary)
            os.replace(temporary, new)


def _parents(name: str) -> list[str]:
    """The folders that a relative path lies in."""
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _make_folders(path: str) -> None:
    """Have a folder and those above it, readable whatever the umask is."""
    if not os.path.isdir(path):
        _make_folders(os.path.dirname(path))
        os.mkdir(path)
        os.chmod(path, 0o755)


def _same(path: str, other: str) -> bool:
    return os.path.isfile(other) and not os.path.islink(other) and filecmp.cmp(path, other, shallow=False)
