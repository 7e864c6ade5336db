from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fleet import Fleet


@pytest.fixture
def fleet(host) -> Fleet:
    """All hosts, which get requests; those that a test took out are put back after it."""
    fleet = Fleet(host)
    fleet.wait_whole(10)
    yield fleet
    fleet.run("rm -f /var/lib/slipway-balancer/drained/*")
