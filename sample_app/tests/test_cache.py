import itertools
import re
import socket
import time

import fakeredis
import pytest
import redis

from hello import cache, create_app
from hello.db import init_db

HTML = {"Accept": "text/html"}


@pytest.fixture
def make(tmp_path):
    """Make the application with a cache at this address."""

    def make(url):
        names = {"DATABASE": str(tmp_path / "logbook.sqlite3"), "SECRET_KEY": "test", "CACHE_REDIS_URL": url}
        app = create_app({"TESTING": True, **names})
        with app.app_context():
            init_db()
        return app

    return make


@pytest.fixture
def server(monkeypatch):
    """A Redis that may be taken away."""
    server = fakeredis.FakeServer()
    monkeypatch.setattr(redis.Redis, "from_url", lambda url, **options: fakeredis.FakeRedis(server=server))
    return server


@pytest.fixture
def app(make, server):
    return make("redis://cache.example.com")


@pytest.fixture
def silent():
    """The address of something that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def closed():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    return f"redis://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Every answer has a time of its own."""
    ticks = itertools.count()
    monkeypatch.setattr("hello.entries.now", lambda: f"2026-01-01T00:00:{next(ticks):02}Z")


def log(client, boat):
    token = re.search('name="csrf" value="([^"]+)"', client.get("/entries/new").text)[1]
    entry = {"boat": boat, "movement": "in", "skipper": "Ida", "remark": "", "csrf": token}
    assert client.post("/entries/new", data=entry, headers=HTML).status_code == 303


def boats(client):
    answer = client.get("/api/mine")
    assert answer.status_code == 200
    return [entry["boat"] for entry in answer.json["entries"]]


def test_what_is_the_same_for_everyone_is_counted_once(app, add):
    add()
    first, other = app.test_client().get("/api/busiest").json, app.test_client().get("/api/busiest").json
    assert first == other
    assert first["boats"] == [{"boat": "Marie", "movements": 1}]


def test_without_a_cache_it_is_counted_each_time(make):
    client = make("").test_client()
    assert client.get("/api/busiest").json["at"] != client.get("/api/busiest").json["at"]
    assert client.get("/readyz").json == {"status": "ok"}


def test_nobody_gets_what_another_wrote(app, server):
    ida, ole, stranger = (app.test_client() for _ in range(3))
    for client, boat in [(ida, "Marie"), (ole, "Skagen")]:
        log(client, boat)
    for _ in range(2):  # The second time from the cache.
        assert (boats(ida), boats(ole), boats(stranger)) == (["Marie"], ["Skagen"], [])
    kept = [key for key in fakeredis.FakeRedis(server=server).scan_iter() if b"/mine/" in key]
    assert len(kept) == 2


def test_an_own_entry_is_seen_at_once(client):
    for number in range(3):
        log(client, f"Boat {number}")
        assert boats(client)[0] == f"Boat {number}"


def test_a_personal_answer_is_for_no_other_cache(client):
    log(client, "Marie")
    for _ in range(2):
        answer = client.get("/api/mine")
        assert answer.cache_control.private
        assert "Cookie" in answer.vary


def test_another_release_has_answers_of_its_own(monkeypatch, make, client):
    kept = client.get("/api/busiest").json
    monkeypatch.setenv("SLIPWAY_RELEASE", "another")
    assert make("redis://cache.example.com").test_client().get("/api/busiest").json != kept


def test_nothing_that_lies_in_the_cache_is_run(app, client, server):
    client.get("/api/busiest")
    kept = fakeredis.FakeRedis(server=server)
    [key] = kept.keys()
    kept.set(key, b"!\x80\x04cposix\nsystem\n.")
    assert client.get("/api/busiest").status_code == 200


def test_readiness_says_when_the_cache_goes_and_comes(client, server):
    assert client.get("/readyz").json == {"status": "ok", "cache": "ok"}
    server.connected = False
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert answer.json["cache"].startswith("away: ")
    server.connected = True
    assert client.get("/readyz").json["cache"] == "ok"


def test_a_cache_that_comes_back_is_used_again(monkeypatch, client, server):
    monkeypatch.setattr(cache, "PAUSE", 0.1)
    server.connected = False
    assert client.get("/api/busiest").json != client.get("/api/busiest").json
    server.connected = True
    time.sleep(0.1)
    assert client.get("/api/busiest").json == client.get("/api/busiest").json


@pytest.mark.parametrize("kind", ["silent", "closed"])
def test_a_dead_cache_costs_one_short_wait(request, make, kind):
    client = make(request.getfixturevalue(kind)).test_client()
    start = time.monotonic()
    for _ in range(5):
        assert client.get("/api/busiest").status_code == 200
    assert time.monotonic() - start < 4 * cache.TIMEOUT
    assert client.get("/readyz").json["status"] == "degraded"
