# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table of nftables that lets in what a host offers, as nft reads it, and whom it must not lock out."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable

TABLE = ["inet", "slipway"]
VRRP = 112  # by number, since not every system has the names of protocols
INTERFACE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}\*?"
NAME = r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,60}"

# Emptied and filled anew in one transaction: there is no moment without it, and none with half of it. What drops is a rule and not
# the policy, which would outlive all rules: someone who flushed the table would be locked out by an empty one.
FRAME = """\
{header}
# Loaded by slipway-firewall.service. Nothing but this table is touched.
table inet slipway
delete table inet slipway

table inet slipway {{
    chain input {{
        type filter hook input priority filter; policy accept;

        iif lo accept
        # Errors, pings, and IPv6's neighbours and routers: ICMP in its two forms. A small system does not know its name.
        meta l4proto {{ 1, 58 }} accept
        ct state vmap {{ established : accept, related : accept, invalid : drop }}
        # Leases by DHCP over IPv6.
        ip6 saddr fe80::/10 udp dport 546 accept
{rules}
        drop comment "all else"
    }}
}}
"""


class FirewallError(ValueError):
    """Rules that cannot be, led by their variable."""


def networks(where: str, texts: Iterable[str]) -> dict[str, list[str]]:
    """What nft is to compare with, by IP version, none of it within another. Raises FirewallError."""
    found: dict[int, set] = {4: set(), 6: set()}
    for text in texts:
        try:
            network = ipaddress.ip_network(str(text), strict=False)
        except ValueError:
            raise FirewallError(
                f"{where}: expected addresses and networks, found {text!r}; write for example 10.0.0.0/8"
            ) from None
        found[network.version].add(network)
    return {
        family: [
            str(one.network_address if one.num_addresses == 1 else one)
            for one in sorted(found[version])
            if not any(one != other and one.subnet_of(other) for other in found[version])
        ]
        for family, version in (("ip", 4), ("ip6", 6))
        if found[version]
    }


def ports(where: str, numbers: Iterable[int]) -> str:
    """Ports as nft writes them. Raises FirewallError."""
    for number in numbers:
        if not 0 < number < 65536:
            raise FirewallError(f"{where}: expected ports from 1 to 65535, found {number}; write for example [443]")
    return ", ".join(str(number) for number in sorted(set(numbers)))


def rule(where: str, entry: dict) -> list[str]:
    """The lines of one entry of ``allow``. Raises FirewallError."""
    if not re.fullmatch(NAME, entry["name"], re.ASCII):
        raise FirewallError(f"{where}.name: expected plain words, found {entry['name']!r}; write for example web")
    if entry["protocol"] == "vrrp":
        if entry["ports"]:
            raise FirewallError(f"{where}.ports: vrrp has none; leave them out")
        what = f"meta l4proto {VRRP}"
    else:
        if not entry["ports"]:
            raise FirewallError(f"{where}.ports: missing; write for example [443]")
        what = f"{entry['protocol']} dport {{ {ports(where + '.ports', entry['ports'])} }}"
    sources = networks(f"{where}.from", entry["from"] or [])
    lines = [f"{family} saddr {{ {', '.join(found)} }} {what} accept" for family, found in sources.items()]
    # Nobody is not everybody: an empty list of addresses opens nothing.
    if entry["from"] is None:
        lines = [f"{what} accept"]
    return [f"# {entry['name']}", *lines]


def ruleset(header: str, allow: list[dict], ssh_ports: list[int], ssh_from: list[str], interfaces: list[str]) -> str:
    """The file for ``nft -f``. Raises FirewallError for what cannot be a rule."""
    ssh = {"name": "SSH", "protocol": "tcp", "ports": ssh_ports, "from": ssh_from or None}
    lines = rule("firewall_ssh", ssh)
    for name in interfaces:
        if not re.fullmatch(INTERFACE, name, re.ASCII):
            raise FirewallError(
                f"firewall_trusted_interfaces: expected names, found {name!r}; write for example podman*"
            )
        lines.append(f'iifname "{name}" accept')
    for index, entry in enumerate(allow):
        lines += rule(f"firewall_allow[{index}]", entry)
    return FRAME.format(header=header, rules="\n".join(f"        {line}" for line in lines))


def ssh_connection(pid: int, proc: str = "/proc") -> tuple[str, int] | None:
    """Where the SSH connection that runs process ``pid`` comes from, and the port here that it came to; None when there is none.

    sudo takes it out of the environment; the shell above it has it.
    """
    while pid > 1:
        try:
            with open(f"{proc}/{pid}/environ", "rb") as file:
                environment = file.read().split(b"\0")
            with open(f"{proc}/{pid}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            return None
        for entry in environment:
            if entry.startswith(b"SSH_CONNECTION="):
                words = os.fsdecode(entry).partition("=")[2].split()
                if len(words) == 4:
                    return words[0].partition("%")[0], int(words[3])
        pid = parent
    return None


def lets_in(client: str, ssh_from: list[str]) -> bool:
    """Whether ``client`` is among the networks, of which none means everyone."""
    address = ipaddress.ip_address(client)
    address = getattr(address, "ipv4_mapped", None) or address
    return not ssh_from or any(address in ipaddress.ip_network(str(text), strict=False) for text in ssh_from)
