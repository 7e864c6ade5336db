"""Slow clients hold no worker, and what is to come piece by piece does. The app has one worker, which does one thing at a time."""

import json
import time

import pytest
from content import WebSocket


def quick(app) -> bool:
    """Whether the worker is free for another request."""
    start = time.monotonic()
    return app.get("/healthz")[0] == 200 and time.monotonic() - start < 2


def send_slowly(app, path: str) -> tuple[bool, dict]:
    """Send a body in 2 s; whether the worker was free meanwhile, and what the app says."""
    with app.connect() as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: {app.domain}\r\nContent-Length: 20000\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + bytes(10000))
        time.sleep(1)
        free = quick(app) if not path.startswith("/live/") else False
        time.sleep(1)
        connection.sendall(bytes(10000))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return free, json.loads(answer.partition(b"\r\n\r\n")[2])


def test_a_slow_sender_holds_no_worker(content):
    free, said = send_slowly(content, "/upload")
    assert free and said["bytes"] == 20000 and said["seconds"] < 0.5


def test_an_upload_streams_where_it_is_set_so(content):
    _, said = send_slowly(content, "/live/upload")
    assert said["bytes"] == 20000 and said["seconds"] > 1


def test_a_slow_reader_holds_no_worker(content):
    with content.connect() as connection:
        connection.sendall(f"GET /large HTTP/1.1\r\nHost: {content.domain}\r\n\r\n".encode())
        assert connection.recv(1024).startswith(b"HTTP/1.1 200")
        time.sleep(1)
        assert quick(content)


@pytest.mark.parametrize(
    ("path", "first"),
    [
        pytest.param("/events", "data: 0", id="the app says so"),
        pytest.param("/live/drip", "0", id="it is set so"),
    ],
)
def test_an_answer_streams(content, path, first):
    with content.connect() as connection:
        start = time.monotonic()
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {content.domain}\r\nConnection: close\r\n\r\n".encode())
        seen, came = b"", 0.0
        while piece := connection.recv(4096):
            seen += piece
            if not came and first.encode() in seen.partition(b"\r\n\r\n")[2]:
                came = time.monotonic() - start
        took = time.monotonic() - start
    assert came < took - 0.5, (came, took)


def test_a_websocket_echoes(sockets):
    with WebSocket(sockets, "/echo") as socket:
        assert socket.status == 101
        assert [socket.say(text) for text in ("ahoy", "aye")] == ["ahoy", "aye"]


def test_an_app_that_has_none_is_not_asked_for_one(content):
    with WebSocket(content, "/healthz") as socket:
        assert socket.status == 200
