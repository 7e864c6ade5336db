from __future__ import annotations

import pytest
from served import Served


@pytest.fixture
def hello(host) -> Served:
    """The inventory's app."""
    return Served(host)
