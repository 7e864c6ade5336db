from __future__ import annotations

import pytest
from served import Served


@pytest.fixture
def plain(host) -> Served:
    """The app that sets nothing of its door."""
    return Served(host, "plain")


@pytest.fixture
def guarded(host) -> Served:
    """The app that says what reached it, behind rules of access."""
    return Served(host, "guarded")


@pytest.fixture
def limited(host) -> Served:
    """The same behind low limits."""
    return Served(host, "limited")
