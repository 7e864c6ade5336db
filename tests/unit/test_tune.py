"""The tune module: what it asks, where it refuses, the slot that it borrows, and what is said of what it found."""

from __future__ import annotations

import json
import os
import time
import xml.etree.ElementTree as xml

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import trials as module
from ansible_collections.slipway.flask.plugins.module_utils.atomic import File
from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout
from ansible_collections.slipway.flask.plugins.module_utils.search import Candidate, Limits
from ansible_collections.slipway.flask.plugins.module_utils.trials import Trials, as_nobody, changed, settings_of
from ansible_collections.slipway.flask.plugins.modules import tune
from ansible_collections.slipway.flask.plugins.plugin_utils import tune_report

MIB = 1 << 20
CONFIG = 'wsgi_app = "hello:create_app()"\nworkers = max(2, 3)\nworker_class = "gthread"\nthreads = 4\n'
REQUEST = {"path": "/", "method": "GET", "weight": 1, "headers": {}, "body": "", "json": None}
PARAMS = {key: option.get("default") for key, option in tune.SEARCH.items()} | {"requests": [REQUEST]}
PARAMS |= {"health": {"host": "www.example.com"}, "sticky": None, "cutover": "slots", "confirm": False}


# What it is asked for


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"clients": 0}, "slipway_tune.clients: expected a number from 1 to 1000, found 0"),
        ({"seconds": 61}, "slipway_tune.seconds: expected a number from 1 to 60, found 61"),
        ({"p99": 0}, "slipway_tune.p99: expected a number from 1 to 600000, found 0"),
        ({"requests": []}, "slipway_tune.requests: expected at least one, found none; write requests: [{path: /}]"),
        ({"requests": [{**REQUEST, "path": "up"}]}, "slipway_tune.requests: expected a path that begins with /"),
        ({"requests": [{**REQUEST, "weight": 0}]}, "slipway_tune.requests: expected a weight from 1 to 100, found 0"),
        ({"requests": [{**REQUEST, "headers": {"A": "b\r\nC: d"}}]}, "slipway_tune.requests: expected headers without"),
    ],
)
def test_what_is_refused(keys, error):
    (found,) = tune.errors_of({**PARAMS, **keys})
    assert found.startswith(error)


def test_what_is_asked_for_passes():
    assert tune.errors_of(PARAMS) == []


def test_requests_come_in_turn_as_often_as_their_weights_say():
    asked = [{**REQUEST, "path": "/a", "weight": 3}, {**REQUEST, "path": "/b", "method": "POST", "json": {"c": 1}}]
    contents = tune.turns(asked, "www.example.com")
    assert [content.split()[1] for content in contents] == [b"/a", b"/a", b"/b", b"/a"] or len(contents) == 4
    (post,) = [content for content in contents if content.startswith(b"POST /b HTTP/1.1\r\nHost: www.example.com\r\n")]
    assert post.endswith(b'\r\n\r\n{"c": 1}') and b"Content-Type: application/json" in post


# What may be tried, and where


class Slot:
    """An app that serves, as Trials would find it."""

    def __init__(self, worker_class="gthread", has=(), unit=""):
        self.there, self.candidate, self.taken = has, Candidate(worker_class, 3, 4), 60 * MIB
        self.config_name = "gunicorn.conf.py"
        self.served = {"unit": File(unit, 0o644, "root", "root")}

    def current(self):
        return self.candidate

    def has(self, name):
        return name in self.there

    def memory_of_live(self):
        return self.taken


@pytest.mark.parametrize(
    ("live", "has", "asked", "classes"),
    [
        ("gthread", (), None, ("gthread", "sync")),
        ("gthread", ("gevent",), None, ("gthread", "sync", "gevent")),
        ("sync", ("gevent",), None, ("sync",)),
        ("gevent", ("gevent",), None, ("gevent",)),
        ("sync", (), ["gthread"], ("gthread",)),
    ],
)
def test_classes_that_may_be_tried(live, has, asked, classes):
    assert tune.space({**PARAMS, "classes": asked}, Slot(live, has)).classes == classes


def test_a_class_that_is_not_there():
    with pytest.raises(CutoverError, match="found gevent, which is not installed"):
        tune.space({**PARAMS, "classes": ["gevent"]}, Slot())


