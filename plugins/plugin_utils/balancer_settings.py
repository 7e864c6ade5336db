# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet's hosts are to each other: their addresses, the pools of its balancers, the size of a deploy's batches."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping

_INTERFACE = re.compile(r"[A-Za-z0-9_.:-]{1,15}")
_HOST = re.compile(r"[\w.@-]{1,250}")


def addresses(hosts: Iterable[str], hostvars: Mapping) -> dict[str, str]:
    """Where other hosts of the fleet reach each of ``hosts``, by name; '' where the inventory does not say it."""
    return {host: _address(hostvars[host]) for host in hosts}


def _address(variables: Mapping) -> str:
    for name in ("slipway_address", "ansible_host"):
        if address := _ip(variables.get(name)):
            return address
    return ""


def _ip(value) -> str:
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(str(value)))
    return ""


def address_errors(found: dict[str, str]) -> list[str]:
    """What to write for hosts of which no address is known."""
    return [
        f"slipway_address: expected the IP address at which the fleet reaches {host}, found none; "
        f"write for example slipway_address: 10.0.0.11 beside {host} in the inventory"
        for host, address in found.items()
        if not address
    ]


def batch(hosts: list[str], hostvars: Mapping) -> str:
    """For a play's ``serial``: all hosts at once, or what ``slipway_serial`` says where one is to be taken out of balancers' pools.

    A host of which an earlier play found that nothing of it is due needs no turn of its own.
    """
    known = {host: hostvars[host] for host in hosts if host in hostvars}
    due = [variables for variables in known.values() if variables.get("slipway_due", False)]
    return str(due[0].get("slipway_serial", "25%")) if due else "100%"


def switched(hosts: list[str], hostvars: Mapping) -> list[dict[str, str]]:
    """The slots that turns make live that have begun, the latest first: each with its ``host``, ``app`` and ``slot``."""
    turns = [(host, hostvars[host].get("slipway_switched") or {}) for host in reversed(hosts)]
    return [{"host": host, "app": app, "slot": slots[app]} for host, slots in turns for app in reversed(list(slots))]


def errors(variables: dict) -> list[str]:
    """What is wrong with the balancer role's variables, given by name."""
    return list(_errors(variables))


def _errors(variables: dict) -> Iterator[str]:
    for name, address in variables["balancer_hosts"].items():
        if not _HOST.fullmatch(str(name)):
            yield f"balancer_hosts: expected names of letters, digits, _, . and -, found {name!r}; write for example www1: 10.0.0.11"
        if not _ip(address):
            yield f"balancer_hosts.{name}: expected an IP address, found {str(address)!r}; write for example {name}: 10.0.0.11"
    if variables["balancer_pools"] and not variables["balancer_hosts"]:
        yield "balancer_hosts: expected the hosts of balancer_pools, found none; write for example {www1: 10.0.0.11}"
    ends = {pool.get("terminate", "balancer") for pool in variables["balancer_pools"] if pool["site"].get("tls")}
    ends |= {"host" for pool in variables["balancer_pools"] if pool.get("terminate") == "host"}
    if len(ends) > 1:
        yield (
            "balancer_pools: expected TLS to end in one place for all apps, found some with terminate: host and some without; "
            "write it for all or for none"
        )
    for name in ("balancer_interval", "balancer_timeout", "balancer_fails", "balancer_passes"):
        if float(variables[name]) <= 0:
            yield f"{name}: expected a number above 0, found {variables[name]}; write for example {name}: 1"
    if not variables["balancer_floating_address"]:
        return
    text = str(variables["balancer_floating_address"])
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        yield f"balancer_floating_address: expected an address with its length, found {text!r}; write for example 192.0.2.100/24"
    for name in ("balancer_peers", "balancer_address"):
        given = variables[name] if name == "balancer_peers" else [variables[name]]
        if not given or not all(map(_ip, given)):
            yield f"{name}: expected IP addresses with balancer_floating_address, found {variables[name]!r}; write for example 10.0.0.5"
    interface = variables["balancer_floating_interface"]
    if interface and not _INTERFACE.fullmatch(interface):
        yield f"balancer_floating_interface: expected a network card's name, found {interface!r}; write for example eth0"
    for name in ("balancer_priority", "balancer_router_id"):
        if not 1 <= int(variables[name]) <= 255:
            yield f"{name}: expected a number from 1 to 255, found {variables[name]}; write for example {name}: 100"
