from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from content import Content
from playbook import ROOT
from secure import Secure
from served import Served


@pytest.fixture
def plain(host) -> Served:
    """The app that sets nothing of its door."""
    return Served(host, "plain")


@pytest.fixture
def content(host) -> Content:
    """The app with files, streams and pages to keep; it has one worker."""
    return Content(host, "content")


@pytest.fixture
def sockets(host) -> Content:
    """The app with WebSockets."""
    return Content(host, "sockets")


@pytest.fixture
def guarded(host) -> Served:
    """The app that says what reached it, behind rules of access."""
    return Served(host, "guarded")


@pytest.fixture
def limited(host) -> Served:
    """The same behind low limits."""
    return Served(host, "limited")


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


@pytest.fixture
def grader(host) -> Served:
    """The host with the newer tools."""
    inventory = str(ROOT / "molecule/inventory")
    return Served(host.get_host("ansible://debian13", ansible_inventory=inventory, sudo=True))
