"""What is unpacked of archives, and what of hostile ones is refused."""

from __future__ import annotations

import base64
import io
import os
import tarfile
import time
from pathlib import Path

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.unpack import unpack_tree, unpack_wheels


@pytest.fixture
def src(folders):
    """The folder that a tree is unpacked to."""
    return folders().src


def tree(tmp_path, *members):
    """An archive of members, each a name with either text or the tar header's fields."""
    path = str(tmp_path / "tree.tar.gz")
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, dict):
                vars_of = {"type": tarfile.REGTYPE, **content}
                for key, value in vars_of.items():
                    setattr(info, key, value)
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content.encode()))
    return path


# The tree


def test_the_tree_is_unpacked_with_its_links_and_modes(tmp_path, src):
    members = [("bin", {"type": tarfile.DIRTYPE, "mode": 0o755}), ("bin/run", {"mode": 0o755}), ("a.py", "x = 1")]
    members += [("link", {"type": tarfile.SYMTYPE, "linkname": "bin/run"})]
    unpack_tree(tree(tmp_path, *members), "", src)
    assert os.access(f"{src}/bin/run", os.X_OK)
    assert os.readlink(f"{src}/link") == "bin/run"


def test_files_have_the_time_of_the_build(tmp_path, src):
    unpack_tree(tree(tmp_path, ("style.css", "x")), "", src)
    assert time.time() - os.stat(f"{src}/style.css").st_mtime < 60


def test_data_files_that_git_would_name_are_found_without_git(tmp_path, src):
    """Whatever the project's own file says, whose words git would have replaced."""
    unpack_tree(tree(tmp_path, (".git_archival.txt", "node: $Format:%H$")), "", src, version="1.2")
    with open(f"{src}/.git_archival.txt", encoding="utf-8") as file:
        assert file.read().splitlines() == [f"node: {'0' * 40}", "describe-name: 1.2"]


def test_a_small_tree_comes_with_the_question(tmp_path, src):
    unpack_tree("", base64.b64encode(Path(tree(tmp_path, ("app.py", "app = None\n"))).read_bytes()).decode(), src)
    assert Path(src, "app.py").read_text() == "app = None\n"


HOSTILE = {
    "absolute": [("/tmp/slipway-evil", "x")],
    "parent": [("a/../../evil", "x")],
    "link out": [("evil", {"type": tarfile.SYMTYPE, "linkname": "../../evil"})],
    "absolute link": [("evil", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"})],
    "links that lead out together": [
        ("here", {"type": tarfile.SYMTYPE, "linkname": "."}),
        ("evil", {"type": tarfile.SYMTYPE, "linkname": "here/here/../.."}),
    ],
    "file below a link": [
        ("evil", {"type": tarfile.SYMTYPE, "linkname": ".."}),
        ("evil/evil", "x"),
    ],
    "hard link": [("a", "x"), ("evil", {"type": tarfile.LNKTYPE, "linkname": "a"})],
    "device": [("evil", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})],
    "fifo": [("evil", {"type": tarfile.FIFOTYPE})],
    "set-uid": [("evil", {"mode": 0o4755})],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_refused_by_name_and_reaches_nothing_outside(tmp_path, src, members, monkeypatch):
    # Not every host's Python has a filter of its own.
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    with pytest.raises((BuildError, tarfile.TarError), match="evil"):
        unpack_tree(tree(tmp_path, *members), "", src)
    assert [path for path in tmp_path.rglob("*evil*") if Path(src) not in path.parents] == []


# Wheels


def wheels(tmp_path, *names):
    path = str(tmp_path / "wheels.tar")
    with tarfile.open(path, "w") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name))
    return path


@pytest.mark.parametrize("name", ["../evil.whl", "/evil.whl", "evil", "a/evil.whl"])
def test_a_wheelhouse_holds_wheels_alone(tmp_path, layout, name):
    with pytest.raises(BuildError, match=r"evil.*is no wheel"):
        unpack_wheels(wheels(tmp_path, name), f"{layout.wheels}/d1")
    assert not os.path.exists(f"{layout.wheels}/d1")
