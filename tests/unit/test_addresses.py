"""Where hosts come from."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.slipway.flask.plugins.plugin_utils import addresses as module
from ansible_collections.slipway.flask.plugins.plugin_utils.addresses import UnknownAddressError, addresses

FACTS = {"all_ipv4_addresses": ["10.0.0.7", "127.0.0.1"], "all_ipv6_addresses": ["fe80::1%eth0", "2001:db8::7"]}


@pytest.fixture(autouse=True)
def names(monkeypatch):
    """What the name service knows."""

    def ask(name, *words, **more):
        if name != "known.example.com":
            raise OSError("unknown")
        return [(0, 0, 0, "", ("192.0.2.30", 0))]

    monkeypatch.setattr(module.socket, "getaddrinfo", ask)
    assert socket is module.socket


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param({"ansible_facts": FACTS}, ["10.0.0.7", "2001:db8::7"], id="facts"),
        pytest.param({"ansible_facts": FACTS, "ansible_host": "known.example.com"}, ["10.0.0.7", "2001:db8::7"], id="facts are enough"),
        pytest.param({"ansible_facts": FACTS, "ansible_host": "192.0.2.1"}, ["10.0.0.7", "192.0.2.1", "2001:db8::7"], id="both"),
        pytest.param({"ansible_host": "192.0.2.1"}, ["192.0.2.1"], id="address"),
        pytest.param({"ansible_host": "known.example.com"}, ["192.0.2.30"], id="name"),
        pytest.param({"inventory_hostname": "known.example.com"}, ["192.0.2.30"], id="its own name"),
        pytest.param({"ansible_host": "known.example.com", "slipway_address": "10.9.0.1"}, ["10.9.0.1"], id="given"),
    ],
)  # fmt: skip
def test_of_one(host, expected):
    assert addresses([{"inventory_hostname": "web1", **host}]) == expected


def test_of_several_in_order_and_once():
    hosts = [{"inventory_hostname": f"web{n}", "ansible_host": f"10.0.0.{n}"} for n in (20, 3, 20)]
    assert addresses(hosts) == ["10.0.0.3", "10.0.0.20"]
    assert addresses([]) == []


@pytest.mark.parametrize("host", [{}, {"ansible_host": "nowhere.example.com"}, {"ansible_host": "127.0.0.1"}])
def test_one_of_whom_nothing_is_known_is_named(host):
    with pytest.raises(UnknownAddressError, match="slipway_address: expected the IP address from which web1 comes"):
        addresses([{"inventory_hostname": "web1", **host}])
