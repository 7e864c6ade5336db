"""A load on a unix socket, and what is made of its answers."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
import time

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import measure as module
from ansible_collections.slipway.flask.plugins.module_utils.measure import Sample, measure, percentile, request, writing
from ansible_collections.slipway.flask.plugins.module_utils.proc import family, memory

GOOD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwell"


@pytest.fixture
def serve(tmp_path):
    """A server of so many threads that gives its answers in turn, each after some seconds; its path and what it was asked."""
    servers = []

    def serve(*answers, threads=1, seconds=0.0):
        path, asked = str(tmp_path / "s"), []
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(64)
        turns = itertools.cycle(answers)

        def work():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    asked.append(connection.recv(65536))
                    time.sleep(seconds)
                    connection.sendall(next(turns))

        started = [threading.Thread(target=work) for _ in range(threads)]
        for thread in started:
            thread.start()
        servers.append((listener, started))
        return path, asked

    yield serve
    for listener, started in servers:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in started:
            thread.join()


def test_so_many_requests_in_turn(serve):
    path, asked = serve(GOOD)
    found = measure(path, [request("/a", "www.example.com"), request("/b")], most=5)
    assert (found["requests"], found["errors"]) == (5, 0) and found["p99"] >= found["p50"] > 0 and found["rate"] > 5
    assert [one.split()[1] for one in asked] == [b"/a", b"/b", b"/a", b"/b", b"/a"]
    assert b"\r\nHost: www.example.com\r\n" in asked[0] and b"\r\nConnection: close\r\n" in asked[0]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTTP/1.1 500 Oh\r\n\r\n", b"", b"nonsense"])
def test_what_is_an_error(serve, answer):
    path, _ = serve(GOOD, answer)
    assert (measure(path, [request("/")], most=6)["errors"]) == 3


def test_no_server_is_an_error_and_no_endless_loop(tmp_path):
    found = measure(str(tmp_path / "none"), [request("/")], most=3)
    assert (found["requests"], found["errors"], found["p50"], found["rate"]) == (3, 3, None, 0.0)


def test_time_is_bounded(serve):
    path, _ = serve(GOOD, seconds=0.4)
    begun = time.monotonic()
    found = measure(path, [request("/")], clients=3, seconds=0.2, patience=0.1)
    assert time.monotonic() - begun < 1 and found["errors"] > 0


def test_an_alarm_ends_it(serve):
    path, _ = serve(GOOD, seconds=0.01)
    begun = time.monotonic()
    measure(path, [request("/")], seconds=20, alarm=lambda: True)
    assert time.monotonic() - begun < 2


def test_clients_wait_for_their_answers_and_are_as_many_as_asked_for(serve):
    """Ten clients of a server with four threads that each take 50 ms: 80 answers a second, each after 125 ms."""
    path, _ = serve(GOOD, threads=4, seconds=0.05)
    found = measure(path, [request("/")], clients=10, seconds=1.0, warm=0.3)
    assert 60 < found["rate"] < 85 and 100 < found["p50"] < 200 and found["errors"] == 0


def test_slow_answers_get_more_time(serve):
    path, _ = serve(GOOD, seconds=0.2)
    assert measure(path, [request("/")], seconds=0.3, least=4)["requests"] >= 4
    begun = time.monotonic()
    measure(path, [request("/")], seconds=0.3, least=100)
    assert 0.8 < time.monotonic() - begun < 2


def test_a_body():
    assert request("/", method="POST", headers={"Content-Type": "text/plain"}, body="ä").endswith(
        b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n\xc3\xa4"
    )


@pytest.mark.parametrize(
    ("seconds", "percent", "value"),
    [([], 50, None), ([0.003], 99, 3.0), ([0.004, 0.001, 0.003, 0.002], 50, 2.0), ([0.001] * 99 + [1], 99, 1.0)],
)
def test_percentile(seconds, percent, value):
    assert percentile(seconds, percent) == value


def test_a_sample(serve, monkeypatch):
    path, asked = serve(GOOD)
    monkeypatch.setattr(module, "memory", lambda pids: 7 * len(pids))
    found = Sample(4, ["/a", "/b"], "localhost").take(path, os.getpid())
    assert {name: found[name] for name in ("requests", "errors")} == {"requests": 4, "errors": 0}
    assert found["memory"] >= 7 and len(asked) == 4 and found["p50"] <= found["p99"]


def test_memory_of_processes():
    assert memory(family(os.getpid())) > 1 << 20
    assert memory({0}) == 0 and family(0) == set()


def test_methods_that_write_are_told():
    assert writing({"method": method} for method in ("GET", "POST", "HEAD", "DELETE", "POST")) == ["DELETE", "POST"]
    assert writing([{"method": "HEAD"}]) == []
