"""What the logs module looks for, and the table of what it found."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timezone

import pytest
from ansible_collections.slipway.flask.plugins.modules import logs
from ansible_collections.slipway.flask.plugins.modules.logs import LogsError
from ansible_collections.slipway.flask.plugins.plugin_utils.logs_table import logs_table, merged

PARAMS = {"status": [], "path": "", "slower": 0, "id": "", "lines": 100}
REQUEST = {
    "kind": "request",
    "at": 1795324100.642,
    "time": "2026-11-22T05:08:20.642Z",
    "app": "hello",
    "release": "6626421a1d4a",
    "status": 200,
    "method": "GET",
    "path": "/wait?ms=1200",
    "seconds": 1.203,
    "upstream": 1.202,
    "id": "7827a18e",
}
SAID = {"kind": "journal", "at": 1795324100.5, "time": "2026-11-22T05:08:20.500Z", "app": "hello", "text": "slept"}


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("90s", 999_910),
        ("2h", 992_800),
        ("3d", 740_800),
        ("2026-11-21T10:00:00", datetime(2026, 11, 21, 10, tzinfo=timezone.utc).timestamp()),
        ("2026-11-21T10:00:00Z", datetime(2026, 11, 21, 10, tzinfo=timezone.utc).timestamp()),
        ("2026-11-21 12:00:00+02:00", datetime(2026, 11, 21, 10, tzinfo=timezone.utc).timestamp()),
    ],
)
def test_how_far_back(text, when):
    assert logs.since(text, 1_000_000) == when


@pytest.mark.parametrize("text", ["", "yesterday", "2w", "1h30m"])
def test_how_far_back_that_means_nothing(text):
    with pytest.raises(LogsError, match="since: expected 15m"):
        logs.since(text, 0)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"status": ["bad"]}, "status: expected"),
        ({"status": ["600"]}, "status: expected"),
        ({"lines": 0}, "lines: expected"),
        ({"lines": 10_001}, "lines: expected"),
        ({"id": "x y"}, "id: expected"),
    ],
)
def test_values_that_mean_nothing(wrong, told):
    with pytest.raises(LogsError, match=told):
        logs.check({**PARAMS, **wrong})


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({}, True),
        ({"status": ["2xx"]}, True),
        ({"status": ["4xx", "500"]}, False),
        ({"path": "/wait"}, True),
        ({"path": "/api/*"}, False),
        ({"slower": 1.203}, True),
        ({"slower": 1.3}, False),
        ({"id": "7827a18e"}, True),
        ({"id": "7827"}, False),
    ],
)
def test_what_is_looked_for(asked, fits):
    assert logs.filter_of({**PARAMS, **asked}, set())(REQUEST) is fits


def test_whose_requests_are_looked_for():
    assert logs.filter_of(PARAMS, {"hello"})(REQUEST) and not logs.filter_of(PARAMS, {"shop"})(REQUEST)


def test_what_the_apps_said(monkeypatch):
    lines = [
        {"__REALTIME_TIMESTAMP": "1795324100500000", "SYSLOG_IDENTIFIER": "my-shop-22e214a0", "MESSAGE": "slept"},
        {"__REALTIME_TIMESTAMP": "1795324101000000", "SYSLOG_IDENTIFIER": "hello", "MESSAGE": [98, 195, 255]},
        {"__REALTIME_TIMESTAMP": "1795324102000000", "SYSLOG_IDENTIFIER": "hello", "MESSAGE": None},
    ]
    asked = []

    def journalctl(argv, **_):
        asked.extend(argv)
        return subprocess.CompletedProcess(argv, 0, "\n".join(map(json.dumps, lines)), "")

    monkeypatch.setattr(subprocess, "run", journalctl)
    found = logs.journal({"hello": "hello", "my-shop-22e214a0": "My Shop!"}, 0, {"lines": 5, "id": "a.b"})
    assert found[0] == {**SAID, "app": "My Shop!"}
    assert [entry["text"] for entry in found[1:]] == ["b\ufffd\ufffd", ""]
    assert {"--lines=5", r"--grep=a\.b", "--identifier=hello", "--identifier=my-shop-22e214a0"} < set(asked)


def test_a_journal_that_cannot_be_read(monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda argv, **_: subprocess.CompletedProcess(argv, 2, "", "no journal\n"))
    with pytest.raises(LogsError, match="no journal"):
        logs.journal({"hello": "hello"}, 0, PARAMS)


def test_hosts_are_merged_by_time():
    later = {**REQUEST, "at": REQUEST["at"] + 1, "time": "2026-11-22T05:08:21.642Z", "upstream": None, "app": ""}
    hosts = {
        "www2": {"entries": [SAID, REQUEST], "complete": True},
        "www1": {"entries": [later], "complete": False},
        "www3": {"msg": "no way"},
        "www4": {},
    }
    assert logs_table(hosts, 100).splitlines() == [
        "time (UTC)               host  app    status  seconds  in the app  release       id        request",
        "2026-11-22 05:08:20.500  www2  hello: slept",
        "2026-11-22 05:08:20.642  www2  hello  200     1.203    1.202       6626421a1d4a  7827a18e  GET /wait?ms=1200",
        "2026-11-22 05:08:21.642  www1  -      200     1.203    -           6626421a1d4a  7827a18e  GET /wait?ms=1200",
        "www1: its log is too long to be read as far back as that; ask for less with slipway_since",
        "www3: no way",
        "www4: gave no answer",
    ]
    assert [entry["host"] for entry in merged(hosts, 2)] == ["www2", "www1"]


def test_nothing_fits():
    assert logs_table({"www1": {"entries": [], "complete": True}}, 10) == "Nothing fits."


def test_a_client_s_words_do_nothing_to_the_terminal():
    table = logs_table({"www1": {"entries": [{**REQUEST, "path": "/\x1b[2J" + 200 * "x"}]}}, 10)
    assert "\x1b" not in table and "/\\x1b[2Jxx" in table and table.endswith("x…")
