"""What is refused, what writes, and what fails."""

from __future__ import annotations

import re

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.devtools import program

testinfra_hosts = ["ansible://debian13"]


def told_of_the_load(output: str) -> str:
    """Whether the load on what serves was told as a change."""
    return re.search(r"Ask what serves and see what it takes.*?^(ok|changed): ", output, re.DOTALL | re.MULTILINE)[1]


def test_a_load_that_may_harm_visitors_takes_a_word(hello, bench, asked_here):
    with hello.load(clients=1, pause=0.05, slow=0) as load:
        pass
    assert load.counts()["lost"] == 0
    before = asked_here()
    played, result = bench(confirm=False)
    told = " ".join(played.output.split())
    assert not played.ok and result == {}
    assert "hello on debian13 will be asked by 8 clients of debian13 at once for 1 s" in told
    assert "slipway_bench_confirm: expected true where a load may do harm, found nothing: " in told
    assert "requests for it came from others within the last ten minutes" in told
    assert asked_here() == before


def test_no_load_is_made_of_errors(bench, asked_here):
    before = asked_here()
    played, dummy = bench(requests=[{"path": "/"}, {"path": "/no-such-page"}])
    assert not played.ok
    assert (
        "GET /no-such-page answered 404, expected a status below 400; a load would measure errors alone"
        in played.output
    )
    assert asked_here() == before + 2


def test_errors_are_counted(bench):
    """Of answers that are wanted to be errors, wrk counts each."""
    played, result = bench(
        requests=[{"path": "/no-such-page", "status": 404, "weight": 1}, {"path": "/healthz", "weight": 1}]
    )
    assert played.ok, played.output
    serving = result["serving"]
    assert serving["errors"]["status"] == serving["failed"] == pytest.approx(serving["requests"] / 2, abs=8)
    assert f"as it serves: {serving['failed']} answers with a status from 400" in played.output
    assert told_of_the_load(played.output) == "ok"


def test_what_is_written_is_written_as_often_as_it_was_asked(hello, bench):
    entry = {"boat": "Bench", "movement": "in", "skipper": "Nobody"}
    before = hello.json("/api/entries?limit=1")["total"]
    played, result = bench(
        requests=[{"path": "/healthz", "weight": 3}, {"path": "/api/entries", "method": "POST", "json": entry}]
    )
    assert played.ok, played.output
    assert result["serving"]["failed"] == 0
    # One beforehand, and the last ones, whose answers wrk did not wait for.
    written = hello.json("/api/entries?limit=1")["total"] - before
    assert written == pytest.approx(1 + result["serving"]["requests"] / 4, abs=10)
    assert told_of_the_load(played.output) == "changed"


def test_enough_is_enough(bench):
    played, result = bench(most=40, requests=[{"path": "/healthz"}])
    assert played.ok, played.output
    # Less those in flight, of 8 clients, and the one that wrk makes at its start to look at.
    assert result["serving"]["capped"] and 31 <= result["serving"]["requests"] <= 40
    assert "as it serves: ended after" in played.output


def test_check_mode_says_what_it_would_do_and_asks_nothing(hello, asked_here):
    from playbook import play

    before = asked_here()
    played = play(
        "playbooks/bench.yml", "--limit", hello.machine, "--check", slipway_only="hello", slipway_bench_confirm=True
    )
    assert played.ok, played.output
    assert "hello on debian13 will be asked by 32 clients" in played.output
    assert asked_here() == before


def test_a_browser_times_a_page_quiet_and_under_load(hello, bench):
    assert program(), "expected a browser on this machine, found none; run script/setup browser"
    address = hello.url.removeprefix("http://").partition(":")[0]
    played, result = bench(browser={"visits": 1}, address=address)
    assert played.ok, played.output
    for state in ("quiet", "load"):
        seen = result["browser"][state]
        assert 0 < seen["ttfb"]["p50"] <= seen["lcp"]["p50"] < 30_000
    assert result["browser"]["load"]["rate"] > 10
    assert "in a browser" in played.output
