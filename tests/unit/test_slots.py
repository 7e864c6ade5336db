"""An app's two slots: what each should hold, what it holds, and what switches from one to the other."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import subprocess
import time

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import assets, slots
from ansible_collections.slipway.flask.plugins.module_utils import systemd as commands
from ansible_collections.slipway.flask.plugins.module_utils.atomic import File, point, write
from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout
from ansible_collections.slipway.flask.plugins.module_utils.slots import App
from ansible_collections.slipway.flask.plugins.module_utils.systemd import Late

ME = {"owner": pwd.getpwuid(os.geteuid()).pw_name, "group": grp.getgrgid(os.getegid()).gr_name}


class Mine(App):
    """An app whose files belong to whoever runs the tests."""

    def wanted(self, slot):
        return {path: file._replace(**ME) for path, file in super().wanted(slot).items()}


class Systemd:
    """Answers systemctl: ``states`` holds units' states, ``called`` the words of all other calls.

    ``late`` are verbs that do not end within so many seconds, ``outdated`` units that systemd has not read anew.
    """

    def __init__(self):
        self.states, self.called, self.late, self.outdated = {}, [], {}, set()

    def __call__(self, argv, timeout=0):
        if argv[:2] == ["systemctl", "is-enabled"]:
            state = self.states.get(argv[-1], {}).get("UnitFileState")
            return subprocess.CompletedProcess(argv, int(state != "enabled"), "")
        if "--property=NeedDaemonReload" in argv:
            return subprocess.CompletedProcess(argv, 0, "yes\n" if self.outdated & set(argv) else "no\n")
        if argv[:2] != ["systemctl", "show"]:
            self.called.append(argv)
            if self.late.get(argv[1]) == timeout:
                raise Late(f"did not end within {timeout} s")
            return subprocess.CompletedProcess(argv, 0, "")
        none = {"ActiveState": "inactive", "UnitFileState": "", "NRestarts": "0"}
        blocks = [{"Id": unit, **none, **self.states.get(unit, {})} for unit in argv[3:]]
        text = "\n\n".join("\n".join(f"{key}={value}" for key, value in block.items()) for block in blocks)
        return subprocess.CompletedProcess(argv, 0, f"{text}\n")


UP = {"ActiveState": "active", "UnitFileState": "enabled"}


@pytest.fixture
def systemd(monkeypatch):
    systemd = Systemd()
    for module in (slots, commands):
        monkeypatch.setattr(module, "run", systemd)
    return systemd


@pytest.fixture
def app(tmp_path, monkeypatch, systemd):
    """An app of which nothing is there yet but its folders."""
    monkeypatch.setattr(slots, "UNITS", str(tmp_path / "units"))
    layout = Layout("hello", str(tmp_path / "srv"))
    layout.etc, layout.run = str(tmp_path / "etc/slipway/hello"), str(tmp_path / "run")
    for folder in (slots.UNITS, layout.releases, layout.run):
        os.makedirs(folder)
    return Mine(
        layout, "r1", "[Service]\n", "[Socket]\n", "[Unit]\n",
        config={"gunicorn.conf.py": "workers = 2\n"}, env={"A": 1}, secrets={"KEY": "s3cret"},
        files={"/etc/hello/app.toml": "a = 1\n", "instance/config.py": "B = 2\n"},
    )  # fmt: skip


@pytest.fixture
def live(app, systemd):
    """The app as its blue slot serves it."""
    app.prepare("blue")
    app.flip("blue")
    open(app.layout.socket_path("blue"), "w").close()
    systemd.states |= {app.layout.service("blue"): UP, app.layout.socket("blue"): UP}
    return app


def test_wanted_files_of_a_slot(app):
    etc, units, user = app.layout.etc, slots.UNITS, "flask-hello"
    env = 'A="1"\nSLIPWAY_APP="hello"\nSLIPWAY_RELEASE="r1"\nSLIPWAY_SLOT="green"\n'
    assert App.wanted(app, "green") == {
        f"{units}/flask-hello@green.service": File("[Service]\n", 0o644, "root", "root"),
        f"{units}/flask-hello@green.socket": File("[Socket]\n", 0o644, "root", "root"),
        f"{etc}/green/env": File(env, 0o600, "root", "root"),
        f"{etc}/green/secrets": File('KEY="s3cret"\n', 0o600, "root", "root"),
        f"{etc}/green/gunicorn.conf.py": File("workers = 2\n", 0o640, "root", user),
        f"{etc}/green/files/etc~hello~app.toml": File("a = 1\n", 0o640, "root", user),
        f"{etc}/green/files/instance~config.py": File("B = 2\n", 0o640, "root", user),
    }


def test_a_diff_shows_no_secrets(app):
    assert {os.path.basename(path) for path in app.wanted("blue") if app.is_private(path)} == {
        *("secrets", "etc~hello~app.toml", "instance~config.py")
    }


def test_a_prepared_slot_holds_what_is_wanted_and_nothing_else(app, systemd):
    app.prepare("blue")
    app.files = {}
    app.prepare("blue")
    assert app.found("blue") == app.wanted("blue") and app.release_of("blue") == "r1"
    assert app.found("green") == {} and app.release_of("green") == "" and app.live_slot() is None
    assert systemd.called == [["systemctl", "daemon-reload"]]


@pytest.mark.parametrize(
    ("change", "reads"),
    [
        (lambda app, systemd: app.env.update(A=2), 0),
        (lambda app, systemd: setattr(app, "service", "[Service]\nNice=1\n"), 1),
        (lambda app, systemd: os.unlink(f"{slots.UNITS}/flask-hello@blue.socket"), 1),
        (lambda app, systemd: systemd.outdated.add("flask-hello@blue.service"), 1),
        (lambda app, systemd: app._override("blue", ""), 2),
    ],
)
def test_systemd_reads_its_units_anew_when_they_changed(app, systemd, monkeypatch, tmp_path, change, reads):
    monkeypatch.setattr(slots, "_RUNTIME_UNITS", str(tmp_path / "runtime"))
    app.prepare("blue")
    systemd.called.clear()
    change(app, systemd)
    app.prepare("blue")
    assert app.found("blue") == app.wanted("blue")
    assert systemd.called == [["systemctl", "daemon-reload"]] * reads


def test_the_app_may_pass_the_folders_of_its_settings(app):
    before = os.umask(0o077)
    try:
        app.prepare("blue")
    finally:
        os.umask(before)
    folders = [folder for folder, _, _ in os.walk(os.path.dirname(app.layout.etc))]
    assert {stat.S_IMODE(os.stat(folder).st_mode) for folder in folders} == {0o755}


def test_a_live_slot_in_good_order_has_no_faults(live):
    assert live.faults("blue") == [] and live.live_slot() == "blue"


def change(file, **keys):
    def do(app, systemd):
        path = next(path for path in app.wanted("blue") if path.endswith(file))
        write(path, app.wanted("blue")[path]._replace(**keys))

    return do


def state(unit, **keys):
    def do(app, systemd):
        systemd.states[getattr(app.layout, unit)("blue")] = {**UP, **keys}

    return do


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (change("/secrets", text="other"), "/etc/slipway/hello/blue/secrets differs"),
        (change("/env", mode=0o644), "/etc/slipway/hello/blue/env differs"),
        (lambda app, _: os.unlink(f"{app.layout.etc}/blue/env"), "/etc/slipway/hello/blue/env differs"),
        (lambda app, _: open(f"{app.layout.etc}/blue/x", "w").close(), "/etc/slipway/hello/blue/x differs"),
        (lambda app, _: point(app.layout.link("blue"), "releases/r0"), "release r1 instead of r0"),
        (lambda app, _: os.unlink(app.layout.link("blue")), "release r1 instead of none"),
        (state("service", ActiveState="failed"), "flask-hello@blue.service is failed"),
        (state("socket", ActiveState="inactive"), "flask-hello@blue.socket is inactive"),
        (
            state("service", UnitFileState="disabled"),
            "flask-hello@blue.service is not enabled, so it would not come back after a reboot",
        ),
        (lambda app, _: os.unlink(app.layout.socket_path("blue")), "/run/blue.sock is missing"),
        (lambda app, _: app.flip("green"), "/srv/hello/active.sock does not point at it"),
    ],
    ids=[
        *("content", "mode", "missing file", "foreign file", "release", "no release", "service", "socket", "reboot"),
        *("no socket", "other slot"),
    ],
)
def test_each_fault_of_a_live_slot_is_named(live, systemd, spoil, fault):
    spoil(live, systemd)
    (found,) = live.faults("blue")
    assert found.endswith(fault)


def test_what_is_enabled_is_no_fault_while_systemd_has_not_read_it(live, systemd, monkeypatch):
    state("service", UnitFileState="disabled")(live, systemd)
    monkeypatch.setattr(commands, "run", lambda argv, timeout=0: subprocess.CompletedProcess(
        argv, 0, "") if argv[1] == "is-enabled" else systemd(argv, timeout))  # fmt: skip
    assert live.faults("blue") == []


def test_a_slot_that_reloads_is_up(live, systemd):
    state("service", ActiveState="reloading")(live, systemd)
    assert live.faults("blue") == []


def test_where_the_link_is_lost_the_slot_that_runs_is_live(live, systemd):
    os.unlink(live.layout.active)
    assert live.live_slot() == "blue"
    state("service", ActiveState="inactive")(live, systemd)
    assert live.live_slot() is None


@pytest.mark.parametrize(
    ("keys", "busy"),
    [
        ({"ActiveState": "inactive", "UnitFileState": "disabled"}, False),
        ({"ActiveState": "failed", "UnitFileState": ""}, False),
        ({"ActiveState": "inactive", "UnitFileState": "enabled"}, True),
        ({"ActiveState": "activating", "UnitFileState": ""}, True),
    ],
    ids=str,
)
@pytest.mark.parametrize("unit", ["service", "socket"])
def test_a_slot_is_busy_that_runs_or_would(app, systemd, unit, keys, busy):
    state(unit, **keys)(app, systemd)
    assert app.busy("blue") is busy


def test_a_one_off_command_runs_in_the_slot_s_sandbox(app, systemd):
    app.service = "[Service]\nType=notify\nUser=flask-hello\nWorkingDirectory=/srv/hello/%i/src\n"
    app.in_sandbox("green", ["flask", "db"], 60)
    ((command, *words),) = systemd.called
    properties = [word for word in words if word.startswith("--property=")]
    # Found by the sandbox's own PATH.
    assert command == "systemd-run" and words[-4:] == ["--", "/usr/bin/env", "flask", "db"]
    assert properties[:2] == ["--property=User=flask-hello", "--property=WorkingDirectory=/srv/hello/green/src"]
    assert "--property=RuntimeMaxSec=60" in properties


def test_a_slot_starts_its_socket_first(app, systemd):
    app.start("green", 60)
    assert systemd.called == [
        ["systemctl", "start", "flask-hello@green.socket"],
        ["systemctl", "start", "flask-hello@green.service"],
    ]


def test_a_slot_that_fails_its_trial_is_stopped_and_its_journal_shown(app, systemd, monkeypatch):
    monkeypatch.setattr(app, "journal", lambda slot, since: [f"{slot} says no"])
    with pytest.raises(CutoverError, match="keeps dying") as raised, app.trial("green"):
        raise CutoverError("its server keeps dying")
    assert raised.value.journal == ["green says no"]
    assert ["systemctl", "disable", "--now", "flask-hello@green.socket", "flask-hello@green.service"] in systemd.called


def test_a_trial_that_is_interrupted_leaves_nothing_running(app, systemd):
    with pytest.raises(KeyboardInterrupt), app.trial("green"):
        raise KeyboardInterrupt
    assert ["systemctl", "disable", "--now", "flask-hello@green.socket", "flask-hello@green.service"] in systemd.called


def test_a_slot_that_users_reach_is_never_stopped_by_its_trial(app, systemd):
    app.flip("green")
    with pytest.raises(OSError, match="No space"), app.trial("green"):
        raise OSError(28, "No space left on device")
    assert systemd.called == []


def test_a_trial_that_ends_well(app, systemd):
    with app.trial("green"):
        pass
    assert systemd.called == []


def test_a_slot_that_hangs_is_killed(app, systemd):
    systemd.late["disable"] = 2
    app.stop("green", 2)
    kill = ["systemctl", "kill", "--signal=SIGKILL", "flask-hello@green.service"]
    assert [call[1] for call in systemd.called] == [
        "disable",
        "kill",
        "disable",
        "reset-failed",
    ] and kill in systemd.called


def test_a_slot_that_serves_comes_back_after_a_reboot_and_one_that_was_stopped_does_not(app, systemd):
    units = ["flask-hello@green.socket", "flask-hello@green.service"]
    app.enable("green")
    app.stop("green", 5)
    assert systemd.called == [
        ["systemctl", "enable", "--no-reload", *units],
        ["systemctl", "disable", "--now", *units],
        ["systemctl", "reset-failed", *units],
    ]


def test_a_flip_takes_the_static_files_along(app):
    point(app.layout.link("green"), "releases/r1")
    app.flip("green")
    assert app.is_active("green") and os.readlink(app.layout.current) == "releases/r1"


@pytest.mark.parametrize(("unit", "keys", "stands"), [
    ("service", {}, True), ("service", {"ActiveState": "failed"}, False), ("socket", {"ActiveState": "inactive"}, False),
])  # fmt: skip
def test_a_slot_stands_by_that_runs(live, systemd, unit, keys, stands):
    state(unit, **keys)(live, systemd)
    assert live.stands("blue") is stands


# One slot at a time


@pytest.fixture
def alone(live, systemd, monkeypatch, tmp_path, root_is_me):
    """The live app, and where systemd's overrides would be."""
    monkeypatch.setattr(slots, "_RUNTIME_UNITS", str(tmp_path / "units.run"))
    systemd.called.clear()
    return live


