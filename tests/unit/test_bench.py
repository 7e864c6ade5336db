"""What is measured beside wrk's figures."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import bench
from ansible_collections.slipway.flask.plugins.module_utils.errors import BenchError
from ansible_collections.slipway.flask.plugins.modules.bench import wrote

USUAL = '{address} - - [22/Nov/2026:05:00:{second:02d} +0000] "GET / HTTP/1.1" 200 5 "-" "-" host={host} time=0.1 upstream=0.1 id=1\n'
JSON = '{{"time": "2026-11-22T06:00:{second:02d}+01:00", "client": "{address}", "host": "{host}", "status": 200}}\n'
NOW = 1795323660.0  # 05:01:00


def request(**keys):
    return {"path": "/", "method": "GET", "weight": 1, "headers": {}, "body": "", "status": None, **keys}


@contextlib.contextmanager
def server(answer: bytes):
    """Gives every connection this answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection = listener.accept()[0]
                    with connection:
                        connection.recv(4096)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield bench.Target("127.0.0.1", listener.getsockname()[1], "hello.example.com")
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize("form", [USUAL, JSON])
@pytest.mark.parametrize(
    ("address", "host", "second", "count"),
    [
        ("192.0.2.7", "hello.example.com", 30, 1),
        ("192.0.2.7", "hello.example.com", 0, 0),
        ("127.0.0.1", "hello.example.com", 30, 0),
        ("::1", "hello.example.com", 30, 0),
        ("192.0.2.7", "other.example.com", 30, 0),
        ("192.0.2.7", "xhello.example.com", 30, 0),
    ],
)
def test_visitors_are_who_came_lately_from_elsewhere(tmp_path, form, address, host, second, count):
    log = tmp_path / "access.log"
    log.write_text(form.format(address=address, host=host, second=second))
    assert bench.visitors(["hello.example.com"], 50, str(log), NOW) == count


def test_a_log_that_is_not_there_tells_nothing(tmp_path):
    assert bench.visitors(["hello.example.com"], 50, str(tmp_path / "none")) is None


def test_every_request_must_answer_before_a_load():
    with server(b"HTTP/1.1 404 Not Found\r\n\r\n") as target:
        with pytest.raises(BenchError, match="GET / answered 404, expected a status below 400"):
            bench.check(target, [request()], 5)
        assert len(bench.check(target, [request(status=404)], 5)) == 1


def test_a_connection_that_is_closed_without_an_answer_is_no_answer():
    with server(b"") as target, pytest.raises(BenchError, match="GET / got no answer"):
        bench.check(target, [request()], 5)


def test_first_bytes_are_timed():
    with server(b"HTTP/1.1 200 OK\r\n\r\nhello") as target:
        told = bench.FirstByte(target, request(), 5).quiet(5, 5)
    assert told["count"] == 5 and told["failed"] == 0
    assert 0 < told["p50"] <= told["p95"] <= told["max"] < 5000


def test_a_group_is_a_process_and_all_that_descend_from_it():
    assert bench.family(10, {10: {11, 12}, 11: {13}, 20: {21}}) == [10, 11, 13, 12]
    assert bench.family(0, {0: {1}}) == []


def test_what_a_process_takes_is_seen():
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            with bench.Usage({"app": [busy.pid], "me": [os.getpid()]}, every=0.1) as usage:
                time.sleep(1)
            used = usage.summary()
        finally:
            busy.kill()
    assert used["app"]["cpus"] > 0 and used["app"]["memory_mib"] > 1 and used["app"]["processes"] == 1
    assert used["me"]["processes"] >= 2
    assert 0 < used["host"]["busy"] <= 1


@pytest.mark.parametrize(
    ("port", "tls", "url"),
    [(80, False, "http://a.example/"), (443, True, "https://a.example/"), (8080, False, "http://a.example:8080/")],
)
def test_an_address_names_the_port_where_it_is_not_the_usual_one(port, tls, url):
    assert bench.Target("127.0.0.1", port, "a.example", tls).url == url


@pytest.mark.parametrize(
    ("measure", "writes", "method", "expected"),
    [
        ("serving", False, "POST", True),
        ("outside", False, "DELETE", True),
        ("serving", False, "HEAD", False),
        ("server", False, "POST", False),
        ("server", True, "POST", True),
        ("server", True, "GET", False),
        ("static", True, "POST", False),
    ],
)
def test_a_load_that_wrote_is_a_change(measure, writes, method, expected):
    asked = {"measure": measure, "writes": writes, "requests": [request(), request(method=method)]}
    assert wrote(asked) is expected
