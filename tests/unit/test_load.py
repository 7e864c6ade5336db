"""The load client counts whatever is not the expected answer: a server that misbehaves in one way at a time."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from load import Load, Lost, Turns


class Site(BaseHTTPRequestHandler):
    """As much of the sample app as the client asks for. ``trouble`` spoils one answer."""

    protocol_version = "HTTP/1.1"
    trouble, release = "", "a"

    def do_GET(self):
        if self.path == "/" and type(self).trouble:
            trouble, type(self).trouble = type(self).trouble, ""
            return getattr(self, trouble)()
        long = self.path.startswith(("/wait", "/stream"))
        time.sleep(0.1 if long else 0)
        return self.answer(200, "<title> 100 wave 10 of 10" if long or self.path == "/" else '{"boat": "x"}')

    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(201, json.dumps({"url": "/api/entries/1", **json.loads(sent)}))

    def answer(self, status, text, release=""):
        self.send_response(status)
        self.send_header("X-Release", release or self.release)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def status_500(self):
        self.answer(500, "<title>")

    def other_text(self):
        self.answer(200, "another page")

    def cut_short(self):
        self.send_response(200)
        self.send_header("X-Release", self.release)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"<title>")
        self.close_connection = True

    def no_answer(self):
        self.close_connection = True

    def log_message(self, *words):
        pass


@pytest.fixture
def site():
    class Own(Site):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Own.url = f"http://127.0.0.1:{server.server_port}"
    yield Own
    server.shutdown()
    server.server_close()
    thread.join()


def test_good_answers_are_counted_and_none_is_lost(site):
    with Load(site.url, "x", clients=2, slow=0.1) as load:
        pass
    counts = load.counts()
    assert counts["lost"] == 0, counts
    assert counts["statuses"].keys() == {200, 201}
    assert counts["releases"] == {"a": counts["requests"]}
    assert 0 < counts["ms"]["p50"] <= counts["ms"]["p99"] <= counts["ms"]["max"]
    assert counts["ended_early"] is False


@pytest.mark.parametrize("trouble", ["status_500", "other_text", "cut_short", "no_answer"])
def test_one_bad_answer_is_one_lost(site, trouble):
    with Load(site.url, "x", clients=1, slow=0) as load:
        site.trouble = trouble
    assert load.counts()["lost"] == 1, load.counts()


def test_a_connection_that_is_refused_is_lost():
    with Load("http://127.0.0.1:9", "x", clients=1, pause=0.2, slow=0) as load:
        pass
    assert load.counts()["lost"] == load.counts()["requests"] > 0


def test_the_number_of_requests_is_bounded(site):
    with Load(site.url, "x", clients=3, pause=0, slow=0, most=10) as load:
        pass
    assert load.counts()["requests"] == 10
    assert load.counts()["ended_early"] is True


def test_a_release_that_comes_back_is_lost(site):
    with Load(site.url, "x", clients=1, slow=0) as load:
        for site.release in ("b", "a"):
            time.sleep(0.2)
    assert load.counts()["turns"] == ["a", "b"]
    assert load.counts()["lost"] > 1
    assert "release a answered after b" in load.counts()["first_lost"][0]


def test_a_release_that_comes_back_by_an_announced_rollback_is_not(site):
    with Load(site.url, "x", clients=1, slow=0) as load:
        for release in ("b", "a"):
            load.announce(release)
            site.release = release
            time.sleep(0.2)
    assert load.counts()["turns"] == ["a", "b", "a"]
    assert load.counts()["lost"] == 0


def test_a_request_may_end_in_the_release_that_it_began_in():
    turns = Turns()
    for release in ("a", "b", "c"):
        turns.check(release, len(turns.seen), 0.0)
    turns.check("b", 2, 0.0)
    with pytest.raises(Lost, match="release b answered after c"):
        turns.check("b", 3, 0.0)
