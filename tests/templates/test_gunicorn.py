"""What the role gunicorn writes."""

from __future__ import annotations

import os

import pytest

MIB = 1 << 20


@pytest.fixture
def config(role, monkeypatch):
    """Gunicorn's settings, as it finds them on a host of so many CPUs and MiB."""

    def config(cpus: int = 2, memory: int = 8192, **given) -> dict:
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cpus)))
        monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": memory * MIB // 4096, "SC_PAGE_SIZE": 4096}.get)
        settings = {}
        exec(role("gunicorn", **{"gunicorn_wsgi": "app:app", **given}).render("gunicorn.conf.py.j2"), settings)
        return settings

    return config


@pytest.mark.parametrize(
    ("cpus", "memory", "worker_class", "expected"),
    [
        pytest.param(1, 8192, "gthread", 2, id="one CPU"),
        pytest.param(4, 8192, "gthread", 5, id="one each and one to spare"),
        pytest.param(4, 8192, "gevent", 5, id="gevent"),
        pytest.param(4, 8192, "sync", 9, id="two each and one to spare"),
        pytest.param(1, 8192, "sync", 3, id="sync on one CPU"),
        pytest.param(4, 1024, "sync", 4, id="half of the memory"),
        pytest.param(64, 2048, "gthread", 8, id="many CPUs"),
        pytest.param(8, 256, "sync", 2, id="little memory"),
    ],
)
def test_workers_are_sized_to_the_host(config, cpus, memory, worker_class, expected):
    assert config(cpus, memory, gunicorn_worker_class=worker_class)["workers"] == expected


@pytest.mark.parametrize("number", [3, "3"])
def test_a_number_of_workers_is_taken_as_it_is(config, number):
    assert config(64, 64, gunicorn_workers=number)["workers"] == 3


def test_the_callable_is_taken_as_it_is_written(config):
    wsgi = "app:create_app('it\\'s \"quoted\"')"
    assert config(gunicorn_wsgi=wsgi)["wsgi_app"] == wsgi


def test_further_settings(config):
    found = config(gunicorn_extra_config={"limit_request_line": 200, "user_agent": 'a "b"', "reuse_port": False})
    assert (found["limit_request_line"], found["user_agent"], found["reuse_port"]) == (200, 'a "b"', False)