def override(app, slot="blue"):
    path = app._override_path(slot)
    with open(path) as file:
        assert path.endswith(f"units.run/flask-hello@{slot}.service.d/slipway.conf")
        return file.read().splitlines()


def test_a_slot_that_is_held_keeps_its_socket_and_waits_for_the_lock(alone, systemd):
    alone.hold("blue", 30)
    assert f"ExecStartPre=+/usr/bin/flock {alone.layout.lock} true" in override(alone)
    # The override must be known before the stop: a waiting request asks for the server at once.
    assert systemd.called == [["systemctl", "daemon-reload"], ["systemctl", "stop", "flask-hello@blue.service"]]


def test_a_server_that_does_not_end_for_the_other_is_killed(alone, systemd):
    systemd.late["stop"] = 35
    alone.hold("blue", 30)
    assert [call[1] for call in systemd.called] == ["daemon-reload", "stop", "kill", "stop"]


def test_a_slot_that_was_held_serves_again(alone, systemd):
    alone.hold("blue", 30)
    systemd.called.clear()
    alone.resume("blue")
    assert not os.path.exists(alone._override_path("blue"))
    assert systemd.called == [["systemctl", "daemon-reload"], ["systemctl", "restart", "flask-hello@blue.service"]]


def test_what_waits_is_handed_to_the_other_slot(alone, systemd):
    alone.hold("blue", 30)
    open(alone.layout.socket_path("green"), "w").close()
    alone.forward("blue", "green")
    lines = override(alone)
    assert lines[:4] == [
        "[Service]",
        "ExecStartPre=",
        "ExecStart=",
        f"ExecStart={slots._PROXY} {alone.layout.run}/green.sock",
    ]
    # It must be allowed to connect, as Nginx is.
    assert lines[-1] == f"SupplementaryGroups={ME['group']}"


