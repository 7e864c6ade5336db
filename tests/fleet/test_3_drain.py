"""A host is taken out and put back by hand."""

from __future__ import annotations

import re
import time

import pytest

testinfra_hosts = ["ansible://lb1"]


def last_entry(fleet, name: str) -> str:
    """The latest entry of the load in a host's own database."""
    return fleet.on(name).get("/api/entries?limit=1")[1]


def test_a_drained_host_gets_nothing_until_it_is_put_back(fleet):
    with fleet.load() as load:
        drained = fleet.play("drain", "--limit", "debian13")
        assert drained.ok and drained.changed == 1, drained.output
        before = {name: last_entry(fleet, name) for name in ("debian12", "debian13")}
        told = fleet.play("status")
        assert last_entry(fleet, "debian13") == before["debian13"]
        assert last_entry(fleet, "debian12") != before["debian12"]
        assert fleet.out == {"debian13": "drained"}
        back = fleet.play("undrain", "--limit", "debian13")
        assert back.ok and back.changed == 1, back.output
        assert fleet.out == {}
        before = last_entry(fleet, "debian13")
        time.sleep(2)
        assert last_entry(fleet, "debian13") != before
    rows = dict(re.findall(r"^lb1 +(\S+) +[\d.]+ +(\S.*?)\s*$", told.output, re.MULTILINE))
    assert {name: row.split() for name, row in rows.items()} == {
        "debian12": ["yes", "-"], "debian13": ["no", "drained"], "fleet3": ["yes", "-"],
    }, told.output  # fmt: skip
    assert load.counts()["lost"] == 0, load.counts()


@pytest.mark.parametrize("words", [[], ["--limit", "web"]])
def test_not_all_hosts_are_drained(fleet, words):
    played = fleet.play("drain", *words)
    assert not played.ok and "expected balancers and some of their hosts" in played.output
    assert fleet.out == {}


def test_the_last_host_is_not_taken_out(fleet):
    fleet.run("slipway-balancer drain debian12 && slipway-balancer drain debian13")
    last = fleet.balancer.run("slipway-balancer drain fleet3")
    assert last.rc == 1 and "fleet3 is the last host that gets requests" in last.stderr
    assert sorted(fleet.out) == ["debian12", "debian13"]
