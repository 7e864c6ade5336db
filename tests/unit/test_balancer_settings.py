"""What a fleet's hosts are to each other."""

from __future__ import annotations

import pytest
from ansible_collections.slipway.flask.plugins.plugin_utils import app_settings
from ansible_collections.slipway.flask.plugins.plugin_utils.balancer_settings import (
    address_errors,
    addresses,
    batch,
    errors,
    switched,
)

HOSTVARS = {
    "www1": {"ansible_host": "192.0.2.11", "slipway_address": "10.0.0.11"},
    "www2": {"ansible_host": "192.0.2.12"},
    "www3": {"ansible_host": "www3.example.com"},
}


def test_a_host_s_own_address_comes_first():
    assert addresses(HOSTVARS, HOSTVARS) == {"www1": "10.0.0.11", "www2": "192.0.2.12", "www3": ""}


def test_a_host_without_address_is_named():
    (error,) = address_errors(addresses(HOSTVARS, HOSTVARS))
    assert "reaches www3, found none; write for example slipway_address: 10.0.0.11" in error


@pytest.mark.parametrize(
    ("due", "serial", "size"),
    [({}, 1, "100%"), ({"www2": False}, 1, "100%"), ({"www2": True}, 1, "1"), ({"www1": True}, "50%", "50%")],
)
def test_hosts_take_turns_only_where_something_is_due(due, serial, size):
    hostvars = {
        name: {"slipway_serial": serial, **({"slipway_due": due[name]} if name in due else {})} for name in HOSTVARS
    }
    assert batch(list(HOSTVARS), hostvars) == size


def test_a_quarter_at_a_time_where_nothing_is_said():
    assert batch(["www1"], {"www1": {"slipway_due": True}}) == "25%"


def test_what_was_switched_last_returns_first():
    hostvars = {
        "www1": {"slipway_switched": {"hello": "green", "other": "blue"}},
        "www2": {"slipway_switched": {"hello": "blue"}},
        "www3": {},
    }
    assert [(one["host"], one["app"], one["slot"]) for one in switched(list(hostvars), hostvars)] == [
        ("www2", "hello", "blue"),
        ("www1", "other", "blue"),
        ("www1", "hello", "green"),
    ]


GOOD = {
    "balancer_pools": [{"site": {"name": "hello", "domains": ["hello.example.com"]}, "host": "hello.example.com"}],
    "balancer_hosts": {"www1": "10.0.0.11"},
    "balancer_floating_address": "192.0.2.100/24",
    "balancer_floating_interface": "eth0",
    "balancer_peers": ["10.0.0.6"],
    "balancer_address": "10.0.0.5",
    "balancer_priority": 100,
    "balancer_router_id": 51,
    "balancer_interval": 0.25,
    "balancer_timeout": 0.7,
    "balancer_fails": 2,
    "balancer_passes": 3,
}


def test_good_settings_are():
    assert errors(GOOD) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("balancer_hosts", {}),
        ("balancer_hosts", {"www1": "www1.example.com"}),
        ("balancer_hosts", {"../www1": "10.0.0.11"}),
        ("balancer_floating_address", "192.0.2.300"),
        ("balancer_floating_interface", "eth0 }"),
        ("balancer_peers", []),
        ("balancer_address", ""),
        ("balancer_priority", 0),
        ("balancer_router_id", 256),
        ("balancer_timeout", 0),
    ],
)
def test_a_bad_setting_is_named(name, value):
    found = errors({**GOOD, name: value})
    assert found and all(error.startswith(name) and "; write for example " in error for error in found)


def settled(**apps):
    base = {"source": {"path": "x"}, "wsgi": "a:b"}
    mappings = {name: {**base, "domains": [f"{name}.example.com"], **keys} for name, keys in apps.items()}
    found, wrong = app_settings.settle(mappings, {})
    assert wrong == []
    return found


BALANCERS, HOSTS = {"lb1": "10.0.0.5", "lb2": "10.0.0.6"}, {"www1": "10.0.0.11", "www2": "10.0.0.12"}


@pytest.mark.parametrize(
    ("apps", "where"),
    [
        (
            {"a": {"tls": {"provider": "selfsigned"}}, "b": {"tls": {"provider": "selfsigned", "terminate": "host"}}},
            "a.tls.terminate",
        ),
        ({"a": {"tls": {"provider": "acme"}}}, "a.tls.provider"),
        ({"a": {"tls": {"provider": "acme", "terminate": "host"}}}, "a.tls.provider"),
    ],
)
def test_what_no_fleet_can_have_is_refused(apps, where):
    (error,) = app_settings.fleet_errors(settled(**apps), BALANCERS, HOSTS)
    assert error.startswith(f"slipway_apps.{where}: expected ")


def test_one_server_may_have_it_all():
    apps = settled(a={"tls": {"provider": "acme"}}, b={"tls": {"provider": "selfsigned", "terminate": "host"}})
    assert app_settings.fleet_errors(apps, {}, {}) == []


def test_a_pool_has_what_a_balancer_must_know_of_an_app():
    app = settled(
        hello={
            "tls": {"provider": "selfsigned"},
            "limits": {"body": "5m", "rate": "1/s"},
            "health": {"path": "/readyz"},
        }
    )["hello"]
    pool = app_settings.pool("hello", app, "/srv")
    assert pool["site"]["limits"] == {"timeout": 65, "body": "5m"}
    assert pool["site"]["tls"]["certificate"] == "/etc/slipway/certificates/hello/fullchain.pem"
    assert (pool["terminate"], pool["path"], pool["host"], pool["balance"]) == (
        "balancer",
        "/readyz",
        "hello.example.com",
        "least_connections",
    )


def test_clients_that_must_come_back_do():
    app = settled(chat={"sticky": True, "workers": 1, "threads": 40})["chat"]
    assert app_settings.pool("chat", app, "/srv")["balance"] == "client"
