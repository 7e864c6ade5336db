"""Folders that others have written to."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import folders

ME = pwd.getpwuid(os.geteuid())


@pytest.mark.parametrize(
    ("path", "expected"),
    [("", True), ("a/b", True), ("a/../b", True), ("../top2", False), ("out", False), ("out/a", False), ("in", True)],
)
def test_what_lies_in_a_folder(tmp_path, path, expected):
    os.mkdir(tmp_path / "top")
    os.symlink("..", tmp_path / "top/out")
    os.symlink("a", tmp_path / "top/in")
    assert folders.inside(f"{tmp_path}/top/{path}", str(tmp_path / "top")) is expected


def test_what_is_owned_is_written_by_no_one_else(tmp_path):
    modes = {"run": (0o4777, 0o755), "private": (0o600, 0o644), "open": (0o666, 0o644)}
    for name, (before, dummy) in modes.items():
        (tmp_path / name).touch()
        os.chmod(tmp_path / name, before)
    folders.own(str(tmp_path), ME)
    assert {name: stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in modes} == {
        name: after for name, (dummy, after) in modes.items()
    }


def test_owning_does_not_follow_links(tmp_path):
    (tmp_path / "victim").touch(mode=0o600)
    os.mkdir(tmp_path / "top")
    os.symlink(tmp_path / "victim", tmp_path / "top/link")
    folders.own(str(tmp_path / "top"), ME)
    assert stat.S_IMODE(os.stat(tmp_path / "victim").st_mode) == 0o600


def test_a_link_to_a_folder_is_not_opened(tmp_path):
    os.symlink(tmp_path, tmp_path / "link")
    with contextlib.ExitStack() as opened:
        folders.open_folder(opened, str(tmp_path))
        with pytest.raises(OSError, match="link"):
            folders.open_folder(opened, str(tmp_path / "link"))
