from __future__ import annotations

import pytest
from served import Served


@pytest.fixture(params=["hello", "carried", "setup"])
def app(host, request) -> Served:
    """Every app of the scenario, one after the other."""
    return Served(host, request.param)
