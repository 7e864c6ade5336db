"""What befalls a host that serves, and a deploy on it: the measured outcome of each fault, by its number."""

from __future__ import annotations

import contextlib
import time

import pytest
from playbook import play
from served import wait_for
from trial import FULL, chosen

testinfra_hosts = ["ansible://debian12"]

# Times are judged where they are counted for the table; a machine that does other things as well is given longer.
PATIENCE = 1 if FULL else 4


@pytest.fixture
def fault(record):
    """Record a fault's row: ``fault(number, name, outcome, load, **cells)``."""

    def add(number: int, name: str, outcome: str, load, **cells) -> None:
        counts = load.counts()
        record(
            "faults",
            number=number,
            fault=name,
            outcome=outcome,
            requests=counts["requests"],
            lost=counts["lost"],
            **cells,
        )

    return add


def seconds_until(condition, what: str, most: float) -> float:
    start = time.monotonic()
    wait_for(condition, what, most)
    return time.monotonic() - start


# Processes


@pytest.mark.alone
@pytest.mark.parametrize(("number", "sent"), [(1, "KILL"), (2, "SEGV")])
def test_a_worker_dies(trial, fault, number, sent):
    victim, count = trial.workers[0], len(trial.workers)
    with trial.load(slow=0) as load:
        trial.run("kill -%s %s", sent, str(victim))
        seconds = seconds_until(lambda: len(set(trial.workers) - {victim}) == count, "a new worker", 10)
    fault(number, f"a worker gets SIG{sent}", "a new worker; its own requests alone are lost", load, seconds=seconds)
    assert load.counts()["lost"] <= 6, load.counts()  # What six clients have in hand at once.
    assert seconds < 2 * PATIENCE


@pytest.mark.alone
def test_a_worker_hangs(trial, fault):
    victim = trial.workers[0]
    with trial.load(slow=0) as load:
        trial.run("kill -STOP %s", str(victim))
        seconds = seconds_until(lambda: victim not in trial.workers, "the hanging worker's end", 30)
    fault(3, "a worker hangs (timeout: 5)", "killed, and its own requests alone are lost", load, seconds=seconds)
    assert load.counts()["lost"] <= 6, load.counts()
    assert seconds < 5 + 2 * PATIENCE  # Gunicorn looks once a second.


@pytest.mark.alone
def test_the_master_dies(trial, fault):
    master = trial.master
    with trial.load(slow=0) as load:
        trial.run("kill -KILL %s", str(master))
        seconds = seconds_until(lambda: trial.master not in (0, master) and trial.workers, "a new master", 10)
    fault(4, "the master gets SIGKILL", "restarted; what waits in the socket is served", load, seconds=seconds)
    assert load.counts()["lost"] <= 6, load.counts()
    assert seconds < (2 + 1) * PATIENCE


def test_five_restarts(trial, fault):
    with trial.load(slow=0.5) as load:
        for _ in range(5):
            trial.run("systemctl restart flask-%s", trial.name)
    fault(6, "five restarts", "requests wait in the socket", load)
    assert load.counts()["lost"] == 0, load.counts()


def test_fifty_reloads_in_ten_seconds(trial, fault):
    count, master = len(trial.workers), trial.master
    descriptors = "ls /proc/%s/fd | wc -l"
    before = int(trial.run(descriptors, str(master)))
    with trial.load(slow=0.5) as load:
        trial.run("for n in $(seq 50); do kill -HUP %s; sleep 0.2; done", str(master))
        wait_for(lambda: len(trial.workers) == count, "as many workers as before", 60)
    after = int(trial.run(descriptors, str(master)))
    fault(7, "50 reloads (SIGHUP) in 10 s", f"{before} descriptors before, {after} after", load)
    assert trial.master == master
    assert after <= before + 2
    assert load.counts()["lost"] == 0, load.counts()


