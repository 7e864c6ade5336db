"""What every server and class owes an app: a switch, a reload, a restart and a crash as users and an administrator see them."""

from __future__ import annotations

import concurrent.futures
import re
import time

import pytest
from kinds import KINDS
from served import wait_for

CLIENTS = 4
TITLES = {"gunicorn": "Gunicorn", "uwsgi": "uWSGI", "granian": "Granian"}


def strong(served):
    """That both workers are there, and answer."""
    return len(served.workers) == 2 and served.get("/readyz")[0] == 200


def test_the_switch_from_another_server_loses_nothing(served):
    assert served.played.ok, served.played.output
    assert served.counts["lost"] == 0, served.counts
    assert served.counts["requests"] > 100
    assert TITLES[served.kind.server] in served.show(served.service, "Description")


def test_what_the_other_server_had_is_gone(served):
    """Its settings, and its processes."""
    files = served.run("ls /etc/slipway/served/%s", served.slot).split()
    assert {"gunicorn": "gunicorn.conf.py", "uwsgi": "uwsgi.ini", "granian": "granian.conf.py"}[
        served.kind.server
    ] in files
    assert len([name for name in files if name in ("gunicorn.conf.py", "uwsgi.ini", "granian.conf.py")]) == 1
    inside = f"{served.user}@{served.slot}.service"
    assert served.run("ps -o unit= --user %s | sort -u", served.user).split() == [inside]


def test_systemd_holds_the_socket_and_its_queue_is_long(served):
    lines = [
        line for line in served.run("ss -xlpH").splitlines() if f"/{served.slot}.sock" in line and "served" in line
    ]
    assert len(lines) == 1 and lines[0].split()[3] == "4096" and '"systemd"' in lines[0], lines
    assert not re.search(r"python|gunicorn|uwsgi|granian", served.run("ss -tulpnH"))


def test_there_are_as_many_workers_as_were_asked_for(served):
    assert len(served.workers) == 2


def test_workers_run_without_any_privilege_and_write_no_code(served):
    uid = served.run("id --user %s", served.user)
    for pid in served.workers:
        status = served.run("cat /proc/%s/status", str(pid))
        found = dict(re.findall(r"^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):\s*(\S+)", status, re.MULTILINE))
        nothing = "0" * 16
        assert found == {"Uid": uid, "CapEff": nothing, "CapBnd": nothing, "NoNewPrivs": "1", "Seccomp": "2"}
    enter = f"nsenter --target={served.workers[0]} --mount setpriv --reuid={uid} --clear-groups"
    assert served.host.run(f"{enter} touch /srv/served/current/src/made-by-test").rc != 0
    assert served.host.run(f"{enter} touch /srv/served/shared/instance/made-by-test").rc == 0


def test_its_memory_is_bounded_and_systemd_is_told_to_leave_the_others_alone(served):
    """What systemd has in force; the kernel's bound is there where it gives this host one."""
    assert served.show(served.service, "MemoryMax") == str(1 << 30)
    assert served.show(served.service, "OOMPolicy") == "continue"
    bound = served.host.run("cat /sys/fs/cgroup%s/memory.max", served.show(served.service, "ControlGroup"))
    assert bound.rc != 0 or int(bound.stdout) == 1 << 30


def test_the_access_log_tells_who_asked_what_and_how_long_it_took(served):
    since = served.now()
    assert served.get("/wait?ms=300")[0] == 200
    asked = re.compile(r"^127\.0\.0\.1 .*/wait[ ?]ms=300.*$", re.MULTILINE)
    line = wait_for(lambda: asked.search(served.journal(since)), "its line")
    assert "GET /wait" in line[0] and " 200 " in line[0]
    assert 300 <= int(re.search(r" (\d+)ms ", line[0])[1]) < 3000


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_app_knows_the_scheme_that_nginx_took(served, scheme):
    ask = f"curl --silent --unix-socket /run/flask-served/{served.slot}.sock --header 'X-Forwarded-Proto: {scheme}'"
    assert f'"scheme":"{scheme}"' in served.run(f"{ask} http://localhost/whoami").replace(" ", "")


# An event loop takes all that wait, whatever the other worker does, so there is no such number.
@pytest.mark.only(*(name for name in KINDS if name != "gunicorn-asgi"))
def test_requests_that_wait_are_served_at_once_as_far_as_the_class_does(served):
    in_turns(served, "/wait")


# Not with greenlets: asyncio allows one loop for each thread, and they share theirs.
@pytest.mark.only("gunicorn-gthread", "gunicorn-sync", "uwsgi-gthread", "granian-gthread")
def test_so_are_async_routes(served):
    in_turns(served, "/wait-async")


@pytest.mark.only("gunicorn-gthread")
def test_what_a_worker_has_no_thread_for_waits_for_any_worker(served):
    """Of 16 connections each of two workers takes four; one that took more would keep them waiting while the other is free."""
    taken = f"ss --no-header --unix --processes state connected src /run/flask-served/{served.slot}.sock"
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        asked = thread.submit(served.together, "/wait?ms=3000", 16)
        wait_for(lambda: served.run(taken), "requests are taken", 3)
        time.sleep(0.5)
        lines = served.run(taken).splitlines()
        asked.result()
    assert [sum(f"pid={worker}," in line for line in lines) for worker in served.workers] == [4, 4], lines


