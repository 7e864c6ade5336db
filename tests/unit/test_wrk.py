"""What wrk is told, and what is read of what it tells."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import wrk
from ansible_collections.slipway.flask.plugins.module_utils.errors import BenchError

TOLD = {"requests": 1000, "microseconds": 2_000_000, "bytes": 5, "capped": 0, "ended": 0.0, "mean": 1500.0, "stdev": 10.0,
        "max": 9000.0, "p50": 1200, "p90": 2000, "p95": 3000, "p99": 8000, "connect": 0, "read": 2, "write": 0, "timeout": 1,
        "status": 4}  # fmt: skip


def request(**keys):
    return {"path": "/", "method": "GET", "weight": 1, "headers": {}, "body": "", **keys}


@pytest.mark.parametrize(
    ("clients", "cpus", "threads"), [(32, 2, 2), (32, 64, 4), (1, 8, 1), (7, 4, 1), (9, 4, 3), (6, 4, 3)]
)
def test_threads_share_the_clients_evenly(clients, cpus, threads):
    assert wrk.threads_for(clients, cpus) == threads


def test_requests_come_as_often_as_they_weigh_and_are_spread():
    order = wrk.order_of([5, 1, 2])
    assert sorted(order) == [1] * 5 + [2] + [3] * 2
    assert max(len(run) for run in "".join(map(str, order)).replace("2", " ").replace("3", " ").split()) <= 2


def test_figures_are_those_that_wrk_tells_in_milliseconds():
    told = wrk.figures(f"Running 2s test\nslipway {json.dumps(TOLD)}\n", 0)
    assert (told["requests"], told["seconds"], told["rate"]) == (1000, 2.0, 500.0)
    assert (told["latency_ms"]["p50"], told["latency_ms"]["p99"], told["latency_ms"]["max"]) == (1.2, 8.0, 9.0)
    assert (told["failed"], told["errors"]["read"], told["capped"]) == (7, 2, False)


def test_a_load_that_enough_was_asked_in_lasted_until_then():
    told = wrk.figures("slipway " + json.dumps({**TOLD, "capped": 1, "ended": 100.5}), 100.0)
    assert (told["seconds"], told["rate"], told["capped"]) == (0.5, 2000.0, True)


def test_no_figures_are_a_failure_that_says_what_wrk_said():
    with pytest.raises(BenchError, match=r"unable to connect to 127\.0\.0\.1"):
        wrk.figures("unable to connect to 127.0.0.1:80 Connection refused\n", 0)


@pytest.mark.parametrize("text", ['a"b', "a\\b", "line\nbreak", "]]", "über", "$x %d", "\x00"])
def test_any_text_reaches_lua_unchanged(text):
    luajit = shutil.which("luajit") or shutil.which("lua5.1") or shutil.which("lua")
    written = wrk._lua(text)
    assert written.isascii() and "\n" not in written
    if luajit:
        said = subprocess.run(
            [luajit, "-e", f"io.write({written})"], capture_output=True, timeout=10, check=True
        ).stdout
        assert said.decode() == text


def test_the_script_has_every_request_and_both_bounds():
    script = wrk.script(
        [request(weight=2), request(path="/add", method="POST", body="x=1", headers={"A": "b"})],
        "127.0.0.1",
        80,
        2,
        100,
    )
    assert 'path = "/add", headers = {["A"] = "b"}, body = "x=1"' in script
    assert "count >= 50 " in script
    assert "}}, {1, 2, 1}" in script