@pytest.mark.alone
@pytest.mark.parametrize(("number", "process"), [(8, "worker"), (9, "master")])
def test_nginx_dies(trial, fault, number, process):
    master = trial.show("nginx.service", "MainPID")
    victim = trial.run("pgrep --parent %s | head -n 1", master) if process == "worker" else master
    with trial.load(slow=0) as load:
        trial.run("kill -KILL %s", victim)
        seconds = seconds_until(lambda: trial.get("/healthz")[0] == 200, "an answer", 20)
    fault(number, f"Nginx's {process} gets SIGKILL", "back by itself", load, seconds=seconds)
    assert seconds < 2 * PATIENCE
    if process == "worker":
        assert load.counts()["lost"] <= 6, load.counts()


# Drift


DRIFT = chosen(
    {
        "the socket is deleted": (5, "rm /run/flask-{name}/{slot}.sock"),
        "the symlink is deleted": (5, "rm /srv/{name}/active.sock"),
        "current is deleted": (47, "rm /srv/{name}/current"),
        "the unit is edited": (47, "echo '# by hand' >> /etc/systemd/system/{service}"),
        "gunicorn.conf.py is edited": (47, "echo 'workers = 1' >> /etc/slipway/{name}/{slot}/gunicorn.conf.py"),
        "the env is deleted": (47, "rm /etc/slipway/{name}/{slot}/env"),
        "the secrets are opened": (47, "chmod 644 /etc/slipway/{name}/{slot}/secrets"),
        "the service is stopped": (47, "systemctl stop flask-{name}"),
        "the service is disabled": (47, "systemctl disable {service}"),
        "the umbrella is deleted": (47, "rm /etc/systemd/system/flask-{name}.service; systemctl daemon-reload"),
    },
    "the socket is deleted",
    "the symlink is deleted",
    "the secrets are opened",
)


@pytest.mark.parametrize(("number", "command"), DRIFT.values(), ids=DRIFT)
def test_drift_is_repaired_by_the_second_run_and_the_third_changes_nothing(deployed, trial, record, number, command):
    release = trial.release
    trial.run(command.format(name=trial.name, slot=trial.slot, service=trial.service))
    second = trial.deploy()
    third = trial.deploy()
    assert second.ok, second.output
    assert second.played.changed > 0
    assert third.ok and third.played.changed == 0, third.output
    assert trial.release == release
    assert trial.state() == []
    name = next(name for name in DRIFT if DRIFT[name] == (number, command))
    record("faults", number=number, fault=name, outcome="repaired by the next run; the one after changes nothing",
           seconds=second.seconds)  # fmt: skip


def test_bad_nginx_directives_are_refused(trial, fault):
    before = trial.run("sha256sum /etc/nginx/nginx.conf /etc/nginx/sites-enabled/*")
    with trial.load() as load:
        done = play("site.yml", *trial.words(), nginx_extra_config={"no_such_directive": "on"})
    assert not done.ok
    assert "no_such_directive" in done.output
    assert trial.run("sha256sum /etc/nginx/nginx.conf /etc/nginx/sites-enabled/*") == before
    fault(10, "a directive that Nginx does not know", "refused, the files are as they were", load)
    assert load.counts()["lost"] == 0, load.counts()


# Deploys


def test_a_slow_boot_is_waited_for(trial, fault):
    boot = 20 if FULL else 6
    trial.change(f"boots_slowly {boot}")
    with trial.load() as load:
        done = trial.deploy(health={"path": "/readyz", "timeout": 30})
    assert done.ok, done.output
    fault(15, f"the app boots for {boot} s", "waited for, while the old release serves", load, seconds=done.seconds)
    assert load.counts()["lost"] == 0, load.counts()
    assert trial.state() == []


