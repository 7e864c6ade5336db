"""One whole run: its figures are those of the servers, nothing is left of it, and what served went on serving."""

from __future__ import annotations

import subprocess
from typing import NamedTuple

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.devtools import program

testinfra_hosts = ["ansible://debian12", "ansible://debian13"]

WAYS = ["development", "server", "nginx", "cache", "static"]


class Run(NamedTuple):
    output: str
    result: dict
    asked: int  # of Nginx by the host itself, as its log has it
    before: tuple
    after: tuple
    lost: dict


@pytest.fixture(scope="module")
def run(hello, bench):
    """The whole, while a user of the app is there as well."""

    def state():
        return hello.slot, hello.release, hello.master, hello.nginx_workers

    def asked_here():
        lines = "grep --fixed-strings hello.example.com /var/log/nginx/access.log"
        return int(hello.run(f"{lines} | grep --count --fixed-strings 127.0.0.1 || true"))

    before, asked = state(), asked_here()
    with hello.load(clients=1, pause=0.05, slow=0) as load:
        played, result = bench(ladder=WAYS)
    assert played.ok, played.output
    return Run(played.output, result, asked_here() - asked, before, state(), load.counts())


def test_nothing_was_lost_and_figures_are_in_order(run):
    for measured in [run.result["serving"], *(rung["measured"] for rung in run.result["ladder"])]:
        assert measured["failed"] == 0, measured
        assert measured["requests"] > 50
        assert measured["rate"] == pytest.approx(measured["requests"] / measured["seconds"], rel=0.01)
        latency = measured["latency_ms"]
        assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"] + 0.01
        assert measured["first_byte_ms"]["quiet"]["count"] > 5
        assert measured["first_byte_ms"]["load"]["count"] > 0


def test_nginx_counted_what_wrk_counted(run):
    """Each request is asked for once before, and once more for the size of the static file. wrk leaves the last ones alone."""
    serving = run.result["serving"]
    first_bytes = 1 + serving["first_byte_ms"]["quiet"]["count"] + serving["first_byte_ms"]["load"]["count"]
    known = serving["requests"] + first_bytes + 2 + 1
    assert known <= run.asked <= known + 8


def test_every_way_was_measured_and_compared(run):
    ladder = run.result["ladder"]
    assert [rung["name"] for rung in ladder] == WAYS
    assert [rung["why"] for rung in ladder] == [""] * len(WAYS)
    base = ladder[0]["measured"]["rate"]
    for rung in ladder:
        assert rung["measured"]["ratio"] == pytest.approx(rung["measured"]["rate"] / base, abs=0.01)
        assert rung["title"] in run.output
    rates = {rung["name"]: rung["measured"]["rate"] for rung in ladder}
    # What asks no app is faster than any app, on any machine.
    assert min(rates["cache"], rates["static"]) > 2 * max(rates["development"], rates["server"], rates["nginx"])


def test_it_says_which_wrk_asked(run, host):
    version = run.result["serving"]["wrk"]
    assert version and version in host.run("wrk -v").stdout and f"wrk {version}" in run.output


def test_the_app_s_answers_were_kept_and_its_static_file_was_a_static_file(run):
    by_name = {rung["name"]: rung["measured"] for rung in run.result["ladder"]}
    assert by_name["cache"]["kept"] == ["/", "/api/entries?limit=5"]
    assert by_name["static"]["asked"][0].startswith("GET /static/")


def test_memory_and_processors_are_those_of_the_servers(run):
    used = run.result["serving"]["used"]
    assert used["app"]["memory_mib"] > 20 and used["app"]["processes"] >= 3 and used["app"]["cpus"] > 0.05
    assert used["nginx"]["memory_mib"] > 1 and used["nginx"]["processes"] >= 2
    ways = {rung["name"]: set(rung["measured"]["used"]) - {"wrk", "host"} for rung in run.result["ladder"]}
    both = {"app", "nginx"}
    assert ways == {"development": {"app"}, "server": {"app"}, "nginx": both, "cache": both, "static": {"nginx"}}


def test_nothing_of_it_is_left(run, host):
    assert host.check_output("systemctl list-units --all --plain --no-legend 'slipway-bench-*'") == ""
    assert host.check_output("find /run /tmp -maxdepth 1 -name 'slipway-bench*' -o -maxdepth 1 -name '*.lua'") == ""
    assert host.run("pgrep --list-full wrk").stdout == ""


def test_what_served_went_on_serving(run):
    assert run.after == run.before
    assert run.lost["lost"] == 0, run.lost


def test_the_page_opens_in_a_browser(run, tmp_path, bench):
    assert program(), "expected a browser on this machine, found none; run script/setup browser"
    page = next(word for word in run.output.replace(",", " ").split() if word.endswith(".html"))
    picture = tmp_path / "report.png"
    subprocess.run(
        [program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}",
         f"--screenshot={picture}", f"file://{page}"], capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    assert picture.stat().st_size > 10_000
