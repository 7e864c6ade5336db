"""What is asked of a server before it serves and just after, and what is seen of its processes meanwhile."""

from __future__ import annotations

import http.server
import socket
import socketserver
import threading
import time
import types

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import health
from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.health import Probe

# The probe


class Server(socketserver.UnixStreamServer):
    """Gives the listed answers, each a status and a text, the last of them for ever. A status of 0 hangs up."""

    def __init__(self, path, answers):
        self.answers, self.asked = list(answers), []
        super().__init__(path, Handler)

    def handle_error(self, request, client_address):
        """A client that went away is none of the server's matter."""

    def next(self):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        status, text = self.server.next()
        if status:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve(tmp_path):
    """Start a server with answers; its socket is where it is started."""
    started = []

    def serve(*answers):
        server = Server(str(tmp_path / "s"), answers)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        started.append((server, thread))
        return server

    yield serve
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("asked", "answer", "fault"),
    [
        ({}, (200, ""), ""),
        ({}, (404, ""), ""),
        ({}, (301, ""), ""),
        ({}, (500, ""), "GET / answered 500, expected a status below 500"),
        ({"path": None}, (404, ""), ""),
        ({"path": "/up"}, (200, ""), ""),
        ({"path": "/up"}, (404, ""), "GET /up answered 404, expected 200"),
        ({"path": "/up", "status": 204}, (204, ""), ""),
        ({"status": 503}, (503, ""), ""),
        ({"text": "Grüße"}, (200, "Viele Grüße!"), ""),
        ({"text": "Grüße"}, (200, "nichts"), "GET / answered 200 without the text 'Grüße'"),
    ],
    ids=str,
)
def test_one_answer(serve, asked, answer, fault):
    assert Probe(**asked).once(serve(answer).server_address) == fault


def test_the_app_is_asked_as_nginx_would(serve):
    server = serve((200, ""))
    Probe(path="/up?a=1", host="www.example.com").once(server.server_address)
    ((path, headers),) = server.asked
    assert path == "/up?a=1" and headers["Host"] == "www.example.com" and headers["X-Forwarded-Proto"] == "https"


def test_no_answer(serve, tmp_path):
    assert Probe().once(serve((0, "")).server_address).startswith("GET / got no answer (RemoteDisconnected: ")
    assert Probe().once(str(tmp_path / "none")).startswith("GET / got no answer (FileNotFoundError: ")


def test_an_answer_that_does_not_come(tmp_path):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        assert Probe().once(str(tmp_path / "s"), patience=0.05) == "GET / got no answer"


class Alive:
    """A server of which, at each look, as many workers had died in all as ``deaths`` says."""

    def __init__(self, workers=1, deaths=(0,)):
        self.workers, self._deaths, self.losses = set(range(workers)), list(deaths), 0

    def problem(self):
        self.losses = self._deaths.pop(0) if len(self._deaths) > 1 else self._deaths[0]
        return "its workers keep dying" if self.losses > 2 else ""


def soon():
    return time.monotonic() + 60


@pytest.mark.parametrize(
    ("answers", "questions"),
    [
        ([(200, "")], 3),
        ([(500, ""), (0, ""), (200, "")], 5),
        ([(200, ""), (200, ""), (500, ""), (200, "")], 6),
    ],
    ids=["at once", "after a while", "not in a row at first"],
)
def test_a_slot_is_healthy_after_enough_good_answers_in_a_row(serve, hurry, answers, questions):
    server = serve(*answers)
    Probe(successes=3).wait(server.server_address, Alive(), soon())
    assert len(server.asked) == questions


def test_enough_is_enough_for_each_worker(serve, hurry):
    server = serve((200, ""))
    Probe(successes=3).wait(server.server_address, Alive(workers=4), soon())
    assert len(server.asked) == 12


@pytest.mark.parametrize("workers", [1, 3])
def test_each_path_is_asked_of_each_worker(serve, hurry, workers):
    server = serve((200, ""))
    Probe(path="/up", paths=["/a", "/b"], successes=2).wait(server.server_address, Alive(workers), soon())
    assert [path for path, dummy in server.asked] == ["/up", "/a", "/b"] * 2 * workers


def test_whether_it_has_answered_is_told_again_and_again(serve, hurry):
    told = []
    Probe().wait(serve((500, ""), (200, "")).server_address, Alive(), soon(), told.append)
    assert told == [False, True, True, True]


def test_one_bad_path_is_enough_to_refuse(serve, hurry):
    server = serve(*[(200, ""), (404, "")] * 500)
    with pytest.raises(CutoverError, match="not healthy within 60 s; last: "):
        Probe(path="/up", paths=["/a"]).wait(server.server_address, Alive(), time.monotonic() + 0.2)


def test_the_text_is_that_of_the_first_path(serve):
    probe = Probe(path="/up", paths=["/a"], text="yes")
    address = serve((200, "no")).server_address
    assert "without the text" in probe.once(address) and probe.once(address, "/a") == ""


def test_a_slot_that_is_not_healthy_in_time_is_refused(serve, hurry):
    server = serve((500, ""))
    with pytest.raises(CutoverError, match="not healthy within 60 s; last: GET / answered 500"):
        Probe(timeout=60).wait(server.server_address, Alive(), time.monotonic() + 0.1)


