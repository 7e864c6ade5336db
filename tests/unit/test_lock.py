"""The lock that makes one of two runs fail, and says which."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.lock import Busy, held_for, locked


def test_second_run_is_refused_and_told_who_holds_the_lock(tmp_path):
    path = str(tmp_path / ".lock")
    holder = rf"Process {os.getpid()} \(build of hello, since 20"
    with locked(path, "build of hello"), pytest.raises(Busy, match=holder), locked(path, "cutover of hello"):
        pass


def test_the_next_run_gets_it(tmp_path):
    path = tmp_path / ".lock"
    with pytest.raises(RuntimeError), locked(str(path), "first, with a long name"):
        raise RuntimeError
    with locked(str(path), "next"):
        assert path.read_text().count("\n") == 1


def test_a_killed_run_leaves_no_lock(tmp_path):
    path = str(tmp_path / ".lock")
    killed = "import os, sys; from ansible_collections.slipway.flask.plugins.module_utils.lock import locked\n"
    killed += "with locked(sys.argv[1], 'killed'): os.kill(os.getpid(), 9)"
    subprocess.run(
        [sys.executable, "-c", killed, path], env={"PYTHONPATH": os.pathsep.join(sys.path)}, check=False, timeout=30
    )
    assert "killed" in (tmp_path / ".lock").read_text()
    with locked(path, "next"):
        assert json.loads((tmp_path / ".lock").read_text())["action"] == "next"


def test_a_holder_that_has_not_written_yet_is_still_a_holder(tmp_path):
    path = tmp_path / ".lock"
    with locked(str(path), "first"):
        path.write_text("")
        with pytest.raises(Busy, match="Another process holds"), locked(str(path), "second"):
            pass


def test_what_it_is_held_for_is_told_without_a_lock(tmp_path):
    path = str(tmp_path / ".lock")
    assert held_for(path) == ""
    with locked(path, "tune of hello"):
        assert held_for(path).startswith("tune of hello, since 20")
    assert held_for(path) == ""


def test_what_a_killed_holder_left_is_held_by_nobody_whatever_else_its_number_locks(tmp_path):
    path, other = tmp_path / ".lock", str(tmp_path / "other")
    path.write_text(json.dumps({"pid": os.getpid(), "action": "cutover of hello", "since": "2026-11-21"}))
    with locked(other, "something else"), path.open():
        assert held_for(str(path)) == ""


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": "x", "action": "a", "since": "s"}'])
def test_what_no_holder_wrote_is_held_by_nobody(tmp_path, text):
    path = tmp_path / ".lock"
    path.write_text(text)
    assert held_for(str(path)) == ""
