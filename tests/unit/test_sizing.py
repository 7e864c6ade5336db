"""How many workers a host carries."""

from __future__ import annotations

import os

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import sizing

MIB = 1 << 20


@pytest.fixture
def host(monkeypatch, tmp_path):
    """A host of so many CPUs and MiB; ``limits`` are files of its cgroups, path to text."""

    def host(cpus: int = 2, memory: int = 8192, limits: dict[str, str] | None = None, group: str = "/a/b") -> None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cpus)))
        monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": memory * MIB // 4096, "SC_PAGE_SIZE": 4096}.get)
        for path, text in (limits or {}).items():
            (tmp_path / "cgroup" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "cgroup" / path).write_text(text + "\n", encoding="ascii")
        (tmp_path / "own").write_text(f"1:cpu:/v1\n0::{group}\n", encoding="ascii")
        monkeypatch.setattr(sizing, "CGROUPS", str(tmp_path / "cgroup"))
        monkeypatch.setattr(sizing, "OWN", str(tmp_path / "own"))

    return host


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
def test_workers_are_sized_to_the_host(host, cpus, memory, worker_class, expected):
    host(cpus, memory)
    assert sizing.workers(worker_class) == expected


def test_what_a_worker_really_needs_counts(host):
    host(8, 8192)
    assert (sizing.workers("gthread", 64), sizing.workers("gthread", 1024)) == (9, 4)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param({"a/b/cpu.max": "200000 100000"}, 3, id="its own quota"),
        pytest.param({"a/cpu.max": "200000 100000", "a/b/cpu.max": "max 100000"}, 3, id="that of one above"),
        pytest.param({"cpu.max": "150000 100000"}, 2, id="a container's, one and a half"),
        pytest.param({"cpu.max": "50000 100000"}, 2, id="half a CPU"),
        pytest.param({"a/b/memory.max": str(384 * MIB)}, 3, id="its own memory"),
        pytest.param({"memory.max": "max", "a/b/memory.max": "max"}, 9, id="no bound"),
        pytest.param({}, 9, id="no controllers"),
    ],
)
def test_limits_of_cgroups_count(host, limits, expected):
    host(8, 8192, limits)
    assert sizing.workers("gthread") == expected


def test_without_cgroups(host, monkeypatch):
    host(4)
    monkeypatch.setattr(sizing, "OWN", "/nonexistent")
    assert sizing.workers("gthread") == 5


@pytest.mark.parametrize("number", [0, 1, 3, 9])
def test_a_number_that_the_host_carries_is_no_reason_to_warn(host, number):
    host(2)
    assert sizing.overload(number, "gthread") == ""


def test_a_hundred_workers_on_two_cpus(host):
    host(2)
    said = sizing.overload(100, "sync")
    assert "100 workers take turns on 2 CPUs and 4096 MiB" in said and "auto, which gives 5" in said


def test_workers_that_do_not_fit_into_memory(host):
    host(4, 2048)
    assert "12 workers of 128 MiB do not fit into 4 CPUs and 1024 MiB" in sizing.overload(12, "gthread")