@pytest.mark.parametrize(
    ("sticky", "has", "alone"),
    [(None, ("python-engineio",), True), (False, ("python-engineio",), False), (True, (), True), (None, (), False)],
)
def test_an_app_that_may_have_one_worker_alone(sticky, has, alone):
    assert (tune.space({**PARAMS, "sticky": sticky}, Slot(has=has)).workers == (1,)) == alone


@pytest.fixture
def host(monkeypatch):
    """A host with 1000 MiB free whose processors are busy by a tenth."""
    state = {"MemTotal": 2000 * MIB, "MemAvailable": 1000 * MIB, "busy": 0.1}
    monkeypatch.setattr(tune, "meminfo", lambda: state)
    monkeypatch.setattr(tune, "busy_share", lambda: state["busy"])
    return state


@pytest.mark.parametrize(
    ("unit", "memory", "most"),
    [("", None, 500), ("[Service]\nMemoryMax=300M\n", None, 300), ("MemoryMax=10%\n", None, 200), ("", 700, 700)],
)
def test_memory_that_it_may_take(host, unit, memory, most):
    assert tune.limits({**PARAMS, "memory": memory}, Slot(unit=unit)) == Limits(most * MIB, None)


@pytest.mark.parametrize(
    ("keys", "state", "why"),
    [
        ({"cutover": "restart"}, {}, "cutover is restart"),
        ({}, {"MemAvailable": 100 * MIB}, "100 MiB of memory are free, and the app takes 60"),
        ({}, {"busy": 0.6}, "its processors are busy by 60 %, more than 50"),
    ],
)
def test_where_it_would_harm(host, keys, state, why):
    host.update(state)
    params = {**PARAMS, **keys}
    (found,) = tune.harms(params, Slot(), tune.limits(params, Slot()))
    assert found.startswith(why)


def test_where_it_does_not(host):
    assert tune.harms(PARAMS, Slot(), tune.limits(PARAMS, Slot())) == []


# The slot


@pytest.fixture
def served(tmp_path, monkeypatch):
    """An app that serves from slot blue; green has the settings of an older release."""
    layout = Layout("hello", str(tmp_path / "srv"))
    layout.etc, units = str(tmp_path / "etc" / "hello"), str(tmp_path / "units")
    for name, value in (("UNITS", units), ("write", _write), ("read", _read)):
        monkeypatch.setattr(f"ansible_collections.slipway.flask.plugins.module_utils.slots.{name}", value)
    monkeypatch.setattr(module, "write", _write)
    said = []
    for name in ("slots", "trials"):
        monkeypatch.setattr(
            f"ansible_collections.slipway.flask.plugins.module_utils.{name}.systemctl",
            lambda *words, **dummy: said.append(words),
        )
    os.makedirs(units)
    os.makedirs(layout.releases)
    for slot, release, text in (("blue", "new", CONFIG), ("green", "old", "workers = 1\n")):
        os.makedirs(os.path.join(layout.settings(slot), "files"))
        os.symlink(f"releases/{release}", layout.link(slot))
        for path, content in {
            os.path.join(units, layout.service(slot)): f"unit of {release}, %i\n",
            os.path.join(units, layout.socket(slot)): "socket, %i\n",
            os.path.join(layout.settings(slot), "gunicorn.conf.py"): text,
            os.path.join(layout.settings(slot), "env"): f'A="SLIPWAY"\nSLIPWAY_SLOT="{slot}"\n',
            os.path.join(layout.settings(slot), "files", f"{release}.toml"): release,
        }.items():
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
    monkeypatch.setattr(Trials, "live_slot", lambda self: "blue")
    monkeypatch.setattr(Trials, "stands", lambda self, slot: True)
    monkeypatch.setattr(Trials, "busy", lambda self, slot: False)
    monkeypatch.setattr(Trials, "units", lambda self: {layout.service("blue"): {"MainPID": "42"}})
    monkeypatch.setattr(Trials, "stop", lambda self, slot, grace: said.append(("stop", slot)))
    monkeypatch.setattr(Trials, "_override", lambda self, slot, text: said.append(("override", slot, text)))
    monkeypatch.setattr(module, "children", lambda: {42: {43, 44, 45}})
    found = Trials(layout, {"host": "localhost"}, 600)
    found.said = said
    return found


def _write(path, file):
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(file.text)


def _read(path):
    with open(path, encoding="utf-8") as handle:
        return File(handle.read(), 0o644, "root", "root")


def state(trials) -> dict:
    return {
        "links": {slot: os.readlink(trials.layout.link(slot)) for slot in ("blue", "green")},
        "files": {path: file.text for slot in ("blue", "green") for path, file in trials.found(slot).items()},
    }