def test_of_two_deploys_at_once_one_wins(trial, fault):
    trial.change("boots_slowly 6")
    keys = {"health": {"path": "/readyz", "timeout": 30}}
    with trial.load() as load, trial.interrupted("check", "nothing") as begun, trial.deploying(**keys) as first:
        assert begun.communicate(timeout=60) and begun.returncode == 0
        second = trial.deploy(**keys)
        output = first.communicate(timeout=100)[0]
    assert first.returncode == 0, output
    assert not second.ok
    assert f"(cutover of {trial.name} to release {trial.release}, since 20" in second.output, second.output
    fault(
        19, "two deploys at once", "one wins, the other names the holder and since when", load, seconds=second.seconds
    )
    assert load.counts()["lost"] == 0, load.counts()
    assert trial.state() == []


@contextlib.contextmanager
def small(trial, path: str, options: str):
    """A small file system in place of a folder, with what was in it."""
    trial.run(
        f"mount -t tmpfs -o {options} small /mnt && cp -a {path}/. /mnt/ && mount --move /mnt {path} || umount /mnt"
    )
    try:
        yield
    finally:
        trial.run(f"umount --lazy {path}")


DISKS = {
    "the releases' disk is nearly full": (24, "size={mebibytes}m", "MiB free"),
    "the releases' disk has no inodes left": (26, "nr_inodes={inodes}", "No space left"),
}


@pytest.mark.parametrize(("number", "options", "words"), DISKS.values(), ids=DISKS)
def test_a_full_disk(trial, fault, number, options, words):
    path, release = f"/srv/{trial.name}/releases", trial.release
    used = {
        "mebibytes": int(trial.run(f"du -sm {path}").split()[0]) + 60,
        "inodes": int(trial.run(f"find {path} | wc -l")) + 20,
    }
    with trial.load() as load, small(trial, path, options.format(**used)):
        there = trial.releases
        trial.change()
        done = trial.deploy()
        assert not done.ok
        assert trial.releases == there
        assert trial.release == release
    assert words in done.output, done.output
    assert "what serves is untouched" in done.output
    assert trial.state() == []
    name = next(name for name in DISKS if DISKS[name][0] == number)
    fault(number, name, "refused, nothing of the new release is left", load, seconds=done.seconds)
    assert load.counts()["lost"] == 0, load.counts()


def test_tmp_without_inodes(trial, fault):
    with trial.load() as load, small(trial, "/tmp", "nr_inodes=100"):
        trial.run("cd /tmp; while touch $((n=n+1)) 2> /dev/null; do :; done")
        trial.change()
        done = trial.deploy()
    outcome = "the deploy works all the same" if done.ok else "refused, the old release serves"
    fault(26, "/tmp has no inodes left", outcome, load, seconds=done.seconds)
    assert done.ok or "No space left" in done.output, done.output
    assert load.counts()["lost"] == 0, load.counts()
    assert trial.state() == []


def test_the_index_is_down(trial, fault):
    release = trial.release
    with trial.load() as load:
        trial.change()
        requirements = {"packages": ["inflection==0.5.0"]}
        trial.run("rm -rf /var/cache/slipway/uv")
        done = play("playbooks/deploy.yml", *trial.words(), python_index_url="http://127.0.0.1:9/simple",
                    slipway_apps={trial.name: trial.app(requirements=requirements)})  # fmt: skip
    assert not done.ok
    assert "installing" in done.output and "Connection refused" in done.output, done.output
    assert trial.release == release
    assert trial.state() == []
    fault(45, "the package index is down", "refused, the old release serves", load)
    assert load.counts()["lost"] == 0, load.counts()


def test_the_host_reaches_nothing_but_the_controller(trial, fault):
    route = trial.run("ip route show default")
    trial.run("ip route del default")
    try:
        with trial.load() as load:
            trial.change()
            done = trial.deploy(wheelhouse=True, requirements={"packages": ["inflection==0.5.0"]})
    finally:
        trial.run(f"ip route add {route}")
    assert done.ok, done.output
    fault(45, "the host reaches nothing but the controller", "deployed from a wheelhouse", load, seconds=done.seconds)
    assert load.counts()["lost"] == 0, load.counts()
    assert trial.state() == []
