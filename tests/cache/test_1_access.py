"""Who gets to a cache: the web hosts, with the password."""

import pytest
from engines import reachable


def test_a_web_host_is_heard(host, engine):
    assert engine.greeting(host)


@pytest.mark.parametrize("given", ["", "AUTH wrong\r\n", "AUTH default wrong\r\n"])
def test_redis_tells_nothing_without_its_password(host, redis, given):
    answer = redis.told(host, f"{given}PING\r\n")
    assert answer.startswith("-")
    assert "PONG" not in answer


@pytest.mark.parametrize("firewall", ["on", "off"])
def test_nobody_else_is_heard(engine, firewall):
    """By the firewall, and by systemd where there is none."""
    run = engine.host.check_output
    run(f"systemctl {'start' if firewall == 'on' else 'stop'} slipway-firewall")
    try:
        assert not engine.open_to_controller()
        assert reachable(engine.address, 80)
    finally:
        run("systemctl start slipway-firewall")


def test_the_password_is_seen_by_nobody(redis):
    run = redis.host.run
    assert "canary" in redis.host.file(redis.secret).content_string
    # Written so that this command does not find itself.
    assert run("runuser -u nobody -- grep -rls 'cache[-]canary' /etc /run /srv /var/lib /var/log").stdout == ""
    assert run("ps axwwe -o args | grep 'cache[-]canary' | grep -v -e flask-kept -e HELLO_").stdout == ""
    assert run("journalctl --quiet --boot | grep 'cache[-]canary'").stdout == ""


def test_it_is_narrowly_sandboxed(engine):
    told = engine.host.check_output("systemd-analyze security --no-pager %s | tail -1", engine.unit)
    assert float(told.partition(f"{engine.unit}:")[2].split()[0]) <= 1.5


def test_redis_cannot_write_its_own_settings(redis):
    assert redis.cli("config", "rewrite") != "OK"
