"""Good deploys, rollbacks and changed settings under constant load lose nothing, and no answer comes from an older release."""

from __future__ import annotations

import time

import pytest
from trial import FULL, chosen

testinfra_hosts = ["ansible://debian13"]

DEPLOYS, ROLLBACKS, REQUESTS = (20, 5, 70_000) if FULL else (1, 1, 0)
# The longest of more answers is longer: as many seconds without a switch as there will be around switches.
AROUND = 1
QUIET = 2 * AROUND * (DEPLOYS + ROLLBACKS)
CLASSES = ["gthread", "sync", "gevent"]


@pytest.mark.alone
@pytest.mark.parametrize("worker_class", CLASSES)
def test_deploys_and_rollbacks(trial, worker_class, record):
    first, took, backs = trial.release, [], []
    live = [first]
    with trial.load(clients=6, pause=0.01) as load:
        time.sleep(QUIET)
        quiet = (load.now() - QUIET, load.now())
        while len(took) < DEPLOYS or len(backs) < ROLLBACKS or load.counts()["requests"] < REQUESTS:
            trial.change()
            done = trial.deploy()
            assert done.ok, done.output
            took.append(done.seconds)
            live.append(trial.release)
            if len(took) % (DEPLOYS // ROLLBACKS) == 0 and len(backs) < ROLLBACKS:
                load.announce(live[-2])
                done = trial.rollback()
                assert done.ok, done.output
                backs.append(done.seconds)
                live.append(live[-2])
                assert trial.release == live[-1]
    counts = load.counts()
    around = [(when - AROUND, when + AROUND) for when, _ in load.turns.seen[1:]]
    still, moving = load.during([quiet]), load.during(around)
    record(
        "deploys", worker_class=worker_class, deploys=len(took), rollbacks=len(backs), requests=counts["requests"],
        lost=counts["lost"], p99=still["p99"], p99_cutover=moving["p99"], longest=still["max"],
        longest_cutover=moving["max"], deploy_s=sorted(took)[len(took) // 2], rollback_s=sorted(backs)[len(backs) // 2],
    )  # fmt: skip
    print(worker_class, "without a switch", still, "around one", moving)
    assert counts["lost"] == 0, counts
    assert counts["turns"] == live
    assert not counts["ended_early"]
    assert trial.state() == []


SETTINGS = chosen(
    {
        "number of workers": {"workers": 4},
        "class of workers": {"worker_class": "sync"},
        "environment": {"env": {"HELLO_PROXIES": "1", "GREETING": "ahoy"}},
        "secret": {"secrets": {"HELLO_SECRET_KEY": "another for tests only"}},
    },
    "class of workers",
    "secret",
)
# Read and refused by the app, which does not load with it.
UNHEALTHY = {"env": {"HELLO_PROXIES": "many"}}


@pytest.mark.parametrize(("setting", "keys"), SETTINGS.items(), ids=SETTINGS)
def test_a_changed_setting(deployed, trial, setting, keys, record):
    slot, release = trial.slot, trial.release
    with trial.load() as load:
        done = trial.deploy(**keys)
    counts = load.counts()
    record("settings", setting=setting, worker_class=trial.name, requests=counts["requests"], lost=counts["lost"],
           outcome="in force")  # fmt: skip
    assert done.ok, done.output
    assert (trial.slot != slot, trial.release) == (True, release)
    assert counts["lost"] == 0, counts
    assert trial.state() == []


def test_a_setting_that_the_app_cannot_work_with(trial, record):
    slot, master = trial.slot, trial.master
    with trial.load() as load:
        done = trial.deploy(**UNHEALTHY)
    counts = load.counts()
    record("settings", setting="environment, unusable", worker_class=trial.name, requests=counts["requests"],
           lost=counts["lost"], outcome="refused, the old settings stay in force")  # fmt: skip
    assert not done.ok
    assert "HELLO_PROXIES: expected the number of proxies in front" in done.output
    assert (trial.slot, trial.master) == (slot, master)
    assert counts["lost"] == 0, counts
    assert trial.state() == []


@pytest.mark.parametrize("worker_class", CLASSES if FULL else CLASSES[:1])
@pytest.mark.parametrize(
    ("outcome", "fault"), [("in force", ""), ("refused, the old release serves", "cannot_be_served")]
)
def test_one_slot_at_a_time(trial, worker_class, outcome, fault, record):
    """``cutover: restart``: requests wait where the other way none has to."""
    release, before = trial.release, trial.processes
    trial.change(fault)
    with trial.load(slow=0.5) as load, trial.counted() as counted:
        done = trial.deploy(cutover="restart", health={"path": "/readyz", "timeout": 5})
    counts = load.counts()
    record("restarted", worker_class=worker_class, outcome=outcome, requests=counts["requests"], lost=counts["lost"],
           longest=counts["ms"]["max"])  # fmt: skip
    assert done.ok == (not fault), done.output
    assert (trial.release == release) == bool(fault)
    assert max(counted) < 2 * before
    assert counts["lost"] == 0, counts
    assert trial.state() == []
