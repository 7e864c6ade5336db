"""What the status module makes of what stands on a host."""

from __future__ import annotations

import json
import os
import socket

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.history import History
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout
from ansible_collections.slipway.flask.plugins.module_utils.lock import locked
from ansible_collections.slipway.flask.plugins.modules import status

GOOD = {"ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "1", "MainPID": "42"}
IDLE = {"ActiveState": "inactive", "UnitFileState": "disabled", "NRestarts": "0", "MainPID": "0"}


class Host:
    """An app that serves release new from slot green, and had release old before."""

    def __init__(self, root) -> None:
        self.layout = layout = Layout("hello", str(root))
        layout.run = str(root / "run")
        self.states = {layout.service("green"): GOOD, layout.socket("green"): GOOD}
        self.states |= {layout.service("blue"): IDLE, layout.socket("blue"): IDLE}
        os.mkdir(layout.run)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(layout.socket_path("green"))
        for number, name in enumerate(["old", "new"]):
            os.makedirs(layout.release(name))
            record = {"id": name, "created": f"2026-11-21T0{number}:00:00Z", "source": f"v{number}", "python": "3"}
            with open(os.path.join(layout.release(name), "release.json"), "w", encoding="utf-8") as file:
                json.dump(record, file)
        os.mkdir(layout.release("cut_short"))
        os.symlink("releases/old", layout.link("blue"))
        os.symlink("releases/new", layout.link("green"))
        os.symlink("releases/new", layout.current)
        os.symlink(layout.socket_path("green"), layout.active)
        self.history = History(layout.history)
        self.deployed("old", "blue", "")
        self.deployed("new", "green", "old")

    def deployed(self, release, slot, previous, outcome="live", why=""):
        self.history.add(release=release, slot=slot, outcome=outcome, previous=previous, reversible=True, why=why)

    def found(self) -> dict:
        return status.Found(self.layout, self.states, {42: {43, 44, 45}, 0: {1, 2}}).describe()


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_an_app_that_serves(host):
    found = host.found()
    since = found["live"].pop("since")
    assert len(since) == len("2026-11-21T10:00:00Z")
    assert found["live"] == {"release": "new", "slot": "green", "workers": 3, "socket": True}
    assert found["slots"]["green"] == {
        "release": "new",
        "service": "active",
        "socket": "active",
        "enabled": True,
        "restarts": 1,
        "workers": 3,
    }
    assert found["slots"]["blue"] == {
        "release": "old",
        "service": "inactive",
        "socket": "inactive",
        "enabled": False,
        "restarts": 0,
        "workers": 0,
    }
    assert [(release["id"], release["outcome"]) for release in found["releases"]] == [("new", "live"), ("old", "live")]
    assert (found["previous"], found["last"]["release"]) == ("old", "new")
    assert (found["under_way"], found["faults"]) == ("", [])


def test_a_refused_release_and_why(host):
    host.deployed("old", "blue", "new", "refused", "GET / answered 500")
    found = host.found()
    assert [(release["outcome"], release["why"]) for release in found["releases"]] == [
        ("live", ""),
        ("refused", "GET / answered 500"),
    ]
    assert (found["last"]["outcome"], found["previous"]) == ("refused", "")


def test_new_settings_that_were_refused_leave_the_release_what_it_was(host):
    host.deployed("new", "blue", "new", "refused", "GET / answered 500")
    assert host.found()["releases"][0]["outcome"] == "live"


def test_an_app_that_was_never_deployed(tmp_path):
    found = status.Found(Layout("hello", str(tmp_path)), {}, {}).describe()
    assert (found["live"], found["releases"], found["last"]) == ({}, [], {})
    assert found["faults"] == ["it was never deployed here"]


def test_a_lost_link(host):
    os.unlink(host.layout.active)
    assert host.found()["live"] == {}
    assert host.found()["faults"] == [f"nothing serves it: {host.layout.active} leads to no slot"]


@pytest.mark.parametrize(
    ("unit", "state", "fault"),
    [
        ("green.service", {**GOOD, "ActiveState": "failed"}, "flask-hello@green.service is failed"),
        ("green.socket", {**GOOD, "ActiveState": "inactive"}, "flask-hello@green.socket is inactive"),
        (
            "green.service",
            {**GOOD, "UnitFileState": "disabled"},
            "flask-hello@green.service is not enabled, so it would not",
        ),
        ("green.service", {**GOOD, "MainPID": "7"}, "flask-hello@green.service has no worker"),
        ("blue.service", GOOD, "the blue slot, which serves nothing, runs too"),
    ],
)
def test_a_unit_that_is_not_as_it_should_be(host, unit, state, fault):
    host.states[f"flask-hello@{unit}"] = state
    assert [found.startswith(fault) for found in host.found()["faults"]] == [True]


def test_a_lost_socket(host):
    os.unlink(host.layout.socket_path("green"))
    found = host.found()
    assert not found["live"]["socket"]
    assert found["faults"] == [f"{host.layout.socket_path('green')} is missing"]


def test_static_files_of_another_release(host):
    os.unlink(host.layout.current)
    os.symlink("releases/old", host.layout.current)
    assert host.found()["faults"] == [f"{host.layout.current} does not lead to the live release"]


def test_a_deploy_under_way_is_told_and_its_second_slot_is_no_fault(host):
    host.states["flask-hello@blue.service"] = GOOD
    with locked(host.layout.lock, "cutover of hello to release newer"):
        found = host.found()
    assert found["under_way"].startswith("cutover of hello to release newer, since 20")
    assert found["faults"] == []
