"""What dies comes back by itself, and what users wrote is still there."""

import json
import subprocess

from served import HOSTS, wait_for

ENTRY = '{"boat": "Survivor", "movement": "in", "skipper": "Test"}'


def add_entry(hello) -> str:
    status, body = hello.get("/api/entries", "--data", ENTRY, "-H", "Content-Type: application/json")
    assert status == 201, body
    return json.loads(body)["url"]


def test_a_killed_worker_is_replaced_and_only_its_own_requests_are_lost(hello):
    victim, count = hello.workers[0], len(hello.workers)
    with hello.load(slow=0) as load:
        hello.run("kill -KILL %s", str(victim))
        wait_for(lambda: len(hello.workers) == count and victim not in hello.workers, "a new worker")
    assert load.counts()["lost"] <= 6, load.counts()  # one for each client at most


def test_a_killed_master_comes_back_and_what_waits_in_the_socket_is_served(hello):
    master = hello.master
    with hello.load(slow=0) as load:
        hello.run("kill -KILL %s", str(master))
        wait_for(lambda: hello.master not in (0, master) and len(hello.workers) >= 2, "a new master")
    assert load.counts()["lost"] <= 6, load.counts()
    assert load.counts()["requests"] > 50


def test_everything_is_back_after_a_reboot(hello):
    url = add_entry(hello)
    release = hello.json("/whoami")["release"]
    subprocess.run([HOSTS, "restart", hello.machine], check=True, timeout=120, stdout=subprocess.DEVNULL)
    wait_for(lambda: hello.get("/readyz")[0] == 200, "an answer after the reboot", 40)
    assert hello.json("/whoami")["release"] == release
    assert hello.json(url)["boat"] == "Survivor"