def test_what_serves_now(served):
    assert served.current() == Candidate("gthread", 3, 4) and served.release == "new"


def test_the_slot_gets_what_serves_but_for_what_is_tried_and_is_as_it_was_afterwards(served):
    before = state(served)
    served.candidate = Candidate("sync", 2)
    with served.borrowed():
        within = state(served)
    assert state(served) == before and served.said[-2:] == [("stop", "green"), ("daemon-reload",)]
    tried = {os.path.relpath(path, served.layout.etc): text for path, text in within["files"].items()}
    assert within["links"] == {"blue": "releases/new", "green": "releases/new"}
    assert tried["green/gunicorn.conf.py"] == changed("gunicorn.conf.py", CONFIG, served.candidate)
    assert tried["green/env"] == 'A="SLIPWAY"\nSLIPWAY_SLOT="green"\n' and tried["green/files/new.toml"] == "new"
    assert "green/files/old.toml" not in tried and tried["blue/gunicorn.conf.py"] == CONFIG
    ((slot, text),) = [words[1:] for words in served.said if words[0] == "override"]
    assert slot == "green" and text == "Nice=19\nRestart=no\nRuntimeMaxSec=600\n"


def test_it_is_as_it_was_after_a_failure_and_where_there_was_nothing(served):
    os.unlink(served.layout.link("green"))
    for path in served.found("green"):
        os.unlink(path)
    with pytest.raises(KeyError), served.borrowed():
        raise KeyError
    assert not os.path.lexists(served.layout.link("green")) and served.found("green") == {}


def test_a_slot_that_is_not_idle_is_left_alone(served, monkeypatch):
    monkeypatch.setattr(Trials, "busy", lambda self, slot: True)
    with pytest.raises(CutoverError, match=r"slot green is not idle; run slipway\.flask\.deploy"), served.borrowed():
        pass
    assert served.said == []


UWSGI = "[uwsgi]\nworkers = @(exec://python %dsizing.py gthread 128)\nthreads = 4\nmax-requests = 10000\n"
GRANIAN = 'WORKERS = 3\nTHREADS = 4\nSETTINGS = {\n    "workers": WORKERS,\n    "log_access": True,\n}\n'


@pytest.mark.parametrize(
    ("config", "text"), [("gunicorn.conf.py", CONFIG), ("uwsgi.ini", UWSGI), ("granian.conf.py", GRANIAN)]
)
@pytest.mark.parametrize("candidate", [Candidate("gthread", 5, 16), Candidate("sync", 2)])
def test_settings_of_each_server(config, text, candidate):
    assert settings_of(config, text) == ("gthread", 4)
    tried = changed(config, text, candidate)
    assert settings_of(config, tried) == (candidate.worker_class, candidate.threads)
    assert changed(config, tried, candidate).count(f"orkers = {candidate.workers}") >= 1 or "WORKERS" in tried


def test_settings_at_the_end_win():
    settings = {}
    exec(changed("gunicorn.conf.py", CONFIG, Candidate("gevent", 2)), settings)
    assert (settings["worker_class"], settings["workers"], settings["max_requests"]) == ("gevent", 2, 0)
    exec(changed("granian.conf.py", GRANIAN, Candidate("sync", 2)), settings)
    assert (settings["THREADS"], settings["SETTINGS"]) == (1, {"workers": 2, "log_access": False})
    assert "\nworkers = 2\nthreads = 1\n" in changed("uwsgi.ini", UWSGI, Candidate("sync", 2))
    assert settings_of("uwsgi.ini", "gevent = 1000\n") == ("gevent", 1)


# The load's process


def test_another_process_does_the_work():
    assert as_nobody(lambda: {"pid": os.getpid()}, os.getegid(), 10)["pid"] != os.getpid()


def test_work_that_fails_or_does_not_end():
    with pytest.raises(CutoverError, match="without a result"):
        as_nobody(lambda: 1 / 0, os.getegid(), 10)
    begun = time.monotonic()
    with pytest.raises(CutoverError, match="did not end within 0 s"):
        as_nobody(lambda: time.sleep(20), os.getegid(), 0.2)
    assert time.monotonic() - begun < 5


def test_what_the_kernel_tells(tmp_path):
    found = module.meminfo()
    assert 0 < found["MemAvailable"] <= found["MemTotal"] and 0 <= module.busy_share(0.1) <= 1


