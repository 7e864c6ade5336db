"""What the role cache writes."""

from __future__ import annotations

import pytest

FACTS = {
    "os_family": "Debian",
    "distribution": "Debian",
    "distribution_major_version": "13",
    "all_ipv4_addresses": ["10.0.0.20"],
    "default_ipv4": {"address": "10.0.0.20"},
}


@pytest.fixture
def cache(role):
    """The role on a host at 10.0.0.20, whose ``facts`` may differ."""

    def cache(facts=None, **given):
        return role("cache", **{"ansible_facts": {**FACTS, **(facts or {})}, **given})

    return cache


def settings(text: str) -> dict[str, list[str]]:
    """Each name's values, in order."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.strip().replace("=", " ", 1).partition(" ")
        if name and not name.startswith(("#", "[")):
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"distribution_major_version": "12"}, "redis-server"),
        ({"distribution_major_version": "13"}, "valkey-server"),
        ({"distribution": "Ubuntu", "distribution_major_version": "24"}, "redis-server"),
    ],
)
def test_redis_is_what_the_distribution_has(cache, facts, expected):
    assert cache(facts).value("__cache_packages") == [expected]
    assert cache(facts, cache_engines=["redis", "memcached"]).value("__cache_packages") == [expected, "memcached"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, ["127.0.0.1"], id="for itself"),
        pytest.param({"cache_clients": ["10.0.0.20"]}, ["127.0.0.1"], id="for itself by its address"),
        pytest.param({"cache_clients": ["10.0.0.5"]}, ["127.0.0.1", "10.0.0.20"], id="for others"),
        pytest.param({"cache_clients": ["10.0.0.5"], "cache_listen": ["10.9.0.1"]}, ["10.9.0.1"], id="given"),
    ],
)
def test_it_listens_where_somebody_may_come(cache, given, expected):
    assert cache(**given).value("__cache_listen") == expected


def test_a_host_without_ipv4_is_reached_by_ipv6(cache):
    facts = {"default_ipv4": {}, "default_ipv6": {"address": "2001:db8::20"}}
    assert cache(facts, cache_clients=["2001:db8::5"]).value("__cache_listen") == ["127.0.0.1", "2001:db8::20"]


@pytest.mark.parametrize("unit", ["redis.service.j2", "memcached.service.j2"])
def test_who_may_come_is_named_and_nobody_else(cache, unit):
    found = settings(cache(cache_clients=["10.0.0.5", "10.1.0.0/16", "10.0.0.20"]).render(unit))
    assert found["IPAddressDeny"] == ["any"]
    assert found["IPAddressAllow"] == ["localhost", "10.0.0.20", "10.0.0.5", "10.1.0.0/16"]


@pytest.mark.parametrize(
    ("given", "append", "policy"),
    [
        pytest.param({}, "no", "allkeys-lru", id="a cache"),
        pytest.param({"cache_durable": True}, "yes", "volatile-lru", id="durable"),
        pytest.param({"cache_durable": True, "cache_policy": "noeviction"}, "yes", "noeviction", id="given"),
    ],
)
def test_what_is_kept_and_what_forgotten(cache, given, append, policy):
    found = settings(cache(**given).render("redis.conf.j2"))
    assert (found["appendonly"], found["maxmemory-policy"]) == ([append], [policy])
    assert found.get("appendfsync") == (["always"] if append == "yes" else None)


@pytest.mark.parametrize(("memory", "size"), [("256m", 256 << 20), ("1g", 1 << 30), ("65536k", 64 << 20)])
def test_both_are_bounded(cache, memory, size):
    role = cache(cache_memory=memory)
    assert settings(role.render("redis.conf.j2"))["maxmemory"] == [str(size)]
    assert f" -m {size >> 20} " in role.render("memcached.service.j2")


def test_the_last_word_is_the_user_s(cache):
    extra = {"appendfsync": "everysec", "lazyfree-lazy-expire": True}
    found = settings(cache(cache_durable=True, cache_redis_extra_config=extra).render("redis.conf.j2"))
    assert found["appendfsync"][-1] == "everysec"
    assert found["lazyfree-lazy-expire"] == ["yes"]


def test_the_password_stands_in_no_file_that_all_may_see(cache):
    role = cache(cache_password="Sixteen-letters!")
    for template in ("redis.conf.j2", "redis.service.j2", "memcached.service.j2"):
        assert "Sixteen" not in role.render(template)
