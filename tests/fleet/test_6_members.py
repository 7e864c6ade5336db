"""Hosts of the fleet come and go, and so does its cache."""

from __future__ import annotations

import shutil
import time

import pytest
from fleet import INVENTORY, WEB, only_held_posts_are_lost
from playbook import ROOT
from served import wait_for

testinfra_hosts = ["ansible://lb1"]


def kept(fleet, name: str) -> str:
    """What a host says of its cache."""
    return fleet.on(name).json("/readyz")["cache"]


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_nobody_loses_a_request_by_a_cache_that_is_killed_or_hangs(fleet, signal):
    cache = fleet.machine("cache1")
    assert [kept(fleet, name) for name in WEB] == ["ok"] * len(WEB)
    unit = "valkey-server" if cache.exists("valkey-server") else "redis-server"
    with fleet.load() as load:
        for _ in range(3):
            before = cache.check_output("systemctl show --value --property=MainPID %s", unit)
            cache.check_output(f"systemctl kill --kill-whom=main --signal={signal} {unit}")
            time.sleep(1.5)
            if signal == "STOP":
                wait_for(lambda: kept(fleet, "debian12").startswith("away"), "the app does without it", 5)
                cache.check_output(f"systemctl kill --kill-whom=main --signal=CONT {unit}")
            after = cache.check_output("systemctl show --value --property=MainPID %s", unit)
            assert (after == before) == (signal == "STOP")
        wait_for(lambda: kept(fleet, "debian12") == "ok", "the app uses it again", 10)
    print(load.counts())
    assert load.counts()["lost"] == 0 and load.counts()["requests"] > 50, load.counts()
    assert max(took for _, took in load.times) < 1.5, load.counts()


def test_a_rebooted_host_costs_at_most_the_posts_that_it_held(fleet):
    with fleet.load() as load:
        fleet.move("restart", "fleet3")
        fleet.wait_whole(30)
        time.sleep(2)
    print(load.counts())
    only_held_posts_are_lost(load)


@pytest.fixture
def smaller():
    """The fleet's inventory without its last host. The playbooks find the tree from there too."""
    copy = ROOT / ".cache" / "fleet" / "inventory"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(INVENTORY, copy)
    hosts = copy / "hosts.yml"
    hosts.write_text(hosts.read_text(encoding="utf-8").replace("    fleet3:\n", ""), encoding="utf-8")
    yield copy
    shutil.rmtree(copy)


def test_a_host_is_removed_and_added_by_a_line_of_the_inventory(fleet, smaller):
    with fleet.load() as load:
        removed = fleet.play("site", inventory=smaller)
        assert removed.ok, removed.output
        without = set(fleet.pool)
        added = fleet.play("site")
        assert added.ok, added.output
    assert without == set(WEB) - {"fleet3"}
    assert set(fleet.pool) == set(WEB)
    fleet.wait_whole(10)
    print(load.counts())
    assert load.counts()["lost"] == 0 and load.counts()["requests"] > 200, load.counts()
