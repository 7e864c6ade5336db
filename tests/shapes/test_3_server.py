"""How apps are served: other worker classes, an own Gunicorn, further settings."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import urllib3
from served import wait_for


def at_once(served, path: str, count: int, clients: int) -> list[urllib3.BaseHTTPResponse]:
    """The answers to ``count`` requests, asked over the network by so many clients."""
    with (
        urllib3.PoolManager(maxsize=clients, retries=False, timeout=30) as pool,
        ThreadPoolExecutor(clients) as threads,
    ):
        url = served.url + path
        return list(threads.map(lambda _: pool.request("GET", url, headers={"Host": served.domain}), range(count)))


def test_an_app_keeps_its_own_gunicorn(served):
    assert served("pinned").json("/") == {"server": "gunicorn/23.0.0"}


def test_threads_of_one_worker_serve_at_once(served):
    pinned = served("pinned")
    assert len(pinned.workers) == 1
    assert [answer.status for answer in at_once(pinned, "/pair", count=2, clients=2)] == [200, 200]


def test_greenlets_of_one_worker_serve_at_once(served):
    """Forty requests of a second each."""
    httpbin = served("httpbin")
    assert len(httpbin.workers) == 1
    start = time.monotonic()
    assert {answer.status for answer in at_once(httpbin, "/delay/1", count=40, clients=40)} == {200}
    assert time.monotonic() - start < 8


def test_workers_are_replaced_after_their_requests_without_a_loss(served):
    tuned = served("tuned")
    answers = at_once(tuned, "/", count=100, clients=4)
    assert {answer.status for answer in answers} == {200}
    assert len({json.loads(answer.data)["worker"] for answer in answers}) >= 4


def test_a_preloaded_app_is_loaded_by_the_master(served):
    tuned = served("tuned")
    assert tuned.json("/")["loaded_by"] == tuned.master
    wait_for(lambda: len(tuned.workers) == 2, "both workers")


def test_further_settings_of_gunicorn(served):
    assert served("tuned").get("/?" + "x" * 100)[0] == 200
    assert served("tuned").get("/?" + "x" * 200)[0] == 414


def test_further_directives_of_the_service(served):
    tuned = served("tuned")
    limits = tuned.run("grep 'Max open files' /proc/%s/limits", str(tuned.master))
    assert limits.split()[3:5] == ["512", "512"]
    assert tuned.run("ps --no-headers -o nice --pid %s", str(tuned.master)).strip() == "5"
