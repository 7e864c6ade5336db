from __future__ import annotations

import sys
from pathlib import Path

import pytest
from served import Served

sys.path.insert(0, str(Path(__file__).parent))

from secure import Secure


@pytest.fixture
def plain(host) -> Served:
    """The app that sets nothing of its door."""
    return Served(host, "plain")


@pytest.fixture
def own(host) -> Secure:
    """With a certificate of the host's own CA."""
    return Secure(host, "own")


@pytest.fixture
def given(host) -> Secure:
    """With a certificate that someone brought, over HTTPS and plain HTTP."""
    return Secure(host, "given")


@pytest.fixture
def issued(host) -> Secure:
    """With a certificate of the ACME server, which lasts six days."""
    return Secure(host, "issued")