@pytest.mark.parametrize(
    "do", [lambda app: app.stop("blue", 5), lambda app: app.prepare("blue")], ids=["stop", "prepare"]
)
def test_no_override_outlives_its_slot_s_turn(alone, systemd, do):
    alone.hold("blue", 30)
    systemd.called.clear()
    do(alone)
    assert not os.path.exists(os.path.dirname(alone._override_path("blue")))
    assert systemd.called[-1] == ["systemctl", "daemon-reload"]


def test_what_a_killed_run_left_around_the_live_slot_is_removed(alone, systemd):
    alone.hold("blue", 30)
    steps = {name: work for name, told, work in alone.disorder("blue", 0, 5)}
    steps["release"]()
    assert not os.path.exists(alone._override_path("blue"))
    assert "release" not in {name for name, told, work in alone.disorder("blue", 0, 5)}


# Order around the live slot


@pytest.mark.parametrize(("ago", "waits"), [(0.0, 1.0), (0.4, 0.6), (5.0, 0.0)])
def test_a_connection_that_nginx_was_about_to_make_is_waited_for(app, systemd, monkeypatch, ago, waits):
    seen = []
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    monkeypatch.setattr(time, "sleep", lambda seconds: seen.append(round(seconds, 3)))
    monkeypatch.setattr(slots, "connections", lambda path: seen.append(path))
    app.flipped = 1000.0 - ago
    app.retire("green", 30)
    assert seen == [waits, app.layout.socket_path("green")]


