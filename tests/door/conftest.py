from __future__ import annotations

import pytest
from served import Served


@pytest.fixture
def plain(host) -> Served:
    """The app that sets nothing of its door."""
    return Served(host, "plain")
