"""The apps' exporter: what it makes of the log, of processes and of sockets."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import exporter
from ansible_collections.slipway.flask.plugins.module_utils.exporter import Histogram, Requests, Server, Tail

TEXT = (
    '192.0.2.7 - - [22/Nov/2026:05:08:20 +0000] "GET /x HTTP/1.1" {status} 12 "-" "{agent}" '
    "host=hello.example.com time=1.203 upstream={upstream} id=7827a18e app={app} release=6626421a1d4a at=1795324100.642\n"
)
JSON = (
    '{{"time":"2026-11-22T05:08:20+00:00","msec":1795324100.642,"app":"{app}","release":"66","status":{status},"bytes":12,'
    '"request_time":1.203,"upstream_time":"{upstream}","id":"7827a18e","method":"GET","path":"/x","agent":"{agent}"}}\n'
)
APP = {
    "name": "My Shop!",
    "slug": "my-shop",
    "unit": "flask-my-shop",
    "home": "/srv/my-shop",
    "run": "/run/flask-my-shop",
}


@pytest.fixture(params=[TEXT, JSON], ids=["text", "json"])
def line(request):
    """A line of either format."""

    def line(status=200, app="my-shop", upstream="1.202", agent="curl") -> bytes:
        nothing = {"": "-"} if request.param == TEXT else {}
        words = {"app": nothing.get(app, app), "upstream": nothing.get(upstream, upstream)}
        return request.param.format(status=status, agent=agent, **words).encode()

    return line


@pytest.fixture
def requests():
    return Requests({"my-shop": "My Shop!"})


def test_lines_add_up(line, requests):
    requests.add(line() + line(503) + line(404, upstream="0.1, 0.2") + line(200, upstream="") + line(444, app=""))
    assert requests.lines == {"read": 5, "unknown": 0}
    assert {key: count for key, count in requests.statuses.items() if count} == {
        ("My Shop!", "2xx"): 2,
        ("My Shop!", "4xx"): 1,
        ("My Shop!", "5xx"): 1,
        ("", "4xx"): 1,
    }
    assert requests.bytes == {"My Shop!": 48, "": 12}
    assert sum(requests.seconds["My Shop!"].counts) == 4
    # Static files never came to the app.
    assert sum(requests.upstream["My Shop!"].counts) == 3
    assert requests.upstream["My Shop!"].sum == pytest.approx(1.202 * 2 + 0.3)


def test_what_is_not_understood_is_counted_too(line, requests):
    requests.add(b"whatever\n" + line() + b'{"other": "format"}\n')
    assert requests.lines == {"read": 1, "unknown": 2}


@pytest.mark.parametrize(
    "agent",
    [
        "\\x22 200 12 \\x22-\\x22 \\x22x\\x22 host=a time=9 upstream=9 id=9 app=shop release=",
        r"\" 200 12 \"-\" \"x\" host=a time=9 upstream=9 id=9 app=shop release=",
        r"{\"time\":\"x\",\"msec\":1,\"app\":\"shop\",\"release\":\"6\",\"status\":500,\"bytes\":1",
    ],
)
def test_a_client_s_words_pass_for_no_line(line, requests, agent):
    requests.add(line(agent=agent.replace('\\"', "\\x22") if line().startswith(b"192") else agent))
    assert requests.lines == {"read": 1, "unknown": 0}
    assert set(requests.seconds) == {"My Shop!"}


def test_a_histogram():
    histogram = Histogram()
    for value in (0.0, 0.005, 0.0051, 1.0, 99.0):
        histogram.add(value)
    lines = exporter.histograms("x", "told", {"hello": histogram}).splitlines()
    assert 'x_bucket{app="hello",le="0.005"} 2' in lines
    assert 'x_bucket{app="hello",le="1.0"} 4' in lines
    assert 'x_bucket{app="hello",le="+Inf"} 5' in lines
    assert lines[-2:] == ['x_sum{app="hello"} 100.010100', 'x_count{app="hello"} 5']


def test_labels_are_escaped():
    assert exporter.labelled({"app": 'a"b\\c\nd'}) == r'{app="a\"b\\c\nd"}'


@pytest.fixture
def tail_of():
    """Follows a log until the test is over."""
    with contextlib.ExitStack() as stack:
        yield lambda path: stack.enter_context(contextlib.closing(Tail(str(path))))


def read(tail: Tail) -> list[str]:
    return b"".join(tail.read()).decode().splitlines()


def test_what_is_added_is_read_once_and_whole(tmp_path, tail_of):
    log = tmp_path / "access.log"
    log.write_text("before\n")
    tail = tail_of(log)
    with log.open("a") as stream:
        stream.write("one\ntw")
        stream.flush()
        assert read(tail) == ["one"]
        stream.write("o\n")
        stream.flush()
        assert read(tail) == ["two"]
        assert read(tail) == []


def test_what_is_written_to_a_file_that_was_rotated_away_is_read_too(tmp_path, monkeypatch, tail_of):
    log = tmp_path / "access.log"
    log.touch()
    tail = tail_of(log)
    with log.open("a") as old:
        log.rename(tmp_path / "access.log.1")
        log.write_text("new\n")
        old.write("old\n")
        old.flush()
        assert read(tail) == ["old", "new"]
        old.write("late\n")
        old.flush()
        assert read(tail) == ["late"]
    monkeypatch.setattr(exporter, "LINGER", -1)
    assert read(tail) == []
    assert len(tail.files) == 1
    with log.open("a") as stream:
        stream.write("newer\n")
    assert read(tail) == ["newer"]


def test_a_log_that_is_emptied_or_comes_later(tmp_path, tail_of):
    log = tmp_path / "access.log"
    tail = tail_of(log)
    assert read(tail) == []
    log.write_text("first\n")
    assert read(tail) == ["first"]
    log.write_text("")
    assert read(tail) == []
    log.write_text("new\n")
    assert read(tail) == ["new"]


def test_connections_by_what_became_of_them(tmp_path):
    rows = [
        "Num       RefCount Protocol Flags    Type St Inode Path",
        "0000: 00000002 00000000 00010000 0001 01 111 /run/flask-my-shop/blue.sock",
        "0000: 00000003 00000000 00000000 0001 03 112 /run/flask-my-shop/blue.sock",
        "0000: 00000003 00000000 00000000 0001 02   0 /run/flask-my-shop/blue.sock",
        "0000: 00000003 00000000 00000000 0001 02   0 /run/flask-my-shop/blue.sock",
        "0000: 00000003 00000000 00000000 0001 03 113",
    ]
    table = tmp_path / "unix"
    table.write_text("\n".join(rows) + "\n")
    path = "/run/flask-my-shop/blue.sock"
    assert exporter.connections(str(table)) == {(path, "waiting"): 2, (path, "accepted"): 1}


def test_the_kernel_s_table_is_as_is_thought(tmp_path):
    path = str(tmp_path / "s")
    with (
        socket.socket(socket.AF_UNIX) as listener,
        socket.socket(socket.AF_UNIX) as one,
        socket.socket(socket.AF_UNIX) as two,
    ):
        listener.bind(path)
        listener.listen()
        one.connect(path)
        two.connect(path)
        accepted, _ = listener.accept()
        with accepted:
            found = exporter.connections()
            assert (found[path, "waiting"], found[path, "accepted"]) == (1, 1)


@pytest.fixture
def master():
    """A process with two children, which it replaces as they go."""
    script = """