@pytest.mark.parametrize(
    ("held", "drain", "asked"), [([2, 1, 0], 30, 3), ([0], 30, 1), ([1], 0, 1)], ids=["drained", "idle", "time is up"]
)
def test_a_slot_retires_once_nothing_is_in_flight(app, systemd, hurry, monkeypatch, held, drain, asked):
    seen = []

    def connections(path):
        seen.append(path)
        return held[min(len(seen), len(held)) - 1]

    monkeypatch.setattr(slots, "connections", connections)
    app.retire("green", drain)
    assert seen == [app.layout.socket_path("green")] * asked
    assert systemd.called[0] == [
        *("systemctl", "disable", "--now", "flask-hello@green.socket", "flask-hello@green.service")
    ]


def releases(app, *names, partial=()):
    for age, name in enumerate([*names, *partial]):
        os.mkdir(app.layout.release(name))
        if name in names:
            path = os.path.join(app.layout.release(name), "release.json")
            open(path, "w").close()
            os.utime(path, (1000 - age, 1000 - age))


@pytest.mark.parametrize(
    ("keep", "left"),
    [(5, ["cut"]), (2, ["cut", "r3"]), (1, ["cut", "r2", "r3"]), (0, ["cut", "r1", "r2", "r3"])],
)
def test_superfluous_releases(app, keep, left):
    releases(app, "r1", "r2", "r3", "r4", partial=["cut", "pointed"])
    point(app.layout.link("blue"), "releases/r4")
    point(app.layout.link("green"), "releases/pointed")
    assert app.superfluous(keep) == left


