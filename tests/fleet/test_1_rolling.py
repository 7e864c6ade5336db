"""Releases go through a fleet host by host, come back when one host refuses them, and cost nobody a request."""

from __future__ import annotations

import trees
from fleet import WEB

testinfra_hosts = ["ansible://lb1"]


def moved(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The hosts that run another release; that of one tree has other names with other Pythons."""
    return [name for name in WEB if after[name] != before[name]]


def test_a_run_without_a_change_takes_nobody_out(fleet):
    since = fleet.moment()
    played = fleet.play("deploy")
    assert played.ok and played.changed == 0, played.output
    assert fleet.drained(since) == []


def test_a_check_predicts_a_deploy_and_does_nothing(fleet):
    before, since, prepared = fleet.releases, fleet.moment(), fleet.prepared
    trees.make()
    played = fleet.play("deploy", "--check", "--diff")
    assert played.ok and played.changed > 0, played.output
    assert (fleet.releases, fleet.prepared, fleet.drained(since)) == (before, prepared, [])


def test_a_deploy_takes_turns_and_loses_nothing(fleet):
    before, since, prepared = fleet.releases, fleet.moment(), fleet.prepared
    trees.make()
    with fleet.load() as load:
        played = fleet.play("deploy")
    assert played.ok, played.output
    counts = load.counts()
    print(counts)
    after = fleet.releases
    assert moved(before, after) == WEB
    assert set(counts["releases"]) == {*before.values(), *after.values()}
    assert fleet.drained(since) == WEB
    assert sorted(fleet.prepared) == sorted([*prepared, after[WEB[0]]])
    assert counts["lost"] == 0 and counts["requests"] > 200, counts


def test_a_rollback_takes_turns_and_loses_nothing(fleet):
    before, since, prepared = fleet.releases, fleet.moment(), fleet.prepared
    with fleet.load() as load:
        played = fleet.play("rollback")
    assert played.ok, played.output
    counts = load.counts()
    print(counts)
    assert moved(before, fleet.releases) == WEB
    assert fleet.drained(since) == WEB
    assert fleet.prepared == prepared
    assert counts["lost"] == 0, counts


def test_where_one_host_refuses_all_are_on_the_old_release_again(fleet):
    before, since = fleet.releases, fleet.moment()
    trees.make("debian13")
    with fleet.load() as load:
        played = fleet.play("deploy")
    assert not played.ok
    counts = load.counts()
    print(counts)
    assert "debian13: hello: release " in played.output and "GET /readyz answered 500" in played.output, played.output
    assert "Switched in this run, and returned to what served before: debian12." in played.output, played.output
    assert fleet.releases == before
    assert fleet.drained(since) == ["debian12", "debian13"]
    fleet.wait_whole(10)
    assert counts["lost"] == 0, counts


def test_the_next_good_release_is_served_by_all(fleet):
    before = fleet.releases
    trees.make()
    with fleet.load() as load:
        played = fleet.play("deploy")
    assert played.ok, played.output
    assert moved(before, fleet.releases) == WEB
    assert load.counts()["lost"] == 0, load.counts()
