# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host offers to whom, by the groups that it is in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ansible.module_utils.parsing.convert_bool import boolean

ENGINES = {"redis": 6379, "memcached": 11211}
EXPORTERS = {"metrics_port": 9180, "metrics_node_port": 9100, "metrics_nginx_port": 9113}
LOOPBACK = r"127\.[0-9.]+|\[?::1\]?"


def rules(addresses: Mapping, groups: Iterable[str], variables: Mapping) -> list[dict]:
    """Entries of the role's ``firewall_allow`` for a host in ``groups`` with these ``variables``.

    ``addresses`` are those of the hosts of `web` and of `balancer`. Where there are balancers, web hosts hear them alone.
    """
    groups, found = set(groups), []
    if groups & {"web", "balancer"}:
        hidden = "balancer" not in groups and addresses["balancer"]
        found += web(variables, addresses["balancer"] if hidden else None)
    if "web" in groups:
        found += metrics(variables)
    if "balancer" in groups and len(addresses["balancer"]) > 1:
        found.append({"name": "the floating address", "protocol": "vrrp", "from": addresses["balancer"]})
    if "cache" in groups:
        found.append({"name": "cache", "ports": cache_ports(variables), "from": _all_of(addresses["web"], variables)})
    return found


def web(variables: Mapping, sources: list[str] | None) -> list[dict]:
    """What Nginx listens on, for ``sources`` alone where there are some."""
    only = {} if sources is None else {"from": sources}
    tls = ports(variables.get("nginx_tls_listen", ["443"]))
    found = [{"name": "web", "ports": sorted({*ports(variables.get("nginx_listen", ["80"])), *tls}), **only}]
    if variables.get("nginx_http3") is True:
        found.append({"name": "web by HTTP/3", "protocol": "udp", "ports": tls, **only})
    return [rule for rule in found if rule["ports"]]


def metrics(variables: Mapping) -> list[dict]:
    """What the exporters listen on, for the networks that may ask, where they are on and listen to others than the host itself."""
    on = boolean(variables.get("slipway_metrics", False), strict=False)
    if not on or re.fullmatch(LOOPBACK, str(variables.get("metrics_address", "127.0.0.1"))):
        return []
    found = sorted({int(variables.get(name, port)) for name, port in EXPORTERS.items()})
    return [{"name": "metrics", "ports": found, "from": list(variables.get("metrics_allow", []))}]


def ports(listen: Iterable) -> list[int]:
    """The ports that are listened on for others than the host itself."""
    found = set()
    for text in map(str, listen):
        address, _sep, port = text.rpartition(":")
        if not re.fullmatch(LOOPBACK, address):
            found.add(int(port))
    return sorted(found)


def cache_ports(variables: Mapping) -> list[int]:
    return [
        int(variables.get(f"cache_{engine}_port", ENGINES[engine]))
        for engine in variables.get("cache_engines", ["redis"])
    ]


def _all_of(addresses: list[str], variables: Mapping) -> list[str]:
    return [*addresses, *variables.get("slipway_cache_clients", [])]