import subprocess, time
kids = []
while True:
    kids = [kid for kid in kids if kid.poll() is None]
    kids += [subprocess.Popen(["sleep", "60"]) for _ in range(2 - len(kids))]
    time.sleep(0.02)
"""
    with subprocess.Popen(["python3", "-c", script], start_new_session=True) as process:
        deadline = time.monotonic() + 10
        while len(exporter.children(process.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        yield process
        os.killpg(process.pid, signal.SIGKILL)


def state(main: int, active: str = "active", **more) -> dict[str, str]:
    return {"MainPID": str(main), "ActiveState": active, **more}


def test_workers_that_go_while_their_server_stays_are_counted(master):
    server = Server(APP, "blue")
    server.take(state(master.pid))
    assert (server.unit, len(server.workers), server.exits) == ("flask-my-shop@blue.service", 2, 0)
    os.kill(min(server.workers), signal.SIGKILL)
    time.sleep(0.3)
    server.look()
    server.take(state(master.pid))
    assert (server.exits, len(server.workers)) == (1, 2)
    assert server.memory() > 1 << 20


@pytest.mark.parametrize("now", [state(0, "inactive"), state(1), "deactivating"])
def test_workers_that_go_with_their_server_are_not(master, now):
    server = Server(APP, "blue")
    server.take(state(master.pid))
    os.kill(min(server.workers), signal.SIGKILL)
    time.sleep(0.3)
    server.look()
    server.take(state(master.pid, now) if isinstance(now, str) else now)
    assert server.exits == 0


def test_what_systemd_says_of_memory_and_time():
    server = Server(APP, "green")
    server.take(
        state(
            0,
            MemoryCurrent="1048576",
            InactiveExitTimestampMonotonic="1000000",
            ActiveEnterTimestampMonotonic="1250000",
        )
    )
    assert (server.memory(), server.boot_seconds()) == (1 << 20, 0.25)
    server.take(state(0, MemoryCurrent="[not set]"))
    assert server.memory() == 0
    server.take(state(0, MemoryCurrent=str((1 << 64) - 1)))
    assert server.memory() == 0


@pytest.mark.parametrize(("days", "end"), [(10, "short"), (20_000, "long")])
def test_when_a_certificate_ends(tmp_path, days, end):
    words = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-subj",
        "/CN=a",
        "-days",
        str(days),
        "-outform",
        "DER",
    ]
    certificate = subprocess.run(["openssl", *words], capture_output=True, check=True, timeout=60).stdout
    assert exporter.ends(certificate) == pytest.approx(time.time() + days * 86400, abs=3600)


def test_all_that_is_told(tmp_path, monkeypatch):
    home = tmp_path / "my-shop"
    home.mkdir()
    (home / "green").symlink_to("releases/3f9c0a6be21d")
    (home / "active.sock").symlink_to("/run/flask-my-shop/green.sock")
    log = tmp_path / "access.log"
    log.touch()
    app = {**APP, "home": str(home)}
    units = {
        "flask-my-shop@green.service": state(os.getpid(), NRestarts="2"),
        "flask-my-shop@blue.service": state(0, "inactive", NRestarts="0"),
    }
    monkeypatch.setattr(exporter, "states", lambda names: {name: units[name] for name in names})
    host = exporter.Host({"log": str(log), "apps": [app], "certificates": []})
    log.write_text(TEXT.format(status=200, agent="x", upstream="0.2", app="my-shop"))
    text = host.text()
    host.tail.close()
    assert 'slipway_requests_total{app="My Shop!",status="2xx"} 1\n' in text
    assert 'slipway_live_info{app="My Shop!",slot="green",release="3f9c0a6be21d"} 1\n' in text
    assert 'slipway_server_restarts_total{app="My Shop!",slot="green"} 2\n' in text
    assert 'slipway_workers{app="My Shop!",slot="blue"}' not in text
    # Every sample belongs to a family that was announced before.
    announced = ""
    for sample in text.splitlines():
        if sample.startswith("# TYPE "):
            announced = sample.split()[2]
        elif not sample.startswith("#"):
            assert sample.startswith(announced) and float(sample.rpartition(" ")[2]) >= 0
