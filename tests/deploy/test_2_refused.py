"""A release that is no good is refused with the cause; the old one serves on, and not one request is lost."""

from __future__ import annotations

import pytest
from trial import FULL, chosen

testinfra_hosts = ["ansible://debian13"]

# Where another host's tests run meanwhile, what is good may take longer.
LIMIT = 5 if FULL else 10
HEALTH = {"health": {"path": "/readyz", "timeout": LIMIT}}
# Number and name of the fault, what the release does, keys of the app, and what must be said.
REFUSED = chosen(
    {
        "does not import": (11, "cannot_be_loaded", {}, ["does not load", "RuntimeError: no such planet"]),
        "no worker boots": (11, "cannot_be_served", HEALTH, ["RuntimeError: no such planet"]),
        "does not install": (12, "", {"requirements": {"packages": ["flask==0.0.1"]}}, ["installing", "flask==0.0.1"]),
        "migration fails": (13, "", {"before_switch": ["echo no such table; exit 7"]}, ["no such table"]),
        "readiness answers 500": (14, "is_not_ready", HEALTH, ["answered 500", "no such planet"]),
        "every answer is 500": (14, "answers_500", HEALTH, ["answered 500", "no such planet"]),
        "hangs": (14, "hangs", HEALTH, [f"not healthy within {LIMIT} s"]),
        "workers die at once": (14, "workers_die 0.1", HEALTH, ["dying"]),
        "first answers are good": (14, "tires 2", HEALTH, ["answered 500"]),
        "boots for longer than the limit": (15, "boots_slowly 30", HEALTH, [f"not done within {LIMIT} s"]),
    },
    "no worker boots",
    "readiness answers 500",
    "workers die at once",
    "first answers are good",
    "boots for longer than the limit",
)


@pytest.mark.parametrize("worker_class", ["gthread", "sync", "gevent"] if FULL else ["gthread"])
@pytest.mark.parametrize(("number", "fault", "keys", "words"), REFUSED.values(), ids=REFUSED)
def test_bad_release(trial, worker_class, number, fault, keys, words, record):
    slot, release, master, since = trial.slot, trial.release, trial.master, trial.moment()
    with trial.load() as load:
        trial.change(fault)
        done = trial.deploy(**keys)
    assert not done.ok, done.output
    assert [word for word in words if word not in done.output] == [], done.output
    assert "untouched" in done.output
    assert (trial.slot, trial.release, trial.master) == (slot, release, master)
    assert trial.state() == []
    told, begun = trial.told(since), trial.steps(since)
    # What is not built has no cutover. What is, and loads, may take its health's limit and five seconds.
    seconds = told[-1][0] - begun["check"] if "check" in begun else None
    if told:
        assert " was refused: " in told[-1][1]
    counts = load.counts()
    name = next(name for name in REFUSED if REFUSED[name] == (number, fault, keys, words))
    record(
        "refused", number=number, fault=name, worker_class=worker_class, seconds=seconds,
        requests=counts["requests"], lost=counts["lost"],
    )  # fmt: skip
    assert counts["lost"] == 0, counts
    assert seconds is None or seconds < LIMIT + 5
