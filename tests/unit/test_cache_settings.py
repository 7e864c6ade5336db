"""What the cache role's variables may say."""

from __future__ import annotations

import pytest
from ansible_collections.slipway.flask.plugins.plugin_utils.cache_settings import errors

PASSWORD = "Sixteen-letters!"
GOOD = {
    "cache_engines": ["redis", "memcached"],
    "cache_listen": ["127.0.0.1", "::1"],
    "cache_clients": ["10.0.0.5", "10.1.0.0/16", "2001:db8::/64"],
    "cache_redis_port": 6379,
    "cache_memcached_port": 11211,
    "cache_password": PASSWORD,
    "cache_memory": "256m",
    "cache_redis_extra_config": {"appendfsync": "everysec", "lazyfree-lazy-eviction": True},
}


def test_good_variables():
    assert errors(GOOD) == []
    assert errors({**GOOD, "cache_engines": ["memcached"], "cache_password": ""}) == []


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("cache_engines", [], "cache_engines: expected redis, memcached or both, found []"),
        ("cache_engines", ["redis", "redis"], "cache_engines: expected redis, memcached or both"),
        ("cache_listen", ["cache1"], "cache_listen: expected addresses, found 'cache1'; write for example 10.0.0.5"),
        ("cache_listen", ["10.0.0.0/24"], "cache_listen: expected addresses, found '10.0.0.0/24'"),
        ("cache_clients", ["web1"], "cache_clients: expected addresses and networks, found 'web1'"),
        ("cache_redis_port", 0, "cache_redis_port: expected a port from 1 to 65535, found 0"),
        ("cache_memcached_port", 65536, "cache_memcached_port: expected a port from 1 to 65535, found 65536"),
        ("cache_memcached_port", 6379, "cache_memcached_port: expected another port than cache_redis_port"),
        ("cache_memory", "much", "cache_memory: expected a size, found 'much'; write for example 256m"),
        ("cache_memory", "1024k", "cache_memory: expected at least 8m, found 1024k"),
        ("cache_password", "", "cache_password: expected at least 16 printable characters without blanks, quotes and \\, found none"),
        ("cache_password", "short", "the value is not shown; keep it in ansible-vault or in a lookup"),
        ("cache_password", PASSWORD + '"', "the value is not shown"),
        ("cache_password", PASSWORD + "\n", "the value is not shown"),
        ("cache_redis_extra_config", {"Hz 10": 1}, "cache_redis_extra_config: expected names of Redis' settings"),
        ("cache_redis_extra_config", {"hz": "10\nport 0"}, "cache_redis_extra_config: expected one line"),
        ("cache_redis_extra_config", {"maxmemory": "1g"}, "maxmemory is set by cache_memory; write cache_memory instead"),
        ("cache_redis_extra_config", {"include": "/x"}, "include is the role's own; leave it out"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named(variable, value, expected):
    [error] = errors({**GOOD, variable: value})
    assert error.startswith(f"{variable}: ")
    assert expected in error


@pytest.mark.parametrize("password", ["short", PASSWORD + " blank"])
def test_a_bad_password_is_not_shown(password):
    assert password not in "".join(errors({**GOOD, "cache_password": password}))
