"""What may be asked of bench, and where it takes a user's word."""

from __future__ import annotations

import pytest
from ansible_collections.slipway.flask.plugins.plugin_utils import bench_settings

HELLO = {"domains": ["hello.example.com"], "wsgi": "hello:app", "tls": None}
FOUND = {"visitors": 0, "machine": {"available_mib": 4000}}


def settle(given=None, apps=None, hosts=("www1",), limited=True, known=("www1", "load1")):
    return bench_settings.settle(
        given or {}, apps or {"hello": HELLO}, list(hosts), limited, list(known), {"www1": "192.0.2.10"}
    )


def test_one_app_of_one_host_is_all_that_must_be_said():
    plan, errors = settle()
    assert errors == []
    assert (plan["app"], plan["host"], plan["address"], plan["port"], plan["tls"]) == (
        "hello",
        "www1",
        "127.0.0.1",
        80,
        False,
    )
    assert [rung["name"] for rung in plan["ladder"]] == ["development", "server", "nginx", "cache", "static"]
    assert plan["requests"] == [{"path": "/", "method": "GET", "weight": 1, "status": None, "headers": {}, "body": ""}]
    assert plan["report"] == "bench-hello-www1"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"app": "helo"}, "slipway_bench.app: expected one of hello, found helo"),
        ({"clients": 0}, "slipway_bench.clients: expected a number from 1 to 512, found 0; write clients: 32"),
        ({"seconds": 61}, "slipway_bench.seconds: expected a number from 1 to 60, found 61"),
        ({"most": 10_000_000}, "slipway_bench.most: expected a number from 1 to 1000000"),
        ({"requests": []}, "slipway_bench.requests: expected 1 to 50 of them, found 0"),
        ({"requests": [{"path": "index"}]}, "slipway_bench.requests[0].path: expected a path that begins with /"),
        (
            {"requests": [{"path": "/", "weight": 0}]},
            "slipway_bench.requests[0].weight: expected a number from 1 to 100",
        ),
        (
            {"requests": [{"path": "/", "body": "a", "json": {"a": 1}}]},
            "slipway_bench.requests[0]: expected one of body, json and form",
        ),
        (
            {"requests": [{"path": "/", "headers": {"A": "b\nC: d"}}]},
            "slipway_bench.requests[0].headers: expected values of one line",
        ),
        ({"ladder": ["apache"]}, "slipway_bench.ladder: expected some of development, server"),
        ({"from": "load2"}, "slipway_bench.from: expected a host of the inventory, found load2"),
        ({"url": "www.example.com"}, "slipway_bench.url: expected an address such as"),
        ({"browser": {"on": "elsewhere"}}, "slipway_bench.browser.on: expected a host of the inventory"),
        ({"nonsense": 1}, "slipway_bench: nonsense. Supported parameters include"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(given, error):
    plan, errors = settle(given)
    assert plan == {}
    assert len(errors) == 1 and errors[0].startswith(error)


@pytest.mark.parametrize(("hosts", "limited"), [(["www1", "www2"], True), (["www1"], False)])
def test_the_host_must_be_told(hosts, limited):
    assert settle(hosts=hosts, limited=limited)[1][0].startswith(
        "--limit: expected the one host that is to bear the load"
    )


def test_of_several_apps_one_must_be_told():
    both = {"hello": HELLO, "shop": HELLO}
    assert settle(apps=both)[1][0].startswith(
        "slipway_bench.app: expected the one app that is to bear the load, found hello, shop"
    )
    assert settle({"app": "shop"}, both)[0]["app"] == "shop"


def test_another_host_finds_it_by_its_address():
    plan, errors = settle({"from": "load1"}, {"hello": {**HELLO, "tls": {"provider": "acme"}}})
    assert errors == []
    assert (plan["address"], plan["port"], plan["tls"], plan["away"]) == ("192.0.2.10", 443, True, True)


@pytest.mark.parametrize(
    ("given", "body", "kind"),
    [
        ({"json": {"boat": "Wren"}}, '{"boat": "Wren"}', "application/json"),
        ({"form": {"a": "b c"}}, "a=b+c", "application/x-www-form-urlencoded"),
        ({"body": "x", "headers": {"Content-Type": "text/plain"}}, "x", "text/plain"),
    ],
)
def test_a_body_comes_with_its_kind(given, body, kind):
    request = settle({"requests": [{"path": "/add", "method": "POST", **given}]})[0]["requests"][0]
    assert (request["body"], request["headers"]["Content-Type"]) == (body, kind)


def test_the_load_is_said_before_it_is_made():
    plan = settle({"requests": [{"path": "/", "weight": 3}, {"path": "/add", "method": "POST"}], "seconds": 5})[0]
    said = bench_settings.announcement(plan)
    assert (
        "hello on www1 will be asked by 32 clients of www1 at once for 5 s, 500000 times at most: 75% GET /, 25% POST /add."
        in said
    )
    assert "Then what of it is GET as long from each of these" in said


@pytest.mark.parametrize(
    ("given", "found", "reason"),
    [
        ({}, {"visitors": 7}, "7 requests for it came from others within the last ten minutes"),
        ({}, {"visitors": None}, "Nginx's log does not tell whether others use it"),
        ({"requests": [{"path": "/", "method": "POST"}]}, {}, "requests with POST write to the app's own data"),
        ({}, {"machine": {"available_mib": 100}}, "100 MiB of memory are free"),
    ],
)
def test_where_it_may_do_harm(given, found, reason):
    plan = settle(given)[0]
    assert bench_settings.harm(settle()[0], FOUND) == []
    assert [told[: len(reason)] for told in bench_settings.harm(plan, {**FOUND, **found})] == [reason]
