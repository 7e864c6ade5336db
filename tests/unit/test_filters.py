"""The filters, as Ansible finds them."""

from __future__ import annotations

import pytest
from ansible_collections.slipway.flask.plugins.filter import nginx_errors, slug, workers


def filter_of(module):
    """The one filter that the module holds, which bears its name."""
    name = module.__name__.rpartition(".")[2]
    filters = module.FilterModule().filters()
    assert list(filters) == [name]
    return filters[name]


def test_slug():
    assert filter_of(slug)("hello") == "hello"
    assert filter_of(slug)("My Shop!") == "my-shop-22e214a0"


@pytest.mark.parametrize(
    ("cpus", "memory_mb", "worker_class", "expected"),
    [
        (1, 8192, "gthread", 2),
        (4, 8192, "gthread", 5),
        (4, 8192, "gevent", 5),
        (4, 8192, "sync", 9),
        (1, 8192, "sync", 3),
        (4, 1024, "sync", 4),
        (64, 2048, "gthread", 8),
        (8, 256, "sync", 2),
        (8, 1, "gthread", 2),
        ("4", "8192", "gthread", 5),
    ],
    ids=[
        *("one CPU", "one each and one to spare", "gevent", "two each and one to spare", "sync on one CPU"),
        *("half of the memory", "many CPUs", "little memory", "hardly any", "texts, as facts may be"),
    ],
)
def test_workers(cpus, memory_mb, worker_class, expected):
    assert filter_of(workers)(cpus, memory_mb=memory_mb, worker_class=worker_class) == expected


def test_workers_are_gthread_unless_said():
    assert filter_of(workers)(4, 8192) == 5


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
