"""What is told agrees with what was asked, through rotations too."""

from __future__ import annotations

import json
import time

import pytest
from playbook import play
from served import wait_for

# Of all the log's files, lines of one app since a time. Earlier ones stand there too.
COUNT = """zcat --force /var/log/nginx/access.log* | python3 -c '
import collections, json, sys
lines = (json.loads(line) for line in sys.stdin if line.startswith("{"))
found = collections.Counter(line["status"] for line in lines if line["app"] == "%s" and line["msec"] >= %s)
print(json.dumps(found))'"""


def logged(host, app: str, since: str) -> dict[int, int]:
    return {int(status): count for status, count in json.loads(host.check_output(COUNT % (app, since))).items()}


def test_a_rotation_under_load_loses_neither_requests_nor_lines(host, hello, prometheus):
    since, before = host.check_output("date +%s.%3N"), prometheus.requests("hello")
    with hello.load(slow=1) as load:
        for _ in range(3):
            host.check_output("logrotate --force /etc/logrotate.d/nginx")
            time.sleep(1)
    counts = load.counts()
    assert counts["lost"] == 0, counts["first_lost"]
    assert counts["requests"] > 200
    time.sleep(2)  # A line is written when its request has been answered.
    assert logged(host, "hello", since) == counts["statuses"]
    wait_for(lambda: prometheus.requests("hello") - before == counts["requests"], "as many counted", 5)
    # The names that it was given while it grew.
    assert host.file("/var/log/nginx/access.log.1").exists and host.file("/var/log/nginx/access.log.2.gz").exists
    wait_for(lambda: f"{hello.host.file('/var/log/nginx/access.log').size}" != "0", "the new log is written to")


def test_statuses_and_times_are_counted(prometheus, unruly):
    before = prometheus.scrape()
    for status in (404, 404, 418, 500):
        unruly.get(f"/status/{status}")
    after = prometheus.scrape()

    def risen(name: str) -> float:
        return after[name] - before[name]

    assert risen('slipway_requests_total{app="Unruly!",status="4xx"}') == 3
    assert risen('slipway_requests_total{app="Unruly!",status="5xx"}') == 1
    assert risen('slipway_upstream_duration_seconds_bucket{app="Unruly!",le="+Inf"}') == 4
    assert risen('slipway_request_duration_seconds_count{app="Unruly!"}') == 4
    assert risen('slipway_log_lines_total{outcome="unknown"}') == 0


@pytest.fixture
def asked(unruly) -> dict:
    """A request of which the app's log tells, by a client that gives itself an ID; its line of Nginx's log."""
    marker = f"marker={time.time_ns()}"
    assert unruly.get(f"/status/503?{marker}", "-H", "X-Request-ID: 0123456789abcdef")[0] == 503
    return json.loads(unruly.run(f"grep --fixed-strings '{marker}' /var/log/nginx/access.log"))


def test_the_logs_of_nginx_and_of_the_app_tell_of_the_same_request(asked, unruly, tmp_path):
    assert asked["id"] != "0123456789abcdef" and asked["release"] == unruly.release
    file = tmp_path / "logs.json"
    played = play(
        "playbooks/logs.yml", slipway_apps={"Unruly!": {}}, slipway_id=asked["id"], slipway_logs_file=str(file)
    )
    assert played.ok and played.changed == 0, played.output
    entries = json.loads(file.read_text(encoding="utf-8"))["entries"]
    assert {(entry["host"], entry["app"]) for entry in entries} == {(unruly.machine, "Unruly!")}
    (request,) = (entry for entry in entries if entry["kind"] == "request")
    assert (request["status"], request["path"]) == (503, asked["path"])
    assert any("told to answer 503" in entry["text"] for entry in entries if entry["kind"] == "journal")
    assert asked["path"] in played.output


def test_the_fleet_s_slow_requests_are_found_and_have_a_file_of_their_own(host, hello):
    marker = f"{time.time_ns()}"
    hello.get(f"/wait?ms=700&marker={marker}")
    hello.get(f"/wait?ms=10&marker={marker}")
    (line,) = hello.run("grep --fixed-strings %s /var/log/nginx/slow.log", marker).splitlines()
    assert json.loads(line)["path"].startswith("/wait?ms=700")


def test_what_waits_for_a_worker_is_seen(host, prometheus, unruly):
    name = f'slipway_connections{{app="Unruly!",slot="{unruly.slot}",state="waiting"}}'
    processes = " ".join(map(str, [unruly.master, *unruly.workers]))
    assert prometheus.scrape()[name] == 0
    ask = 'curl --silent --output /dev/null --write-out "%{http_code} " -H "Host: unruly.example.com" http://127.0.0.1/'
    host.check_output(f"rm -f /tmp/waited; kill -STOP {processes}")
    try:
        for _ in range(7):
            host.check_output(f"nohup {ask} >> /tmp/waited 2> /dev/null < /dev/null &")
        wait_for(lambda: prometheus.scrape()[name] >= 5, "seven requests that nobody takes", 10)
    finally:
        host.check_output(f"kill -CONT {processes}")
    wait_for(lambda: host.file("/tmp/waited").content_string.split() == ["200"] * 7, "seven answers", 10)
    assert prometheus.scrape()[name] == 0
