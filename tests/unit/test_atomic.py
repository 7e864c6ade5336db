"""Files and links that change whole or not at all."""

from __future__ import annotations

import grp
import os
import pwd
import stat

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import atomic
from ansible_collections.slipway.flask.plugins.module_utils.atomic import File

ME = {"owner": pwd.getpwuid(os.geteuid()).pw_name, "group": grp.getgrgid(os.getegid()).gr_name}


def mode(path):
    return oct(stat.S_IMODE(os.lstat(path).st_mode))


def test_a_link_is_pointed_and_pointed_again(tmp_path):
    link = tmp_path / "link"
    for target in ("one", "two", "two"):
        atomic.point(str(link), target)
        assert os.readlink(link) == target
    assert os.listdir(tmp_path) == ["link"]


def test_what_a_cut_short_run_left_is_no_obstacle(tmp_path):
    (tmp_path / "link.new").symlink_to("left")
    (tmp_path / "file.new").write_text("left")
    atomic.point(str(tmp_path / "link"), "target")
    atomic.write(str(tmp_path / "file"), File("text", 0o644, **ME))
    assert sorted(os.listdir(tmp_path)) == ["file", "link"] and (tmp_path / "file").read_text() == "text"


@pytest.mark.parametrize("wanted", [0o600, 0o640, 0o644, 0o755], ids=oct)
def test_a_file_has_its_mode_whatever_the_mask(tmp_path, wanted):
    path, before = str(tmp_path / "file"), os.umask(0o077)
    try:
        atomic.write(path, File("ä\n", wanted, **ME))
    finally:
        os.umask(before)
    assert atomic.read(path) == File("ä\n", wanted, **ME)


def test_a_secret_is_nobody_s_to_read_while_it_is_written(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(os, "fchown", lambda number, *ids: seen.append(oct(stat.S_IMODE(os.fstat(number).st_mode))))
    before = os.umask(0)
    try:
        atomic.write(str(tmp_path / "secrets"), File("A=1", 0o644, **ME))
    finally:
        os.umask(before)
    assert seen == ["0o600"] and mode(tmp_path / "secrets") == "0o644"


def test_a_file_that_cannot_be_written_is_as_before(tmp_path):
    (tmp_path / "file").write_text("before")
    with pytest.raises(KeyError):
        atomic.write(str(tmp_path / "file"), File("after", 0o644, "no-such-user", ME["group"]))
    assert (tmp_path / "file").read_text() == "before"
