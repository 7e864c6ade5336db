"""The filters, as Ansible finds them."""

from __future__ import annotations

import pytest
from ansible_collections.slipway.flask.plugins.filter import nginx_errors, slug


def filter_of(module):
    """The one filter that the module holds, which bears its name."""
    name = module.__name__.rpartition(".")[2]
    filters = module.FilterModule().filters()
    assert list(filters) == [name]
    return filters[name]


def test_slug():
    assert filter_of(slug)("hello") == "hello"
    assert filter_of(slug)("My Shop!") == "my-shop-22e214a0"


def variables(**keys):
    site = {"name": "hello", "domains": ["hello.example.com"], "socket": "/run/hello.sock"}
    return {
        "nginx_sites": [site],
        "nginx_listen": ["80"],
        "nginx_client_max_body_size": "16m",
        "nginx_large_client_header_buffers": "4 8k",
        "nginx_extra_config": {},
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
