# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where hosts of the inventory come from when they knock at another one."""

from __future__ import annotations

import contextlib
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

    Of each host those that its facts tell, with ``slipway_address`` and ``ansible_host`` where these are addresses. Only where there are
    none the name service is asked. Raises UnknownAddressError for a host of which nothing is known.
    """
    found: set = set()
    for host in hosts:
        own = _known(host)
        if not own:
            raise UnknownAddressError(
                f"slipway_address: expected the IP address from which {host['inventory_hostname']} comes, found none; "
                f"write for example slipway_address: 10.0.0.11 beside {host['inventory_hostname']} in the inventory"
            )
        found |= own
    ordered = sorted(found, key=lambda one: (one.version, one))
    return [str(one.network_address if one.num_addresses == 1 else one) for one in ordered]


def _known(host: Mapping) -> set:
    facts = host.get("ansible_facts") or {}
    told = [*facts.get("all_ipv4_addresses", []), *facts.get("all_ipv6_addresses", [])]
    name = host.get("ansible_host") or host["inventory_hostname"]
    for given in (host.get("slipway_address"), name):
        with contextlib.suppress(ValueError):
            told.append(str(ipaddress.ip_address(str(given))))
    told = told or _asked(name)
    return {network(text) for text in told if _reaches_others(text)}


def _reaches_others(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    return not (address.is_loopback or address.is_link_local)


def _asked(name: str) -> list[str]:
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
    except OSError:
        return []
