"""What was measured, as a table and as a page."""

from __future__ import annotations

import copy
import re
import xml.etree.ElementTree as ElementTree

import pytest
from ansible_collections.slipway.flask.plugins.plugin_utils.bench_report import ladder_plot, page
from ansible_collections.slipway.flask.plugins.plugin_utils.bench_settings import settle
from ansible_collections.slipway.flask.plugins.plugin_utils.bench_table import ms, results, table

ERRORS = {"connect": 0, "read": 0, "write": 0, "timeout": 0, "status": 0}
USED = {"memory_mib": 80.0, "cpus": 1.2, "processes": 4}
FOUND = {
    "slot": "blue",
    "release": "3f9c0a6be21d",
    "visitors": 0,
    "machine": {
        "cpus": 2,
        "cpu": "A <fast> one",
        "memory_mib": 4096,
        "available_mib": 3000,
        "system": "Debian",
        "versions": {"flask": "3.1.3"},
    },
}
BROWSER = {
    "version": "Chromium 150",
    "page": "/",
    "click": "body",
    "quiet": {"visits": 3, "ttfb": {"p50": 12.0}, "lcp": {"p50": 120.0}, "inp": {"p50": 16.0}},
    "load": {"visits": 3, "ttfb": {"p50": 300.0}, "lcp": {"p50": 4500.0}, "inp": {}},
}


def measured(rate, **keys):
    return {
        "requests": 1000, "seconds": 2.0, "rate": rate, "failed": 0, "bytes": 5, "capped": False, "errors": ERRORS,
        "latency_ms": {"mean": 2.0, "stdev": 1.0, "p50": 1.5, "p90": 2.0, "p95": 12.5, "p99": 120.4, "max": 1500.0},
        "first_byte_ms": {"quiet": {"p50": 3.0}, "load": {"p50": 30.0, "p95": 60.0}},
        "used": {"app": USED, "nginx": {**USED, "memory_mib": 10.0}, "wrk": {**USED, "cpus": 0.1}, "host": {"busy": 0.9}},
        "asked": ["GET /"], "wrk": "4.1.0", **keys,
    }  # fmt: skip


@pytest.fixture
def result():
    return make()


def make(browser=None, serving=None, requests=None, **answers):
    plan, errors = settle({"requests": requests or [{"path": "/"}]}, {"hello": {"domains": ["a.example"], "wsgi": "a:b", "tls": None}},
                          ["www1"], True, ["www1"], {})  # fmt: skip
    assert errors == []
    rates = {"development": 500.0, "server": 600.0, "nginx": 750.0, "cache": 9000.0, "static": 15000.0}
    ladder = [answers.get(name, {"measured": measured(rate)}) for name, rate in rates.items()]
    return results(
        plan, FOUND, serving or measured(700.0), copy.deepcopy(ladder), browser or {}, "2026-11-22T05:00:00Z"
    )


def test_a_row_for_each_way_of_serving(result):
    lines = table(result).splitlines()
    assert lines[0] == "www1, hello: release 3f9c0a6be21d, 32 clients for 10 s, wrk 4.1.0"
    assert lines[3].split() == [
        "as",
        "it",
        "serves",
        "700",
        "1.4",
        "times",
        "1.50",
        "12.5",
        "120",
        "1500",
        "0",
        "3.00",
        "30.0",
        "90",
        "2.4",
    ]
    assert [line[:28].strip() for line in lines[3:9]][-1] == "a static file"
    assert "30.0 times" in lines[8]


def test_ratios_are_to_the_first_way_that_could_be_measured():
    result = make(development={"measured": {}, "why": "it ended at once: No such command 'run'"})
    assert [rung["measured"].get("ratio") for rung in result["ladder"]] == [None, 1.0, 1.25, 15.0, 25.0]
    assert "Flask's development server: not measured: it ended at once: No such command 'run'" in table(result)


def test_errors_are_told_by_their_kind():
    told = table(make(serving=measured(1.0, failed=5, errors={**ERRORS, "read": 2, "status": 3})))
    assert "as it serves: 2 connections that ended before the answer" in told
    assert "as it serves: 3 answers with a status from 400" in told


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (measured(1.0, capped=True), "ended after 1000 requests, which slipway_bench.most allows"),
        (measured(1.0, kept=[]), "GET / could not be kept"),
    ],
)
def test_what_wants_attention(answer, told):
    assert f"answers kept for 1 s: {told}" in table(make(cache={"measured": answer}))


def test_a_busy_wrk_is_told():
    used = {**measured(1.0)["used"], "wrk": {**USED, "cpus": 0.9}}
    assert "wrk itself took 0.9 of 2 processors" in table(make(serving=measured(1.0, used=used)))


def test_a_load_from_elsewhere_knows_nothing_of_the_host():
    used = {"wrk": USED, "host": {"busy": 0.5}}
    serving = measured(1.0, used=used)
    assert table(make(serving=serving)).splitlines()[3].split()[-2:] == ["-", "-"]
    assert "<h1>hello on www1</h1>" in page(make(serving=serving))


def test_the_page_asks_nothing_of_any_other_place(result):
    text = page(result)
    assert not re.findall(r"(?:src|href|url|@import)\s*[=(]", text) and "<script" not in text
    assert text.count("<svg") == text.count("</svg>")


def test_the_page_is_whole(result):
    text = page(make(browser=BROWSER))
    body = text[text.index("<body>") : text.index("</body>") + 7].replace("&nbsp;", " ").replace("<br>", "<br/>")
    ElementTree.fromstring(body)
    for told in (
        "As it serves",
        "served in several ways",
        "How long answers took",
        "In a browser",
        "What it took",
        "How it was measured",
    ):
        assert told in text
    assert "In a browser" not in page(result)


def test_what_comes_from_elsewhere_is_text(result):
    text = page(make(requests=[{"path": "/<script>alert(1)</script>"}]))
    assert "<script" not in text and "&lt;script&gt;" in text
    assert "A &lt;fast&gt; one" in text


def test_a_slow_page_is_seen_to_be_poor():
    text = page(make(browser=BROWSER))
    assert "var(--poor)" in text[text.index("In a browser") :]
    assert "16.0 ms" in text and "4500 ms" in text


def test_bars_are_as_long_as_they_are_fast_and_cut_where_nothing_else_could_be_seen(result):
    plot = ladder_plot(result, 720)
    shares = [float(share) for share in re.findall(r'class="bar"[^>]*? width="([\d.]+)%"', plot)]
    assert shares == [pytest.approx(500 / 12, 0.01), 50.0, 62.5, 100.0, 100.0]
    assert plot.count('<path class="gap"') == 2
    ElementTree.fromstring(plot)


@pytest.mark.parametrize(
    ("value", "told"), [(0.123, "0.12"), (9.96, "10.0"), (99.6, "100"), (1234.5, "1234"), (None, "")]
)
def test_figures_have_as_many_digits_as_mean_something(value, told):
    assert ms(value) == told
