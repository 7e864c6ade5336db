"""A cache that is full, killed, stopped or hung, and the app that goes on."""

import json
import time

import pytest
from engines import BOUND
from served import wait_for

# What the app waits for at most before it goes on alone (hello/cache.py): a connection and a first word, and room for a busy machine.
PATIENCE = 2 * 0.25 + 1
ROUTES = ["/", "/healthz", "/api/entries", "/api/busiest", "/api/mine"]

# As much again as it may keep, and half of that more, in values of a kilobyte that last ten minutes.
FILL = """
import sys
for number in range(3 * {bound} // 2048):
    sys.stdout.write(f"SETEX fill{{number}} 600 {{'x' * 1000}}\\r\\n")
"""
FILL_MEMCACHED = """
import socket
with socket.create_connection(("127.0.0.1", 11211), timeout=10) as connection:
    for number in range(3 * {bound} // 2048):
        connection.sendall(b"set fill%d 0 600 1000 noreply\\r\\n%s\\r\\n" % (number, b"x" * 1000))
    connection.sendall(b"version\\r\\n")
    connection.recv(100)
"""
# Counts up, each number once the one before it was answered, and tells the last that was.
COUNT = """
import re, socket, sys
password = re.search('"(.*)"', open(sys.argv[1]).read())[1]
connection = socket.create_connection(("127.0.0.1", 6379), timeout=5)
answers, number = connection.makefile("rb"), 0
connection.sendall(f"AUTH {password}\\r\\n".encode())
assert answers.readline() == b"+OK\\r\\n"
try:
    while number < 200000:
        connection.sendall(f"SET promised {number + 1}\\r\\n".encode())
        if answers.readline() != b"+OK\\r\\n":
            break
        number += 1
except OSError:
    pass
print(number)
"""


def readiness(kept) -> dict:
    return kept.json("/readyz")


def all_well(kept) -> None:
    assert {path: kept.get(path)[0] for path in ROUTES} == dict.fromkeys(ROUTES, 200)


def test_redis_keeps_to_its_bound_and_to_what_was_promised(kept, redis):
    redis.cli("set", "promised", "still there")
    program = FILL.format(bound=BOUND)
    run = redis.host.check_output
    run(
        f"python3 -c %s | REDISCLI_AUTH=$(cut -d'\"' -f2 {redis.secret}) {redis.name}-cli --pipe >/dev/null",
        program,
    )
    assert redis.info("maxmemory") == BOUND
    assert redis.info("evicted_keys") > 0
    assert redis.info("used_memory") <= 1.1 * BOUND
    assert redis.cli("get", "promised") == "still there"
    all_well(kept)
    assert readiness(kept)["cache"] == "ok"


def test_memcached_keeps_to_its_bound(memcached):
    memcached.host.check_output("python3 -c %s", FILL_MEMCACHED.format(bound=BOUND))
    assert memcached.stat("limit_maxbytes") == BOUND
    assert memcached.stat("evictions") > 0
    assert memcached.stat("bytes") <= BOUND


def test_what_was_promised_outlives_a_sigkill(kept, redis):
    killed = redis.main
    counting = f"python3 -c %s {redis.secret} & sleep 1.5; kill -9 {killed}; wait"
    answered = int(redis.host.check_output(counting, COUNT))
    assert answered > 10
    wait_for(redis.answers, "back after SIGKILL", 10)
    assert redis.main != killed
    # The one that was on its way may have come through.
    assert int(redis.cli("get", "promised")) in (answered, answered + 1)
    wait_for(lambda: readiness(kept)["cache"] == "ok", "the app uses it again", 5)


def test_a_stopped_cache_harms_nobody(kept, redis):
    with kept.load() as load:
        redis.stop()
        gone = wait_for(lambda: readiness(kept) if readiness(kept)["cache"] != "ok" else None, "readiness says so", 5)
        for _ in range(5):
            all_well(kept)
        redis.back()
        wait_for(lambda: readiness(kept)["status"] == "ok", "readiness says so", 5)
    assert gone["status"] == "degraded" and gone["cache"].startswith("away: ")
    counts = load.counts()
    assert counts["lost"] == 0 and counts["requests"] > 50, json.dumps(counts)


@pytest.mark.parametrize("path", ["/api/busiest", "/readyz", "/"])
def test_nobody_waits_long_for_a_hung_cache(kept, redis, path):
    kept.get(path)
    redis.signal("STOP")
    times = []
    for _ in range(8):
        start = time.monotonic()
        assert kept.get(path)[0] == 200
        times.append(time.monotonic() - start)
    said = readiness(kept)
    redis.signal("CONT")
    assert max(times) < PATIENCE, times
    assert said["cache"].startswith("away: ")
    wait_for(lambda: readiness(kept)["status"] == "ok", "readiness says that it is back", 5)


def test_the_app_s_journal_says_that_it_was_away(kept, redis):
    assert readiness(kept)["cache"] == "ok"
    since = kept.now()
    redis.stop()
    kept.json("/api/busiest")
    assert "The cache is away" in kept.journal(since)
