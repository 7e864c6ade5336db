"""What actions tell people."""

from __future__ import annotations

import json

import pytest
from ansible_collections.slipway.flask.plugins.plugin_utils.telling import NotWrittenError, answers, tell, write


def test_a_file_and_its_folder_are_made(tmp_path):
    path = tmp_path / "new" / "report.txt"
    assert write(str(path), "ä\n", "slipway_file") == path
    assert path.read_text(encoding="utf-8") == "ä\n"


def test_one_that_cannot_be_written_is_named_with_its_variable(tmp_path):
    told = f"slipway_file: expected a file of this machine that can be written, found {tmp_path} (Is a directory)"
    with pytest.raises(NotWrittenError) as error:
        write(str(tmp_path), "", "slipway_file")
    assert str(error.value) == told
    assert tell("table", {}, str(tmp_path), "slipway_file") == {"failed": True, "msg": told}


def test_of_answers_what_is_asked_for_and_why_there_is_none():
    hosts = {"www1": {"apps": [1], "changed": False}, "www2": {"msg": "no route", "failed": True}, "www3": {}}
    assert answers(hosts, "apps") == {"www1": {"apps": [1]}, "www2": {"msg": "no route"}, "www3": {}}


def test_what_is_told_is_written_where_a_file_is_named(tmp_path):
    path = tmp_path / "found.json"
    assert tell("a\nb", {"x": 1}, "", "slipway_file") == {"changed": False, "table": ["a", "b"]}
    assert tell("a\nb", {"x": 1}, str(path), "slipway_file")["table"] == ["a", "b"]
    assert json.loads(path.read_text()) == {"x": 1}