def test_a_slot_that_keeps_dying_is_refused_at_once(tmp_path, hurry):
    with pytest.raises(CutoverError, match="its workers keep dying; last: GET / got no answer"):
        Probe(timeout=60).wait(str(tmp_path / "none"), Alive(deaths=[1, 2, 3]), soon())


def test_a_slot_that_answers_while_its_workers_die_is_refused(serve, hurry):
    with pytest.raises(CutoverError, match="its workers keep dying; last: too few good answers in a row"):
        Probe(timeout=60).wait(serve((200, "")).server_address, Alive(deaths=[0, 1, 1, 2, 2, 3]), soon())


def test_a_worker_that_dies_alone_makes_the_good_answers_count_anew(serve, hurry):
    server = serve((200, ""))
    Probe(successes=3).wait(server.server_address, Alive(deaths=[0, 0, 1, 1]), soon())
    assert len(server.asked) == 6


def test_a_server_that_dies_in_silence_is_seen_while_it_is_waited_for(tmp_path):
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        with pytest.raises(CutoverError, match="its workers keep dying; last: GET / got no answer"):
            Probe().wait(str(tmp_path / "s"), Alive(deaths=[1, 2, 3]), soon())
    assert time.monotonic() - began < 5


# After the flip


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        ([(200, "")], ""),
        ([(500, ""), (200, "")], ""),
        ([(200, ""), (500, ""), (500, ""), (200, "")], ""),
        ([(200, ""), (500, "")], "it no longer answers as it should; last: GET / answered 500"),
    ],
    ids=["good", "a hiccup", "two", "bad"],
)
def test_what_the_watch_makes_of_answers(serve, answers, fault):
    probe = Probe(watch=0.2)
    if not fault:
        return probe.watch_over(serve(*answers).server_address, Alive())
    with pytest.raises(CutoverError, match=fault):
        probe.watch_over(serve(*answers).server_address, Alive())


def test_workers_that_die_while_watched(serve, hurry):
    with pytest.raises(CutoverError, match="its workers keep dying; last: good"):
        Probe(watch=5).watch_over(serve((200, "")).server_address, Alive(deaths=[1, 2, 3]))


def test_no_watch_asks_nothing(tmp_path):
    Probe(watch=0).watch_over(str(tmp_path / "none"), Alive())


@pytest.mark.parametrize(("watch", "refused"), [(0.2, False), (9, True)])
def test_silence_counts_when_it_is_long(tmp_path, monkeypatch, watch, refused):
    """At the end of a short watch, all workers may be busy with users' requests."""
    monkeypatch.setattr(health, "_SILENCE_SECONDS", 1.2)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        if not refused:
            return Probe(watch=watch).watch_over(str(tmp_path / "s"), Alive())
        with pytest.raises(CutoverError, match="no longer answers as it should; last: GET / got no answer"):
            Probe(watch=watch).watch_over(str(tmp_path / "s"), Alive())


# The processes of a server


@pytest.fixture
def server(monkeypatch):
    """A server's state and its workers, to be changed between looks."""
    server = types.SimpleNamespace(state={"MainPID": "10", "NRestarts": "0"}, workers={11, 12})
    monkeypatch.setattr(health, "children", lambda: {int(server.state["MainPID"]): set(server.workers)})
    server.vitals = health.Vitals(lambda: server.state)
    server.vitals.problem()
    return server


def test_a_server_at_peace(server):
    assert server.vitals.problem() == "" and server.vitals.losses == 0 and server.vitals.workers == {11, 12}


def test_workers_that_are_replaced_for_ever(server):
    for workers, problem in (({12, 13}, ""), ({13, 14, 15}, ""), ({14, 15, 16}, "its workers keep dying")):
        server.workers = workers
        assert server.vitals.problem() == problem
    assert server.vitals.losses == 3


def test_systemd_is_asked_twice_a_second_while_the_main_process_lives(monkeypatch):
    asked, there = [], {1: {10}, 10: {11}}
    monkeypatch.setattr(health, "children", lambda: there)
    vitals = health.Vitals(lambda: asked.append(1) or {"MainPID": "10", "NRestarts": "0"})
    for dummy in range(20):
        vitals.problem()
    assert len(asked) == 1
    del there[1]
    vitals.problem()
    assert len(asked) == 2, "its main process is gone"
    there[1], vitals._asked = {10}, time.monotonic() - health._STATE_SECONDS
    vitals.problem()
    assert len(asked) == 3


def test_workers_that_are_added_are_no_deaths(server):
    server.workers = {11, 12, 13}
    assert server.vitals.problem() == "" and server.vitals.losses == 0


def test_a_master_that_is_restarted_takes_its_workers_along(server):
    server.state, server.workers = {"MainPID": "20", "NRestarts": "1"}, {21, 22}
    assert server.vitals.problem() == "" and server.vitals.losses == 1 and server.vitals.deaths == 0
    server.state = {"MainPID": "0", "NRestarts": "3"}
    assert server.vitals.problem() == "its server keeps dying"
