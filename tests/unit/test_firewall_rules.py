"""What a host offers to whom."""

from __future__ import annotations

import pytest
from ansible_collections.slipway.flask.plugins.plugin_utils.firewall_rules import ports, rules

WEB = ["10.0.0.10", "10.0.0.11"]
ALONE = {"web": WEB, "balancer": []}
FLEET = {"web": WEB, "balancer": ["10.0.0.1", "10.0.0.2"]}


def test_a_web_host_is_open_to_all():
    assert rules(ALONE, ["web"], {}) == [{"name": "web", "ports": [80, 443]}]


def test_http3_needs_its_port_by_udp_too():
    found = rules(ALONE, ["web"], {"nginx_http3": True, "nginx_tls_listen": ["443", "[::]:443", "8443"]})
    assert found[1] == {"name": "web by HTTP/3", "protocol": "udp", "ports": [443, 8443]}


def test_behind_balancers_it_is_open_to_these_alone():
    assert rules(FLEET, ["web"], {}) == [{"name": "web", "ports": [80, 443], "from": FLEET["balancer"]}]


def test_balancers_are_open_to_all_and_hear_each_other():
    found = rules(FLEET, ["balancer"], {})
    assert found[0] == {"name": "web", "ports": [80, 443]}
    assert found[1] == {"name": "the floating address", "protocol": "vrrp", "from": FLEET["balancer"]}
    assert [rule["name"] for rule in rules({"web": WEB, "balancer": WEB[:1]}, ["balancer", "web"], {})] == ["web"]


@pytest.mark.parametrize(
    ("variables", "expected", "sources"),
    [
        ({}, [6379], WEB),
        ({"cache_engines": ["memcached"]}, [11211], WEB),
        ({"cache_engines": ["redis", "memcached"], "cache_redis_port": 6380}, [6380, 11211], WEB),
        ({"slipway_cache_clients": ["10.9.0.0/16"]}, [6379], [*WEB, "10.9.0.0/16"]),
    ],
)
def test_a_cache_is_open_to_web_hosts_alone(variables, expected, sources):
    assert rules(ALONE, ["cache"], variables) == [{"name": "cache", "ports": expected, "from": sources}]


METRICS = {"slipway_metrics": True, "metrics_address": "10.0.0.10", "metrics_allow": ["10.9.0.0/24"]}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, [9100, 9113, 9180]),
        ({"slipway_metrics": "true", "metrics_address": "0.0.0.0"}, [9100, 9113, 9180]),
        ({"metrics_address": "::"}, [9100, 9113, 9180]),
        ({"metrics_port": 9000, "metrics_nginx_port": "9001"}, [9000, 9001, 9100]),
    ],
)
@pytest.mark.parametrize("addresses", [ALONE, FLEET])
def test_exporters_are_open_to_those_alone_who_may_ask(addresses, variables, expected):
    found = rules(addresses, ["web"], {**METRICS, **variables})
    assert found[1:] == [{"name": "metrics", "ports": expected, "from": ["10.9.0.0/24"]}]


@pytest.mark.parametrize(
    "variables",
    [
        {"slipway_metrics": False},
        {"slipway_metrics": "false"},
        {"metrics_address": "127.0.0.1"},
        {"metrics_address": "127.1.2.3"},
        {"metrics_address": "::1"},
    ],
)
def test_exporters_that_are_off_or_hear_the_host_alone_open_nothing(variables):
    assert [rule["name"] for rule in rules(ALONE, ["web"], {**METRICS, **variables})] == ["web"]


def test_without_a_word_of_metrics_nothing_is_opened_for_them():
    unsaid = {key: value for key, value in METRICS.items() if key != "slipway_metrics"}
    assert [rule["name"] for rule in rules(ALONE, ["web"], unsaid)] == ["web"]
    assert [rule["name"] for rule in rules(ALONE, ["web"], {"slipway_metrics": True})] == ["web"]
    assert rules(ALONE, ["cache"], METRICS)[0]["name"] == "cache"


def test_a_cache_without_web_hosts_is_open_to_nobody():
    [rule] = rules({"web": [], "balancer": []}, ["cache"], {})
    assert rule["from"] == []


def test_other_groups_open_nothing():
    assert rules(FLEET, ["database"], {}) == []


def test_what_only_the_host_itself_reaches_is_not_opened():
    assert ports(["80", "127.0.0.1:8080", "[::1]:8081", "10.0.0.5:8082", "[::]:80"]) == [80, 8082]
    assert rules(ALONE, ["web"], {"nginx_listen": ["127.0.0.1:80"], "nginx_tls_listen": []}) == []
