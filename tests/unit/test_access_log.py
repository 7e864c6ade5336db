"""Nginx's log, read from its end."""

from __future__ import annotations

import gzip
import json
import os

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import access_log
from ansible_collections.slipway.flask.plugins.module_utils.access_log import (
    Budget,
    parse,
    path_fits,
    read,
    status_fits,
)

TEXT = (
    '192.0.2.7 - ann [22/Nov/2026:05:08:20 +0000] "GET /wait?ms=1200 HTTP/1.1" 200 12 "-" "curl/8 \\x22quoted\\x22" '
    "host=hello.example.com time=1.203 upstream=1.202 id=7827a18e app=hello release=6626421a1d4a at=1795324100.642"
)
JSON = {
    "time": "2026-11-22T05:08:20+00:00",
    "msec": 1795324100.642,
    "app": "hello",
    "release": "6626421a1d4a",
    "status": 200,
    "bytes": 12,
    "request_time": 1.203,
    "upstream_time": "1.202",
    "id": "7827a18e",
    "method": "GET",
    "path": "/wait?ms=1200",
    "protocol": "HTTP/1.1",
    "host": "hello.example.com",
    "client": "192.0.2.7",
    "user": "ann",
    "referer": "",
    "agent": 'curl/8 "quoted"',
}
ENTRY = {
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
    "bytes": 12,
    "id": "7827a18e",
    "domain": "hello.example.com",
    "client": "192.0.2.7",
    "user": "ann",
    "referer": "",
}


def line(at: float, path: str = "/", **keys) -> str:
    return json.dumps({**JSON, "msec": at, "path": path, **keys})


def plenty() -> Budget:
    return Budget(1 << 30, 60)


def everything(entry: dict) -> bool:
    return True


def ids(found: list[dict]) -> list[str]:
    return [entry["path"] for entry in found]


@pytest.mark.parametrize(("text", "agent"), [(TEXT, "curl/8 \\x22quoted\\x22"), (json.dumps(JSON), 'curl/8 "quoted"')])
def test_both_forms_tell_the_same(text, agent):
    assert parse(text) == {**ENTRY, "agent": agent}


def test_a_line_of_before_the_app_was_named_in_it():
    entry = parse(TEXT.partition(" app=")[0])
    assert (entry["time"], entry["app"], entry["id"]) == ("2026-11-22T05:08:20.000Z", "", "7827a18e")


@pytest.mark.parametrize(("said", "seconds"), [("-", None), ("", None), ("0.001, 0.002", 0.003), ("0.1 : 0.2", 0.3)])
def test_the_app_s_time_over_several_tries(said, seconds):
    assert parse(TEXT.replace("upstream=1.202", f"upstream={said}"))["upstream"] == seconds
    assert parse(json.dumps({**JSON, "upstream_time": said}))["upstream"] == seconds


def test_a_request_that_is_none():
    entry = parse(TEXT.replace("GET /wait?ms=1200 HTTP/1.1", "\\x16\\x03\\x01").replace(" 200 ", " 400 "))
    assert (entry["method"], entry["path"], entry["status"]) == ("", "\\x16\\x03\\x01", 400)


@pytest.mark.parametrize(
    "text", ["", "{", "{}", "[]", "what", '{"request_time": 1}', json.dumps({**JSON, "status": "x"})]
)
def test_a_line_that_is_none_of_ours(text):
    assert parse(text) is None


def test_what_fits():
    assert status_fits(["404", "5xx"], 503) and status_fits(["5XX"], 500) and not status_fits(["404", "5xx"], 200)
    assert path_fits("/api/*", "/api/entries?next=/") and not path_fits("/api", "/api/entries")


@pytest.mark.parametrize("block", [1, 7, 100, 1 << 18])
def test_the_newest_are_found_from_the_end(tmp_path, monkeypatch, block):
    monkeypatch.setattr(access_log, "BLOCK", block)
    log = tmp_path / "access.log"
    log.write_text("".join(f"{line(1000 + n, f'/{n}')}\n" for n in range(20)) + line(1020, "/unfinished"))
    assert ids(read(str(log), 0, 3, everything, plenty())) == ["/17", "/18", "/19"]
    assert ids(read(str(log), 0, 100, everything, plenty())) == [f"/{n}" for n in range(20)]
    assert ids(read(str(log), 1018, 100, everything, plenty())) == ["/18", "/19"]
    assert ids(read(str(log), 0, 2, lambda entry: entry["path"] < "/12", plenty())) == ["/10", "/11"]


def test_what_was_rotated_away_is_read_too(tmp_path):
    log = tmp_path / "access.log"
    log.write_text(f"{line(1004, '/4')}\n")
    (tmp_path / "access.log.1").write_text(f"{line(1002, '/2')}\n{line(1003, '/3')}\n")
    (tmp_path / "access.log.2.gz").write_bytes(gzip.compress(f"{line(1000, '/0')}\n{line(1001, '/1')}\n".encode()))
    (tmp_path / "access.log.old").write_text(f"{line(1001, '/other')}\n")
    assert ids(read(str(log), 0, 100, everything, plenty())) == ["/0", "/1", "/2", "/3", "/4"]
    assert ids(read(str(log), 0, 4, everything, plenty())) == ["/1", "/2", "/3", "/4"]


def test_a_file_that_was_last_written_too_long_ago_is_not_read(tmp_path):
    log = tmp_path / "access.log"
    log.write_text(f"{line(2000, '/new')}\n")
    old = tmp_path / "access.log.1"
    old.write_text(f"{line(2000, '/old')}\n")
    os.utime(old, (1000, 1000))
    assert ids(read(str(log), 1500, 100, everything, plenty())) == ["/new"]


def test_no_more_is_read_than_is_allowed(tmp_path, monkeypatch):
    monkeypatch.setattr(access_log, "BLOCK", 1000)
    log = tmp_path / "access.log"
    log.write_text("".join(f"{line(1000 + n, f'/{n}')}\n" for n in range(100)))
    budget = Budget(2000, 60)
    found = read(str(log), 0, 1000, everything, budget)
    assert budget.exceeded and 0 < len(found) < 10 and found[-1]["path"] == "/99"


def test_a_log_that_is_not_there(tmp_path):
    assert read(str(tmp_path / "access.log"), 0, 10, everything, plenty()) == []
