"""A deploy that is cut off at any step leaves one whole release serving, loses nothing, and a plain re-run heals."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from served import HOSTS, wait_for
from trial import FULL

testinfra_hosts = ["ansible://debian13"]

STEPS = ["build", "prepare", "before_switch", "check", "start", "probe", "enable", "flip", "watch", "drain", "prune"]
# So few that one is removed every time.
KEYS = {"keep_releases": 1}
CLASSES = ["gthread", "sync", "gevent"] if FULL else ["gthread"]
# What is cut off, and at which steps: what takes them, the connection that it came by, the playbook, the host.
CUTS = {
    "module": STEPS if FULL else ["flip", "drain"],
    "ssh": STEPS if FULL else ["start"],
    "playbook": STEPS if FULL else ["probe"],
    "host": STEPS if FULL else ["flip"],
}


def test_these_are_all_steps(trial):
    for _ in range(2):  # The first may find nothing that is too old.
        since = trial.moment()
        trial.change()
        assert trial.deploy(**KEYS).ok
    assert set(trial.steps(since)) - {"umbrella", "link"} == set(STEPS[1:])


@pytest.mark.parametrize("worker_class", CLASSES)
@pytest.mark.parametrize(("cut", "step"), [(cut, step) for cut, steps in CUTS.items() for step in steps])
def test_cut_off(trial, worker_class, cut, step, record):
    if step == "prune":  # There is something to remove, and so much that it takes its time.
        while len(trial.releases) < 2:
            trial.change()
            assert trial.deploy(**KEYS).ok
        trial.run(
            "for each in /srv/%s/releases/*; do mkdir -p $each/much; (cd $each/much; seq 20000 | xargs touch); done",
            trial.name,
        )
    before, since = trial.release, trial.moment()
    trial.change()
    with trial.load(slow=1.0) as load:
        with (
            trial.interrupted(step, cut if cut != "playbook" else "nothing") as killer,
            trial.deploying(**KEYS) as deploy,
        ):
            words = killer.communicate(timeout=100)[0]
            assert killer.returncode == 0, deploy.communicate(timeout=100)[0] + words
            if cut == "playbook":
                os.killpg(deploy.pid, signal.SIGINT)
            elif cut == "host":
                restarted = time.monotonic()
                subprocess.run([HOSTS, "restart", trial.machine], check=True, timeout=120, stdout=subprocess.DEVNULL)
                wait_for(lambda: trial.get("/readyz")[0] == 200, "an answer after the reboot", 40)
                restarted = time.monotonic() - restarted
            output = deploy.communicate(timeout=100)[0]
        assert cut == "ssh" or deploy.returncode != 0, output
        # A module that lost its connection or its playbook may go on to its end.
        wait_for(lambda: "held" not in str(trial.state()), "the lock's release", 60)
        found, flipped = {trial.release for _ in range(10)}, "flip" in trial.steps(since)
        healed = trial.deploy(**KEYS)
    counts = load.counts()
    outcome = {"step": step, "worker_class": worker_class, "served_whole": len(found) == 1, "healed": healed.ok}
    if cut == "host":
        record("rebooted", **outcome, seconds=restarted)
    else:
        record("interrupted", cut=cut, **outcome, requests=counts["requests"], lost=counts["lost"])
    assert len(found) == 1
    # A host that boots has forgotten its journal.
    assert found == {before} or flipped or cut == "host"
    assert healed.ok, healed.output
    assert trial.release != before
    assert trial.state() == []
    assert trial.deploy("--check", **KEYS).played.changed == 0
    assert counts["lost"] == 0 or cut == "host", counts


@pytest.mark.parametrize("step", ["build", "start"])
def test_what_a_cut_off_deploy_left_does_not_pass_for_the_next_release(trial, step):
    trial.change()
    with trial.interrupted(step, "module") as killer, trial.deploying(**KEYS) as deploy:
        words = killer.communicate(timeout=100)[0]
        assert killer.returncode == 0, deploy.communicate(timeout=100)[0] + words
        output = deploy.communicate(timeout=100)[0]
    assert deploy.returncode != 0, output
    trial.change()
    healed = trial.deploy(**KEYS)
    assert healed.ok, healed.output
    assert trial.state() == []