# The search, of an app


def test_a_search_and_one_that_does_not_come_up(monkeypatch):
    monkeypatch.setattr(tune.syslog, "openlog", lambda *words: None)
    said = []
    monkeypatch.setattr(tune.syslog, "syslog", said.append)
    slot = Slot()
    slot.layout = Layout("hello")

    def measured(candidate, contents, **load):
        if candidate.worker_class == "sync":
            raise CutoverError("its server did not start")
        rate = min(320.0, 10.0 * candidate.workers * candidate.threads)
        return {"requests": 9, "errors": 0, "rate": rate, "p50": 1, "p95": 2, "p99": 3.0, "memory": MIB, "boot": 1.0}

    slot.measured = measured
    params = {**PARAMS, "max_workers": 8}
    answer = tune.Tuning(params, slot).run(tune.space(params, slot), Limits(1 << 30))
    assert answer["recommendation"]["worker_class"] == "gthread" and answer["best"]["rate"] == 320.0
    assert answer["gain"] == 2.67 and not answer["ended_early"]
    assert answer["measured"][-1]["share"] == 1.0
    (failed, *_) = [one for one in answer["measured"] if one["worker_class"] == "sync"]
    assert (failed["why"], failed["broken"]) == ("its server did not start", "1 of 1 requests failed")
    assert said[0] == "hello: tune: trying gthread, 3 workers, 4 threads"


# What is said of it


def one(workers, threads, rate, broken="", **keys):
    found = {
        "worker_class": "gthread",
        "workers": workers,
        "threads": threads,
        "rate": rate,
        "p50": 2.0,
        "p95": 3.0,
        "p99": 9.0,
    }
    return {
        **found,
        "requests": 100,
        "errors": 0,
        "memory": 80 * MIB,
        "boot": 1.0,
        "share": 0.5,
        "broken": broken,
        **keys,
    }


FOUND = {
    "recommendation": {"worker_class": "gthread", "workers": 3, "threads": 16},
    "current": {"worker_class": "gthread", "workers": 3, "threads": 4},
    "best": one(3, 16, 310.0),
    "gain": 2.6,
    "measured": [
        one(3, 4, 119.0),
        one(3, 16, 290.0),
        one(3, 32, 300.0, "p99 of 400 ms, more than 300"),
        one(3, 16, 310.0),
    ],
    "limits": {"memory": 512 * MIB, "p99": 300},
    "grid": 40,
    "seconds": 61.2,
    "ended_early": False,
    "release": "3f9c",
}


def test_a_summary():
    assert tune_report.summary(FOUND, "www1", "hello", ["a.yml"]).splitlines() == [
        "www1, hello: 4 measurements in 61 s, of 40 settings",
        "now   gthread, 3 workers, 4 threads: 119 requests/s, p99 9 ms, 80 MiB",
        "best  gthread, 3 workers, 16 threads: 310 requests/s, p99 9 ms, 80 MiB, 2.60 times the rate",
        "written: a.yml",
    ]


def test_nothing_better_and_nothing_good():
    same = {**FOUND, "recommendation": FOUND["current"]}
    assert tune_report.summary(same, "www1", "hello", []).splitlines()[-1] == "best  those that serve"
    none = {**FOUND, "recommendation": {}, "best": one(3, 4, 119.0, "p99 of 400 ms, more than 300")}
    told = "No settings keep the limits; nearest came gthread, 3 workers, 4 threads: 119 requests/s, p99 9 ms, 80 MiB"
    assert told in tune_report.summary(none, "www1", "hello", [])
    assert tune_report.as_yaml(none, "www1", "hello").startswith("# No settings of hello on www1 keep the limits")


def test_variables_to_paste():
    assert tune_report.as_yaml(FOUND, "www1", "hello").splitlines()[-3:] == [
        "worker_class: gthread",
        "workers: 3",
        "threads: 16",
    ]


def test_the_page_shows_each_setting_once_the_best_first():
    page = tune_report.page(FOUND, "www<1>", "hello")
    svg = page[page.index("<svg") : page.index("</svg>") + 6]
    texts = [text.text for text in xml.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    names = ["gthread, 3 workers, 16 threads", "gthread, 3 workers, 4 threads", "gthread, 3 workers, 32 threads"]
    assert texts[::2] == names and texts[1] == "310/s, p99 9 ms"
    assert "www&lt;1&gt;" in page and "<script" not in page and json.dumps("http") not in page
