"""What a browser finds when the release changes behind its page: files of both, no old answer, and a WebSocket that may come again."""

import json
import threading
import time

import pytest
from content import WebSocket

testinfra_hosts = ["ansible://debian13"]

# A name that no earlier run's release has.
OLD, NEW, PLAIN = "/static/harbour.0c5d1e9fa47b.css", f"/static/harbour.a{time.time_ns():x}.css", "/static/harbour.css"


class Watch:
    """Asks for a path all the time; counts what is not the file."""

    def __init__(self, app, path: str) -> None:
        self._app, self._path, self._end = app, path, threading.Event()
        self.asked, self.bad = 0, []
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        request = f"GET {self._path} HTTP/1.1\r\nHost: {self._app.domain}\r\nConnection: close\r\n\r\n".encode()
        while not self._end.wait(0.02):
            with self._app.connect() as connection:
                connection.sendall(request)
                answer = connection.recv(15)
            self.asked += 1
            self.bad += [] if answer.startswith(b"HTTP/1.1 200") else [answer]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error) -> None:
        self._end.set()
        self._thread.join()


@pytest.fixture
def newer(content, tmp_path):
    """Another release: its stylesheet has another name and another content, and it lacks one file."""
    tree = content.copy(tmp_path)
    (tree / "static/harbour.0c5d1e9fa47b.css").rename(tree / NEW[1:])
    (tree / PLAIN[1:]).write_text("body { color: navy }\n" * 100, encoding="utf-8")
    yield tree
    assert content.restore().ok


def test_a_page_of_either_release_finds_its_files_throughout(content, newer):
    workers, unchanged = content.nginx_workers, content.ask(OLD)[1]["etag"]
    before = content.get(PLAIN)[1]
    assert content.get(NEW)[0] == 404
    with Watch(content, OLD) as watch:
        assert content.deploy(newer).ok
    assert watch.asked > 50 and watch.bad == [], watch.bad[:5]
    assert content.json("/")["files"] == [NEW, PLAIN]
    assert [content.get(path)[0] for path in (OLD, NEW)] == [200, 200]
    assert content.ask(OLD)[1]["etag"] == unchanged
    assert content.get(PLAIN)[1] != before, "an older file passed for a newer one"
    with Watch(content, NEW) as watch:
        assert content.restore().ok
    assert watch.bad == [], watch.bad[:5]
    assert (content.get(NEW)[0], content.get(PLAIN)[1]) == (200, before)
    assert content.nginx_workers == workers, "a deploy reloaded Nginx"


def test_no_answer_of_the_older_release_outlives_it(content, newer):
    page, release = f"/news/{time.time_ns()}?says=max-age%3D600", content.release
    assert json.loads(content.ask(page)[2])["release"] == release
    assert content.ask(page)[1]["x-cache"] == "HIT"
    assert content.deploy(newer).ok
    _, headers, body = content.ask(page)
    assert (headers["x-cache"], json.loads(body)["release"]) == ("MISS", content.release)
    assert content.release != release


def test_a_websocket_outlives_the_switch_for_as_long_as_is_set(sockets, tmp_path):
    tree = sockets.copy(tmp_path)
    with (tree / "app.py").open("a", encoding="utf-8") as file:
        file.write("# Another release.\n")
    before = sockets.release
    try:
        with WebSocket(sockets, "/echo") as socket:
            deploying = threading.Thread(target=sockets.deploy, args=[tree])
            deploying.start()
            while sockets.release == before and deploying.is_alive():
                time.sleep(0.1)
            assert socket.say("still here") == "still here"
            start = time.monotonic()
            deploying.join()
            assert time.monotonic() - start < 15, "drain: 3, and what a deploy does after it"
            assert socket.say("anyone") == ""
        with WebSocket(sockets, "/echo") as socket:
            assert socket.say("ahoy") == "ahoy"
    finally:
        assert sockets.restore().ok
