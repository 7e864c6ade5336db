"""A release that fails when users come is taken back by itself; going back by hand is refused where it cannot work."""

from __future__ import annotations

import json

import pytest
from trial import FULL, chosen

testinfra_hosts = ["ansible://debian12"]

CLASSES = ["gthread", "sync", "gevent"] if FULL else ["gthread"]
FAILING = chosen(
    {
        "every answer to users is 500": "fails_when_live",
        "workers die two seconds after their boot": "workers_die 2",
    },
    "every answer to users is 500",
)


@pytest.mark.parametrize("worker_class", CLASSES)
@pytest.mark.parametrize(("name", "fault"), FAILING.items(), ids=FAILING)
def test_a_release_that_fails_after_the_flip_is_taken_back(trial, worker_class, name, fault, record):
    release, master = trial.release, trial.master
    trial.change(fault)
    with trial.load(slow=0.5) as load:
        load.announce(release)
        done = trial.deploy(health={"path": "/readyz", "timeout": 20, "watch": 10})
    assert not done.ok, done.output
    assert (trial.release, trial.master) == (release, master)
    assert f"Release {release} " in done.output
    assert trial.state() == []
    last = json.loads(trial.run("tail -n 1 /srv/%s/history.jsonl", trial.name))
    assert last["outcome"] == "rolled back"
    # How long the failing one was to be seen.
    lost = [float(line.split(" s: ")[0]) for line in load.lost]
    seconds = max(lost) - min(lost) if lost else 0.0
    counts = load.counts()
    record(
        "rolled back", number=16, fault=name, worker_class=worker_class, seconds=seconds, requests=counts["requests"],
        lost=counts["lost"],
    )  # fmt: skip
    assert seconds < 10, counts


def test_going_back_to_a_release_that_is_not_there_is_refused(trial, record):
    release = trial.release
    with trial.load() as load:
        done = trial.rollback(slipway_release="0123456789ab")
    assert not done.ok
    assert "no release 0123456789ab" in done.output
    assert [there for there in trial.releases if there not in done.output] == []
    assert trial.release == release
    assert trial.state() == []
    record("faults", number=21, fault="rollback to a missing release", outcome="refused with the list of those there",
           requests=load.counts()["requests"], lost=load.counts()["lost"], seconds=done.seconds)  # fmt: skip
    assert load.counts()["lost"] == 0, load.counts()


def test_going_back_behind_a_migration_that_is_not_reversible_is_refused_unless_forced(trial, record):
    before = trial.release
    trial.change()
    assert trial.deploy(reversible=False).ok
    release = trial.release
    refused = trial.rollback()
    assert not refused.ok
    assert f"{release}, declared not reversible" in refused.output
    assert trial.release == release
    with trial.load() as load:
        load.announce(before)
        done = trial.rollback(slipway_force=True)
    assert done.ok, done.output
    assert trial.release == before
    assert load.counts()["lost"] == 0, load.counts()


@pytest.mark.parametrize("keep", [0, 1] if FULL else [0])
def test_cleaning_up_never_takes_the_live_release(trial, keep, record):
    with trial.load() as load:
        for _ in range(2):
            trial.change()
            done = trial.deploy(keep_releases=keep)
            assert done.ok, done.output
    assert trial.release in trial.releases
    assert len(trial.releases) <= 2
    assert trial.state() == []
    record("faults", number=23, fault=f"clean-up with keep_releases {keep}", outcome="the live release stays",
           requests=load.counts()["requests"], lost=load.counts()["lost"])  # fmt: skip
    assert load.counts()["lost"] == 0, load.counts()
