from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engines import NEIGHBOUR, Memcached, Redis
from playbook import ROOT
from served import Served


def pytest_collection_modifyitems(items) -> None:
    """Each host's app lives by the other host's cache, so no two of these tests may run at once."""
    for item in items:
        if "tests/cache/" in item.nodeid:
            item.add_marker(pytest.mark.alone)


@pytest.fixture
def kept(host) -> Served:
    """The app of this host."""
    return Served(host, "kept")


@pytest.fixture
def neighbour(host):
    """The host whose cache it is."""
    name = NEIGHBOUR[host.backend.get_hostname()]
    return host.get_host(f"ansible://{name}", ansible_inventory=str(ROOT / "molecule/inventory"), sudo=True)


@pytest.fixture
def redis(neighbour) -> Redis:
    """The Redis, or what became of it, that this host's app asks; it ends each test running and empty."""
    redis = Redis(neighbour)
    yield redis
    redis.back()
    redis.cli("flushall")


@pytest.fixture
def memcached(neighbour) -> Memcached:
    memcached = Memcached(neighbour)
    yield memcached
    memcached.back()


@pytest.fixture(params=["redis", "memcached"])
def engine(request, host):
    """Each kind."""
    return request.getfixturevalue(request.param)
