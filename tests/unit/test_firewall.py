"""The table as nft reads it, and whom it must not lock out."""

from __future__ import annotations

import os

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.firewall import (
    FirewallError,
    lets_in,
    ruleset,
    ssh_connection,
)

ENTRY = {"name": "web", "protocol": "tcp", "ports": [80, 443], "from": None}


def lines(*allow, ssh_ports=(22,), ssh_from=(), interfaces=()) -> list[str]:
    """The rules, without what always stands there."""
    entries = [{**ENTRY, **entry} for entry in allow]
    text = ruleset("# header", entries, list(ssh_ports), list(ssh_from), list(interfaces))
    body = text.partition("udp dport 546 accept\n")[2]
    found = [line.strip() for line in body.splitlines() if line.strip(" }")]
    assert found.pop() == 'drop comment "all else"'
    return found


def test_it_begins_anew_in_one_transaction():
    text = ruleset("# header", [], [22], [], [])
    assert text.startswith("# header\n")
    assert text.index("table inet slipway\ndelete table inet slipway\n") < text.index("table inet slipway {")
    # A policy that drops would outlive the rules.
    assert "policy accept;" in text


def test_everyone_may_come_where_nothing_else_is_said():
    assert lines({}) == ["# SSH", "tcp dport { 22 } accept", "# web", "tcp dport { 80, 443 } accept"]


def test_both_kinds_of_addresses():
    assert lines({"from": ["10.0.0.5", "2001:db8::/64", "192.0.2.1"]})[2:] == [
        "# web",
        "ip saddr { 10.0.0.5, 192.0.2.1 } tcp dport { 80, 443 } accept",
        "ip6 saddr { 2001:db8::/64 } tcp dport { 80, 443 } accept",
    ]


def test_networks_within_others_are_left_out():
    assert "{ 10.0.0.0/8 }" in lines({"from": ["10.0.0.5", "10.0.0.0/8", "10.0.0.5"]})[3]


def test_nobody_is_not_everybody():
    assert lines({"from": []})[2:] == ["# web"]


def test_vrrp_has_no_ports():
    found = lines({"name": "the floating address", "protocol": "vrrp", "ports": [], "from": ["10.0.0.5"]})
    assert found[3] == "ip saddr { 10.0.0.5 } meta l4proto 112 accept"


def test_ssh_for_some_alone_and_interfaces_for_all():
    found = lines(ssh_ports=[2222, 22], ssh_from=["10.0.0.0/8"], interfaces=["podman*"])
    assert found == ["# SSH", "ip saddr { 10.0.0.0/8 } tcp dport { 22, 2222 } accept", 'iifname "podman*" accept']


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"name": "a\nb"}, "firewall_allow[0].name: expected plain words"),
        ({"ports": []}, "firewall_allow[0].ports: missing"),
        ({"ports": [0]}, "firewall_allow[0].ports: expected ports from 1 to 65535, found 0"),
        ({"protocol": "vrrp"}, "firewall_allow[0].ports: vrrp has none"),
        ({"from": ["web1"]}, "firewall_allow[0].from: expected addresses and networks, found 'web1'"),
    ],
)
def test_a_bad_entry_is_named(entry, expected):
    with pytest.raises(FirewallError) as error:
        lines(entry)
    assert str(error.value).startswith(expected)


@pytest.mark.parametrize("name", ['eth0" accept; #', "", "x" * 20])
def test_a_bad_interface_is_named(name):
    with pytest.raises(FirewallError, match="firewall_trusted_interfaces: expected names"):
        lines(interfaces=[name])


@pytest.fixture
def processes(tmp_path):
    """A /proc with a process 30 below 20 below 10, and their environments."""

    def processes(**environments):
        for pid, parent in ((30, 20), (20, 10), (10, 1)):
            folder = tmp_path / str(pid)
            folder.mkdir()
            (folder / "stat").write_text(f"{pid} (a ) b) S {parent} 0")
            environment = ["HOME=/root", *environments.get(f"of{pid}", [])]
            (folder / "environ").write_bytes(b"\0".join(map(os.fsencode, environment)))
        return str(tmp_path)

    return processes


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("192.0.2.1 44008 192.0.2.10 2222", ("192.0.2.1", 2222)),
        ("fe80::1%eth0 44008 fe80::2%eth0 22", ("fe80::1", 22)),
        ("garbage", None),
    ],
)
def test_the_connection_is_found_above_sudo(processes, said, expected):
    assert ssh_connection(30, processes(of10=[f"SSH_CONNECTION={said}"])) == expected


def test_there_may_be_none(processes):
    assert ssh_connection(30, processes()) is None
    assert ssh_connection(30, "/nowhere") is None


@pytest.mark.parametrize(
    ("client", "networks", "expected"),
    [
        ("192.0.2.1", [], True),
        ("192.0.2.1", ["10.0.0.0/8", "192.0.2.0/24"], True),
        ("::ffff:192.0.2.1", ["192.0.2.1"], True),
        ("192.0.2.1", ["10.0.0.0/8", "2001:db8::/32"], False),
    ],
)
def test_who_is_let_in(client, networks, expected):
    assert lets_in(client, networks) is expected
