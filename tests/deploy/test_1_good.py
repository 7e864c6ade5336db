"""Good deploys, rollbacks and changed settings under constant load lose nothing, and no answer comes from an older release."""

from __future__ import annotations

import time

import pytest
from trial import FULL

testinfra_hosts = ["ansible://debian13"]

DEPLOYS, ROLLBACKS, REQUESTS, QUIET = (20, 5, 70_000, 20) if FULL else (2, 1, 0, 3)
CLASSES = ["gthread", "sync", "gevent"]


@pytest.mark.parametrize("worker_class", CLASSES)
def test_deploys_and_rollbacks(trial, worker_class, record):
    first, took, backs = trial.release, [], []
    live = [first]
    with trial.load(pause=0.0 if FULL else 0.005) as load:
        time.sleep(QUIET)
        quiet = (0.5, load.now())
        while len(took) < DEPLOYS or load.counts()["requests"] < REQUESTS:
            trial.change()
            done = trial.deploy()
            assert done.ok, done.output
            took.append(done.seconds)
            live.append(trial.release)
        for _ in range(ROLLBACKS):
            previous = live[-2]
            load.announce(previous)
            done = trial.rollback()
            assert done.ok, done.output
            backs.append(done.seconds)
            live.append(trial.release)
            assert live[-1] == previous
    counts = load.counts()
    around = [(when - 1, when + 1) for when, _ in load.turns.seen[1:]]
    still, moving = load.during([quiet]), load.during(around)
    record(
        "deploys", worker_class=worker_class, deploys=len(took), rollbacks=len(backs), requests=counts["requests"],
        lost=counts["lost"], p99=still["p99"], p99_cutover=moving["p99"], longest=still["max"],
        longest_cutover=moving["max"], deploy_s=sorted(took)[len(took) // 2], rollback_s=sorted(backs)[len(backs) // 2],
    )  # fmt: skip
    assert counts["lost"] == 0, counts
    assert counts["turns"] == live
    assert not counts["ended_early"]
    assert trial.state() == []
