"""A Prometheus finds everything that rules and dashboard speak of, and nobody else does."""

from __future__ import annotations

import json
import re
import socket
from datetime import datetime, timezone
from urllib.parse import urlsplit

import pytest
import yaml
from playbook import ROOT
from served import wait_for

FILES = ROOT / "roles" / "metrics" / "files"
PORTS = {"9100": "prometheus", "9113": "prometheus", "9180": "slipway-metrics"}
METRIC = re.compile(r"\b(?:slipway|nginx|node|process)_[A-Za-z0-9_]+\b(?!=)")


def rules() -> list[dict]:
    groups = yaml.safe_load((FILES / "slipway.rules.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions(node) -> list[str]:
    """Those of a dashboard, wherever they stand."""
    if isinstance(node, list):
        return [found for one in node for found in expressions(one)]
    if not isinstance(node, dict):
        return []
    own = [node[key] for key in ("expr", "definition") if isinstance(node.get(key), str)]
    return own + [found for one in node.values() for found in expressions(one)]


def dashboard() -> list[str]:
    return expressions(json.loads((FILES / "slipway.dashboard.json").read_text(encoding="utf-8")))


METRICS = sorted(
    {name for text in [*(rule["expr"] for rule in rules()), *dashboard()] for name in METRIC.findall(text)}
)


@pytest.mark.parametrize("port", PORTS)
def test_a_target_is_up(prometheus, port):
    wait_for(lambda: prometheus.query(f'up{{instance="127.0.0.1:{port}"}}') == {"__name__=up": 1}, f"target {port} up")


def test_the_rules_are_those_and_evaluate(prometheus):
    def loaded():
        return [rule for group in prometheus.api("rules")["groups"] for rule in group["rules"]]

    wait_for(lambda: all(rule["health"] == "ok" for rule in loaded()), "every rule evaluated")
    assert {rule["name"] for rule in loaded()} == {rule["alert"] for rule in rules()}


def test_the_rules_pass_tests_of_their_own(host):
    done = host.run("promtool test rules /etc/prometheus/tested/slipway.test.yml")
    assert done.rc == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_that_is_asked_for_is_there(prometheus, name):
    wait_for(lambda: prometheus.query(f"count({name})"), f"samples of {name}", 10)


@pytest.mark.parametrize("port", [*PORTS, "9181"])
def test_only_loopback_is_listened_on(host, hello, port):
    listening = host.check_output("ss --no-header --listening --tcp --numeric").splitlines()
    assert [line.split()[3] for line in listening if line.split()[3].endswith(f":{port}")] == [f"127.0.0.1:{port}"]
    with pytest.raises(OSError):
        socket.create_connection((urlsplit(hello.url).hostname, int(port)), timeout=2)


@pytest.mark.parametrize(("port", "user"), PORTS.items())
def test_no_exporter_is_root(host, port, user):
    (line,) = host.check_output(
        "ss --no-header --listening --tcp --numeric --processes 'sport = :%s'", port
    ).splitlines()
    assert host.check_output("ps --no-headers -o user:32 %s", re.search(r"pid=(\d+)", line)[1]).strip() == user


def test_the_release_that_serves(prometheus, hello):
    (labels,) = (name for name in prometheus.scrape() if name.startswith('slipway_live_info{app="hello"'))
    assert f'slot="{hello.slot}"' in labels and f'release="{hello.release}"' in labels
    assert prometheus.query('slipway_live_info{app="hello"}').popitem()[1] == 1


def test_its_workers_and_what_they_hold(prometheus, hello):
    found = prometheus.scrape()
    labels = f'app="hello",slot="{hello.slot}"'
    assert found[f"slipway_workers{{{labels}}}"] == len(hello.workers)
    assert 10 << 20 < found[f"slipway_memory_bytes{{{labels}}}"] < 1 << 30
    assert 0 < found[f"slipway_boot_seconds{{{labels}}}"] < 60


def test_an_app_bears_the_name_that_it_was_given(prometheus, unruly):
    before = prometheus.requests("Unruly!")
    assert unruly.get("/") == (200, "well")
    assert prometheus.requests("Unruly!") == before + 1


def test_the_end_of_the_certificate_that_is_served(host, prometheus):
    text = host.check_output("openssl x509 -noout -enddate -in /etc/slipway/certificates/unruly-8d0f71a4/fullchain.pem")
    end = datetime.strptime(text, "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=timezone.utc)
    told = prometheus.query("slipway_certificate_end_seconds")
    assert list(told.values()) == [end.timestamp()] and "domain=unruly.example.com" in next(iter(told))
