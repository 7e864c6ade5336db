"""The filters, as Ansible finds them."""

from __future__ import annotations

import re

import pytest
from ansible_collections.slipway.flask.plugins.filter import at_least, nginx_errors, rollback_errors, slug


def filter_of(module):
    """The one filter that the module holds, which bears its name."""
    name = module.__name__.rpartition(".")[2]
    filters = module.FilterModule().filters()
    assert list(filters) == [name]
    return filters[name]


def test_slug():
    assert filter_of(slug)("hello") == "hello"
    assert filter_of(slug)("My Shop!") == "my-shop-22e214a0"


def test_at_least():
    assert re.match(filter_of(at_least)(0.5), "0.500")


def variables(**keys):
    site = {"name": "hello", "domains": ["hello.example.com"], "socket": "/run/hello.sock"}
    return {
        "nginx_sites": [site],
        "nginx_listen": ["80"],
        "nginx_tls_listen": ["443"],
        "nginx_client_max_body_size": "16m",
        "nginx_large_client_header_buffers": "4 8k",
        "nginx_slow_seconds": 1.0,
        "nginx_extra_config": {},
        "nginx_headers": {},
        "nginx_trusted_proxies": [],
        "nginx_passwords": {},
        **keys,
    }


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, []),
        ({"nginx_listen": ["x"]}, ["nginx_listen"]),
        ({"nginx_listen": ["x"], "nginx_client_max_body_size": "y"}, ["nginx_listen", "nginx_client_max_body_size"]),
    ],
    ids=["none", "one", "two"],
)
def test_nginx_errors(keys, expected):
    assert [error.split(":")[0] for error in filter_of(nginx_errors)(variables(**keys))] == expected


def status(**outcomes):
    """What the status module returned, cut down to how each app's last deploy ended."""
    return {"apps": [{"name": name, "last": {"outcome": ended} if ended else {}} for name, ended in outcomes.items()]}


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ({"www1": status(hello="live"), "www2": status(hello="live")}, []),
        ({"www1": status(hello="refused"), "www2": status(hello="rolled back")}, []),
        ({"www1": status(hello="live", new=""), "www2": status(new="refused")}, []),
        ({"www1": {"skipped": True}}, []),
        (
            {"www1": status(hello="live"), "www2": status(hello="refused")},
            ["hello: .* on www1 and failed on www2, .*--limit www1,"],
        ),
    ],
    ids=["all live", "all failed", "apps of their own", "not asked", "some live"],
)
def test_rollback_errors(hosts, expected):
    found = filter_of(rollback_errors)(hosts)
    assert len(found) == len(expected)
    assert all(re.match(pattern, error) for pattern, error in zip(expected, found))
