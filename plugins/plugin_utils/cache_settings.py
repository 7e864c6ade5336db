# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cache role's variables may say beyond their types."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.slipway.flask.plugins.plugin_utils.addresses import network
from ansible_collections.slipway.flask.plugins.plugin_utils.nginx_settings import Rule, misfits

MEMORY = Rule("[1-9][0-9]*[kKmMgG]", "a size", "256m")
LEAST = 8 << 20  # bytes; Memcached's first pages take about that
UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
# It stands between quotes in a file, and in an app's address of the cache.
PASSWORD = Rule(r"[!#-&(-\[\]-~]{16,512}", "at least 16 printable characters without blanks, quotes and \\", "")
SETTING = Rule("[a-z][a-z0-9-]*", "names of Redis' settings", "appendfsync: everysec")
VALUE = Rule(r"[^\x00-\x1f\x7f]+", "one line", "appendfsync: everysec")
# By which variable each is set.
OWN_SETTINGS = {
    "bind": "cache_listen",
    "port": "cache_redis_port",
    "requirepass": "cache_password",
    "user": "cache_password",
    "aclfile": "cache_password",
    "masterauth": "cache_password",
    "maxmemory": "cache_memory",
    "maxmemory-policy": "cache_policy",
    "appendonly": "cache_durable",
}
FIXED_SETTINGS = ("daemonize", "dir", "include", "logfile", "protected-mode", "supervised")


def errors(variables: dict) -> list[str]:
    """What is wrong with the role's ``variables``, given by name. Each error is led by its variable."""
    engines = variables["cache_engines"]
    found = [
        *misfits("cache_memory", [variables["cache_memory"]], MEMORY),
        *_memory(variables["cache_memory"]),
        *_networks("cache_listen", variables["cache_listen"], alone=True),
        *_networks("cache_clients", variables["cache_clients"], alone=False),
        *_ports(variables),
        *_settings(variables["cache_redis_extra_config"]),
    ]
    if not engines or len(set(engines)) < len(engines):
        found.append(f"cache_engines: expected redis, memcached or both, found {engines!r}; write for example [redis]")
    if "redis" in engines and not re.fullmatch(PASSWORD.pattern, variables["cache_password"], re.ASCII):
        what = "the value is not shown" if variables["cache_password"] else "found none"
        found.append(f"cache_password: expected {PASSWORD.expected}, {what}; keep it in ansible-vault or in a lookup")
    return found


def _memory(text: str) -> Iterator[str]:
    if re.fullmatch(MEMORY.pattern, text) and int(text[:-1]) * UNITS[text[-1].lower()] < LEAST:
        yield f"cache_memory: expected at least 8m, found {text}; write for example {MEMORY.example}"


def _networks(where: str, values: list[str], alone: bool) -> Iterator[str]:
    for value in values:
        try:
            parsed = network(value)
        except ValueError:
            parsed = None
        if parsed is None or (alone and parsed.num_addresses > 1):
            expected = "addresses" if alone else "addresses and networks"
            yield f"{where}: expected {expected}, found {value!r}; write for example 10.0.0.5"


def _ports(variables: dict) -> Iterator[str]:
    for name in ("cache_redis_port", "cache_memcached_port"):
        if not 0 < variables[name] < 65536:
            yield f"{name}: expected a port from 1 to 65535, found {variables[name]}; write for example 6379"
    if variables["cache_redis_port"] == variables["cache_memcached_port"]:
        yield f"cache_memcached_port: expected another port than cache_redis_port, found {variables['cache_redis_port']} twice"


def _settings(settings: dict) -> Iterator[str]:
    where = "cache_redis_extra_config"
    yield from misfits(where, settings, SETTING)
    yield from misfits(where, settings.values(), VALUE)
    for name in settings:
        if name in OWN_SETTINGS:
            yield f"{where}: {name} is set by {OWN_SETTINGS[name]}; write {OWN_SETTINGS[name]} instead"
        elif name in FIXED_SETTINGS:
            yield f"{where}: {name} is the role's own; leave it out"
