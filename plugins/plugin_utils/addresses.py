# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where hosts of the inventory come from when they knock at another one."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Mapping


class UnknownAddressError(ValueError):
    """A host of which no address is known."""


def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The network that ``text`` names, an address being one of its own. Raises ValueError for what is none."""
    return ipaddress.ip_network(str(text), strict=False)


def addresses(hosts: Iterable[Mapping]) -> list[str]:
    """Every address of ``hosts``, which are their variables, in order and once.

    Of each host what its ``slipway_addresses`` say; else the addresses that its facts tell, and ``ansible_host``. Only where the facts
    are missing is a name asked for. Raises UnknownAddressError for a host of which nothing is known.
    """
    found: set = set()
    for host in hosts:
        own = {network(text) for text in host.get("slipway_addresses") or []} or _known(host)
        if not own:
            raise UnknownAddressError(
                f"slipway_addresses: expected the addresses of {host['inventory_hostname']}, which did not answer; "
                "give it slipway_addresses, such as [10.0.0.5], or run this without --limit when it is up"
            )
        found |= own
    ordered = sorted(found, key=lambda one: (one.version, one))
    return [str(one.network_address if one.num_addresses == 1 else one) for one in ordered]


def _known(host: Mapping) -> set:
    facts = host.get("ansible_facts") or {}
    told = [*facts.get("all_ipv4_addresses", []), *facts.get("all_ipv6_addresses", [])]
    name = host.get("ansible_host") or host["inventory_hostname"]
    try:
        told.append(str(ipaddress.ip_address(name)))
    except ValueError:
        told += [] if told else _asked(name)
    return {network(text) for text in told if _reaches_others(text)}


def _reaches_others(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    return not (address.is_loopback or address.is_link_local)


def _asked(name: str) -> list[str]:
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
    except OSError:
        return []
