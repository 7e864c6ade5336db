"""Settings that are found in the idle slot while the app serves, and what is left of the search."""

from __future__ import annotations

import json
import os
import signal

import pytest
import yaml
from playbook import playing
from served import wait_for

testinfra_hosts = ["ansible://debian13"]

# Other work of the machine that runs the tests is no reason to refuse, nor one to give way to.
SEARCH = {
    "seconds": 1,
    "max_workers": 2,
    "max_threads": 16,
    "classes": ["gthread"],
    "clients": 16,
    "most_busy": 100,
    "nice": 0,
}
WAITING = {**SEARCH, "requests": [{"path": "/wait"}]}
CROWDED = {**SEARCH, "requests": [{"path": "/crowded"}]}


@pytest.fixture
def report(app, tmp_path):
    """What the last search wrote on the controller."""

    def report(suffix: str) -> str:
        return (tmp_path / f"{app.machine}-surface{suffix}").read_text(encoding="utf-8")

    return report


@pytest.fixture
def tune(app, tmp_path):
    def tune(*words, **variables):
        return app.play("tune", *words, slipway_tune_folder=str(tmp_path), **variables)

    return tune


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"slipway_tune": {**WAITING, "most_busy": 0}}, "its processors are busy by "),
        ({"slipway_tune": {"client": 3}}, "slipway_tune.client"),
    ],
    ids=["busy", "an unknown key"],
)
def test_where_it_is_refused_nothing_changes(app, tune, keys, why):
    before = app.stands()
    played = tune(**keys)
    assert not played.ok and why in played.output, played.output
    assert app.stands() == before


def test_not_where_memory_is_to_hold_one_server_alone(app, tune):
    played = tune("--extra-vars", "server_cutover=restart", slipway_tune=WAITING)
    assert not played.ok and "cutover is restart" in played.output, played.output


def test_the_best_threads_for_work_that_hinders_itself(app, converged, tune, report):
    """What serves answers all that it is asked meanwhile, and stays what it is."""
    before = app.stands()
    with app.asked() as load:
        played = tune(slipway_tune=CROWDED)
    assert played.ok, played.output
    found = json.loads(report(".json"))
    assert found["recommendation"] == {"worker_class": "gthread", "workers": 2, "threads": 1}, played.output
    counts = load.counts()
    assert app.stands() == before and counts["lost"] == 0 and counts["requests"] > 100, counts
    # The run is told of, step by step.
    assert "surface: tune: gthread, 2 workers, 1 threads" in app.run(
        "journalctl --quiet --output=cat --identifier=slipway"
    )


def test_killed_in_the_middle_and_healed_by_the_next_deploy(app, converged, tmp_path):
    serving = app.master
    variables = {"slipway_tune": {**WAITING, "seconds": 5}, "slipway_tune_folder": str(tmp_path)}
    words = ["--inventory", "molecule/tune/inventory", "--limit", app.machine]
    with playing("playbooks/tune.yml", *words, **variables) as process:
        unit = f"{app.user}@{app.other}.service"
        wait_for(lambda: app.show(unit, "ActiveState") == "active", "a server in the idle slot", 90)
        holder = json.loads(app.run("cat /srv/surface/.lock"))
        assert holder["action"] == "tune of surface"
        app.run("kill -KILL %s", str(holder["pid"]))
        output, _ = process.communicate(timeout=60)
        assert process.returncode != 0, output
    assert app.show(unit, "Restart") == "no" and app.show(unit, "RuntimeMaxUSec") != "infinity"
    healed = app.play("deploy")
    assert healed.ok and healed.changed == 1, healed.output
    wait_for(lambda: app.host.run("pgrep --uid nobody").rc == 1, "the end of the load", 30)
    assert app.show(unit, "ActiveState") == "inactive" and app.show(unit, "Restart") == "always"
    assert app.host.run("ls /run/systemd/system | grep %s@", app.user).rc == 1
    assert app.master == serving


def test_ended_by_its_user_it_leaves_the_slot_as_it_was(app, tmp_path):
    before = app.stands()
    variables = {"slipway_tune": {**WAITING, "seconds": 5}, "slipway_tune_folder": str(tmp_path)}
    words = ["--inventory", "molecule/tune/inventory", "--limit", app.machine]
    with playing("playbooks/tune.yml", *words, **variables) as process:
        unit = f"{app.user}@{app.other}.service"
        wait_for(lambda: app.show(unit, "ActiveState") == "active", "a server in the idle slot", 90)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    wait_for(lambda: app.run("cat /srv/surface/.lock") == "", "the lock's release", 60)
    wait_for(lambda: app.stands() == before, "a slot as it was", 20)


def test_the_best_threads_for_work_that_waits_and_a_cutover_to_them(app, converged, tune, report):
    slot, release = app.slot, app.release
    played = tune(slipway_tune=WAITING, slipway_tune_apply=True)
    assert played.ok, played.output
    found = json.loads(report(".json"))
    keys = found["recommendation"]
    assert keys["worker_class"] == "gthread" and keys["workers"] * keys["threads"] >= 16 and found["gain"] > 1.3
    assert yaml.safe_load(report(".yml")) == keys
    assert "<svg" in report(".html")
    assert app.slot != slot and app.release == release
    assert f"\nthreads = {keys['threads']}\n" in app.run("cat /etc/slipway/surface/%s/gunicorn.conf.py", app.slot)
    assert len(app.workers) == keys["workers"]


def test_status_tells_what_the_cutover_changed(app, tmp_path):
    file = tmp_path / "status.json"
    played = app.play("status", slipway_status_file=str(file))
    change = json.loads(file.read_text(encoding="utf-8"))["hosts"][app.machine]["apps"][0]["change"]
    for side in ("before", "after"):
        sample = change[side]
        assert (sample["requests"], sample["errors"]) == (20, 0)
        assert 100 < sample["p99"] < 5000 and sample["memory"] > 1 << 20 and sample["boot"] > 0
    assert f"surface: release {app.release} after {app.release}: p50 " in played.output