def test_what_current_points_at_is_kept(app):
    releases(app, "r1")
    point(app.layout.current, "releases/r1")
    assert app.superfluous(0) == []


def test_a_release_that_failed_takes_no_good_one_s_place(app):
    releases(app, "bad", "r1", "r2", "r3")
    assert app.superfluous(2, {"bad"}) == ["bad", "r3"]
    point(app.layout.link("green"), "releases/bad")
    assert app.superfluous(2, {"bad"}) == ["r3"]


def test_what_a_release_alone_had_goes_with_it(app):
    releases(app, "r1", "r2")
    for name in ("r1", "r2"):
        os.makedirs(f"{app.layout.release(name)}/public/s")
        open(f"{app.layout.release(name)}/public/s/{name}.css", "w").close()
    assets.gather(app.layout)
    app._remove("r2")
    assert os.listdir(app.layout.releases) == ["r1"] and os.listdir(f"{app.layout.assets}/s") == ["r1.css"]


def test_complete_releases_oldest_first(app):
    releases(app, "new", "old", partial=["cut"])
    assert app.complete() == {"old": 999, "new": 1000} and list(app.complete()) == ["old", "new"]


@pytest.fixture
def root_is_me(monkeypatch):
    monkeypatch.setattr(slots, "write", lambda path, file, write=slots.write: write(path, file._replace(**ME)))
    monkeypatch.setattr(slots, "read", lambda path, read=slots.read: read(path)._replace(owner="root", group="root"))


def put_in_order(app, live):
    """Do what is due; the steps' names and what was told."""
    done = []
    for name, told, work in app.disorder(live, 0, 1):
        work()
        done.append((name, told))
    return done


def test_all_around_the_live_slot_is_tidied_and_then_nothing(live, systemd, hurry, root_is_me, monkeypatch):
    monkeypatch.setattr(slots, "connections", lambda path: 0)
    releases(live, "r1", "old")
    os.unlink(live.layout.current)
    systemd.states[live.layout.socket("green")] = UP
    open(os.path.join(slots.UNITS, live.layout.umbrella), "w").close()
    expected = [
        ("link", f"pointed {live.layout.current} at releases/r1"),
        ("umbrella", "installed flask-hello.service"),
        ("drain", "stopped the green slot"),
        ("prune", "removed release old"),
    ]
    assert [(name, told) for name, told, work in live.disorder("blue", 0, 1)] == expected
    assert len(os.listdir(live.layout.releases)) == 2 and not os.path.lexists(live.layout.current)
    assert put_in_order(live, "blue") == expected
    assert os.listdir(live.layout.releases) == ["r1"] and os.readlink(live.layout.current) == "releases/r1"

    systemd.states |= {live.layout.umbrella: UP, live.layout.socket("green"): {"ActiveState": "inactive"}}
    assert put_in_order(live, "blue") == []
