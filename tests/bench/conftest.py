from __future__ import annotations

import json

import pytest
from playbook import play
from served import Served

REQUESTS = [{"path": "/", "weight": 3}, {"path": "/api/entries?limit=5", "weight": 1}]


@pytest.fixture(scope="module")
def hello(host) -> Served:
    """The inventory's app."""
    return Served(host)


@pytest.fixture(scope="module")
def bench(hello, tmp_path_factory):
    """Run the playbook against this host: what it printed, and its figures where it wrote some."""

    def run(confirm=True, **asked):
        report = tmp_path_factory.mktemp("bench") / "report"
        asked = {"seconds": 1, "clients": 8, "requests": REQUESTS, "ladder": [], "report": str(report), **asked}
        words = {"slipway_bench_confirm": True} if confirm else {}
        played = play(
            "playbooks/bench.yml", "--limit", hello.machine, slipway_only="hello", slipway_bench=asked, **words
        )
        figures = report.with_suffix(".json")
        return played, json.loads(figures.read_text(encoding="utf-8")) if figures.exists() else {}

    return run


@pytest.fixture
def asked_here(hello):
    """How many requests for the app came from the host itself until now, as Nginx counted them."""
    return lambda: int(
        hello.run(
            "grep --fixed-strings hello.example.com /var/log/nginx/access.log | grep --count --fixed-strings 127.0.0.1 || true"
        )
    )