def in_turns(served, path: str) -> None:
    """Ask for a route that waits half a second, 16 times at once."""
    count, at_once = 16, min(16, 2 * served.kind.at_once)
    served.together(path + "?ms=1", count)
    took = served.together(path + "?ms=500", count)
    turns = count / at_once
    assert 0.5 * turns <= took + 0.05, "fewer at once than that"
    assert took < 0.5 * turns * 1.5 + 1.5


def test_a_reload_replaces_the_workers_and_loses_nothing(served):
    before, master = served.workers, served.master
    with served.load() as load:
        served.run("systemctl reload flask-served")
        wait_for(lambda: strong(served) and not set(before) & set(served.workers), "new workers alone", 40)
    assert load.counts()["lost"] == 0, load.counts()
    assert served.master == master


@pytest.mark.slow
def test_restarts_lose_nothing(served):
    with served.load() as load:
        for _ in range(3):
            master = served.master
            served.run("systemctl restart flask-served")
            wait_for(lambda old=master: served.master not in (0, old) and strong(served), "a new master", 40)
    assert load.counts()["lost"] == 0, load.counts()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.1, 0.5])
def test_a_restart_while_it_comes_up_takes_seconds_and_loses_nothing(served, seconds):
    with served.load() as load:
        served.run("systemctl restart %s", served.service)
        time.sleep(seconds)
        begun = time.monotonic()
        served.run("systemctl restart %s", served.service)
        took = time.monotonic() - begun
        wait_for(lambda: strong(served), "both workers", 40)
    assert load.counts()["lost"] == 0, load.counts()
    assert took < 8  # of 20 after which systemd would kill it


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_only_its_own_requests_are_lost(served):
    victim = served.workers[0]
    with served.load(slow=0) as load:
        served.run("kill -KILL %s", str(victim))
        wait_for(lambda: strong(served) and victim not in served.workers, "a new worker")
    assert load.counts()["lost"] <= CLIENTS, load.counts()


@pytest.mark.slow
def test_a_killed_master_comes_back_and_what_waits_in_the_socket_is_served(served):
    master = served.master
    with served.load(slow=0) as load:
        served.run("kill -KILL %s", str(master))
        wait_for(lambda: served.master not in (0, master) and strong(served), "a new master")
    assert load.counts()["lost"] <= CLIENTS, load.counts()
    assert load.counts()["requests"] > 50


@pytest.mark.slow
@pytest.mark.only("gunicorn-gthread", "gunicorn-asgi", "granian-gthread")
def test_a_worker_that_hangs_is_killed_at_the_timeout(served):
    victim = served.workers[0]
    served.run("kill -STOP %s", str(victim))
    wait_for(lambda: victim not in served.workers and strong(served), "another worker", 10 + 10)


@pytest.mark.slow
@pytest.mark.only("uwsgi-gthread", "gunicorn-sync")
def test_a_request_that_hangs_ends_at_the_timeout(served):
    before, begun = served.workers, time.monotonic()
    # Not by way of Nginx, which asks once more.
    ask = "curl --silent --max-time 30 --unix-socket /run/flask-served/%s.sock"
    served.host.run(f"{ask} 'http://localhost/wait?ms=60000'", served.slot)
    assert 10 - 1 < time.monotonic() - begun < 10 + 6
    wait_for(lambda: strong(served) and len(set(before) & set(served.workers)) == 1, "another worker in its place")


@pytest.mark.slow
@pytest.mark.only("gunicorn-gthread", "uwsgi-gthread", "granian-gthread")
def test_what_does_not_load_is_refused_and_the_other_serves_on(served):
    slot, master = served.slot, served.master
    played = served.deploy(wsgi="hello:create_nothing()")
    assert not played.ok and "does not load" in played.output and "untouched" in played.output, played.output
    assert (served.slot, served.master) == (slot, master)


RECYCLING = {
    "gunicorn": {"max_requests": 60, "max_requests_jitter": 10},
    "uwsgi": {"max_requests": 60, "max_requests_jitter": 10},
    "granian": {"server_extra_config": {"workers_max_rss": 1, "rss_sample_interval": 2, "respawn_interval": 1}},
}


@pytest.mark.slow
@pytest.mark.only("gunicorn-gthread", "gunicorn-asgi", "uwsgi-gthread", "granian-gthread")
def test_workers_that_are_replaced_for_their_age_lose_nothing(served):
    assert served.deploy(**RECYCLING[served.kind.server]).ok
    first, seen = set(served.workers), set()
    with served.load() as load:
        begun = time.monotonic()
        # uWSGI lets every worker live for ten seconds.
        while (lasted := time.monotonic() - begun) < 8 or (len(seen - first) < 2 and lasted < 20):
            seen |= set(served.workers)
    assert load.counts()["lost"] == 0, load.counts()
    assert len(seen - first) >= 2, "expected new workers"
    assert served.deploy().ok
