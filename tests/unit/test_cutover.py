"""A run of the cutover module: which steps it takes, what it remembers, and what it says."""

from __future__ import annotations

import contextlib
import os

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.history import History
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout, other_than
from ansible_collections.slipway.flask.plugins.modules import cutover
from ansible_collections.slipway.flask.plugins.modules.cutover import Interrupted, Refused, Run


class Host:
    """An app on a host, as :class:`App` would find it; each call is a word of ``done``."""

    def __init__(self, home):
        self.layout = Layout("hello", str(home))
        os.makedirs(self.layout.releases)
        self.release, self.slots, self.active, self.done, self.fails = "r1", {}, None, [], {}
        self.gave_way = []
        self.there, self.standing = {"r1": 1.0, "r2": 2.0, "r3": 3.0}, True

    def live_slot(self):
        return self.active

    def is_active(self, slot):
        return self.active == slot

    def release_of(self, slot):
        return self.slots.get(slot, "")

    def complete(self):
        return self.there

    def found(self, slot):
        return {}

    wanted = found

    def faults(self, slot):
        return [] if self.slots[slot] == self.release else ["another release"]

    def stands(self, slot):
        return self.standing

    def busy(self, slot):
        return False

    def vitals(self, slot):
        return None

    @contextlib.contextmanager
    def giving_way(self, slot):
        begun = len(self.done)
        yield lambda over: None
        self.gave_way = self.done[begun:]

    def journal(self, slot, since):
        return ["Traceback", "sqlalchemy.exc.OperationalError: password=s3cret"]

    def disorder(self, live, drain, keep, failed):
        if self.slots.get(other_than(live)):
            yield "drain", "stopped the other", lambda: self.do("retire", other_than(live))

    def do(self, what, *arguments):
        self.done.append(what)
        if what in self.fails:
            raise self.fails[what]
        if what == "prepare":
            self.slots[arguments[0]] = self.release
        if what == "retire":
            del self.slots[arguments[0]]
        if what == "flip":
            self.active = arguments[0]

    def __getattr__(self, name):
        return lambda *arguments: self.do(name, *arguments)


class Trial:
    """Stops nothing, for the journal is all that a run needs of it."""

    def __init__(self, host):
        self.host = host

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is not None and isinstance(error, CutoverError):
            error.journal = self.host.journal("", 0)


@pytest.fixture
def host(tmp_path, monkeypatch):
    host = Host(tmp_path)
    host.trial = lambda slot: Trial(host)
    said = []
    monkeypatch.setattr(cutover.syslog, "openlog", lambda *arguments: None)
    monkeypatch.setattr(cutover.syslog, "syslog", said.append)

    class Asked:
        timeout = 60

        def __init__(self, **health):
            self.wait = lambda *arguments: host.do("probe")
            self.watch_over = lambda *arguments: host.do("watch")

    monkeypatch.setattr(cutover, "Probe", Asked)
    host.said = said
    return host


def run(host, **params):
    defaults = {
        **{
            "state": "live",
            "release": "r1",
            "check": ["python", "%i"],
            "before_switch": [],
            "before_switch_timeout": 9,
        },
        **{"health": {}, "drain": 30, "keep_releases": 5, "reversible": True, "force": False, "mode": "slots"},
        "needs": {},
        "unfit": {},
    }
    params = {**defaults, **params}
    host.release = params["release"]
    host.done.clear()
    return Run(params, host)


def deploy(host, release, **params):
    return run(host, release=release, **params).switch()


def refused(host, release, **params):
    """The message of a run that is refused, and the error."""
    one = run(host, release=release, **params)
    with pytest.raises(Refused) as raised:
        one.switch()
    return one.refuse(raised.value)


def entries(host):
    keys = ("release", "slot", "outcome", "previous", "rollback", "reversible")
    return [tuple(entry[key] for key in keys) for entry in cutover.History(host.layout.history).entries()]


STEPS = ["prepare", "in_sandbox", "start", "probe", "enable", "flip", "watch"]


def test_the_first_deploy(host):
    result = deploy(host, "r1")
    assert host.done == STEPS[:-1] and result["changed"] and (result["slot"], result["previous"]) == ("blue", "")
    assert entries(host) == [("r1", "blue", "live", "", False, True)]


def test_each_step_is_told_as_it_begins(host):
    deploy(host, "r1")
    deploy(host, "r2")
    steps = [line.rpartition(" ")[2] for line in host.said if line.startswith("hello: cutover to r2: step ")]
    assert steps == ["prepare", "check", "start", "probe", "enable", "flip", "watch", "drain"]
    assert host.said[-2:] == ["hello: release r2 serves from slot green", "hello: cutover to r2: step drain"]


def test_what_serves_is_measured_on_either_side_where_that_is_asked_for(host):
    sides = iter([{"p50": 2.0}, {"p50": 3.0}, {"p50": 4.0}])
    host.sampled = lambda slot, sample: {**next(sides), "slot": slot, "asked": sample.requests}
    sample = {"health": {"path": "/up", "sample": {"requests": 7, "paths": []}}}
    deploy(host, "r1", **sample)
    deploy(host, "r2", **sample)
    first, second = cutover.History(host.layout.history).entries()
    assert first["sample"] == {"after": {"p50": 2.0, "slot": "blue", "asked": 7}} and first["boot"] >= 0
    assert {side: found["slot"] for side, found in second["sample"].items()} == {"before": "blue", "after": "green"}
    assert host.said[-2].endswith("release r2 serves from slot green") and any(
        "step sample_after" in s for s in host.said
    )


def test_a_sample_that_fails_refuses_nothing(host):
    host.sampled = lambda slot, sample: host.do("sampled")
    host.fails["sampled"] = OSError(2, "no socket")
    assert deploy(host, "r1", health={"sample": {"requests": 7, "paths": ["/a"]}})["changed"]
    assert "sample" not in cutover.History(host.layout.history).entries()[-1]


def test_a_second_run_does_nothing_and_says_nothing(host):
    deploy(host, "r1")
    host.said.clear()
    assert deploy(host, "r1")["changed"] is False
    assert host.done == [] and host.said == [] and len(entries(host)) == 1


def test_what_a_killed_run_did_not_remember_the_next_one_does(host):
    deploy(host, "r1")
    host.slots["green"], host.active, host.standing = "r2", "green", True
    host.slots.pop("blue")
    assert deploy(host, "r2")["changed"] is False
    assert entries(host)[-1] == ("r2", "green", "live", "r1", False, True)


@pytest.mark.parametrize(
    ("step", "done", "what"),
    [
        ("in_sandbox", 2, "release r2 does not load: no"),
        ("start", 3, "release r2 did not come up in slot green: no (OperationalError)"),
        ("probe", 4, "release r2 did not come up in slot green: no (OperationalError)"),
    ],
)
def test_a_release_that_is_refused(host, step, done, what):
    deploy(host, "r1")
    host.fails[step] = CutoverError("no")
    message = refused(host, "r2")
    assert message.startswith(f"hello: {what}.\nRelease r1 still serves from slot blue, untouched.")
    assert host.done == STEPS[:done] and host.active == "blue"
    assert entries(host)[-1] == ("r2", "green", "refused", "r1", False, True)


def test_a_release_that_the_settings_do_not_fit(host):
    deploy(host, "r1")
    host.has = lambda name: name == "python-engineio"
    assert deploy(host, "r2", unfit={"gevent": "write sync"})["changed"]
    message = refused(host, "r3", unfit={"python-engineio": "write workers: 1"})
    told = "hello: release r3 does not fit its settings: python-engineio is installed; write workers: 1.\nRelease r2 still serves"
    assert message.startswith(told) and host.done == []


def test_a_release_without_the_server_of_its_settings(host):
    deploy(host, "r1")
    host.has = lambda name: name == "gunicorn"
    assert deploy(host, "r2", needs={"gunicorn": "deploy anew"})["changed"]
    message = refused(host, "r1", state="rolled_back", needs={"granian": "deploy anew"})
    assert message.startswith(
        "hello: release r1 does not fit its settings: granian is not installed; deploy anew.\nRelease r2 still"
    )
    assert host.done == []
    # It is as good as it was, and kept.
    assert History(host.layout.history).failed() == set()


def test_what_is_remembered_holds_no_line_of_the_app(host):
    """They may hold secrets, and all may read the history."""
    deploy(host, "r1")
    host.fails["probe"] = CutoverError("no")
    assert "password=s3cret" in refused(host, "r2")
    with open(host.layout.history) as file:
        assert "s3cret" not in file.read() + "".join(host.said)


def test_a_command_before_the_switch_that_fails_is_named_to_the_one_who_runs_it_alone(host):
    deploy(host, "r1")
    host.fails["in_sandbox"] = CutoverError("ended with 1", ["boom"])
    message = refused(host, "r2", before_switch=["migrate --token=s3cret"])
    assert "The command was 'migrate --token=s3cret'." in message and message.endswith("Last lines:\nboom")
    assert "s3cret" not in "".join(host.said) and host.done == ["prepare", "in_sandbox"]


def test_a_disk_that_is_full_refuses_too(host):
    deploy(host, "r1")
    host.fails["prepare"] = OSError(28, "No space left on device")
    assert "slot green could not be written: [Errno 28] No space left on device" in refused(host, "r2")


def test_a_release_that_fails_while_it_is_watched_is_rolled_back(host):
    deploy(host, "r1")
    host.fails["watch"] = CutoverError("it no longer answers as it should")
    message = refused(host, "r2")
    assert "release r2 failed just after the switch" in message and "Release r1 still serves from slot blue." in message
    assert host.done == [*STEPS, "flip", "retire"] and host.active == "blue"
    assert entries(host)[-1] == ("r2", "green", "rolled back", "r1", False, True)


def test_the_first_release_is_not_watched_since_nothing_could_take_over(host):
    host.fails["watch"] = CutoverError("it no longer answers as it should")
    assert deploy(host, "r1")["slot"] == "blue"


def test_a_release_that_boots_gives_way_to_the_one_that_serves(host):
    deploy(host, "r1")
    assert host.gave_way == []
    deploy(host, "r2")
    assert host.gave_way == ["probe"]


def test_one_server_at_a_time(host):
    deploy(host, "r1")
    deploy(host, "r2", mode="restart")
    assert host.done == ["prepare", "in_sandbox", "hold", *STEPS[2:6], "forward", "watch", "retire"]


def test_the_first_one_has_nothing_to_wait_for(host):
    deploy(host, "r1", mode="restart")
    assert host.done == STEPS[:-1]


@pytest.mark.parametrize("error", [CutoverError("no"), Interrupted("SIGTERM")], ids=["refused", "interrupted"])
def test_one_that_made_room_in_vain_serves_again(host, error):
    deploy(host, "r1")
    host.fails["probe"] = error
    with pytest.raises((Refused, Interrupted)):
        deploy(host, "r2", mode="restart")
    assert host.done == ["prepare", "in_sandbox", "hold", "start", "probe", "resume"] and host.active == "blue"


def test_going_back_with_one_server_at_a_time(host):
    deploy(host, "r1")
    host.fails["watch"] = CutoverError("no")
    refused(host, "r2", mode="restart")
    assert host.done[-6:] == ["watch", "hold", "resume", "flip", "forward", "retire"] and host.active == "blue"


# Going back


def back(host, release="previous", **params):
    return deploy(host, release, state="rolled_back", **params)


@pytest.fixture
def three(host):
    for release in ("r1", "r2", "r3"):
        deploy(host, release)
    return host


def test_back_to_the_previous_release(three):
    result = back(three, before_switch=["migrate"])
    assert (result["release"], result["previous"], result["changed"]) == ("r2", "r3", True)
    assert three.done == ["prepare", *STEPS[2:], "retire"]
    assert entries(three)[-1] == ("r2", "green", "live", "r3", True, True)
    assert back(three)["release"] == "r1"


def test_back_to_a_named_release(three):
    assert back(three, "r1")["release"] == "r1"


def test_back_to_what_is_live_changes_nothing(three):
    assert back(three, "r3")["changed"] is False


def test_one_that_cannot_go_back_touches_nothing(three):
    cutover.History(three.layout.history).add(release="r2", slot="green", outcome="refused", previous="r3")
    with pytest.raises(CutoverError, match="release r2 failed when it was deployed"):
        back(three, "r2")
    assert three.done == [] and back(three)["release"] == "r1"


def test_behind_a_release_that_is_not_reversible(host):
    deploy(host, "r1")
    deploy(host, "r2", reversible=False)
    deploy(host, "r3")
    assert back(host)["release"] == "r2"
    with pytest.raises(CutoverError, match="release r1 lies behind r2, declared not reversible"):
        back(host)
    assert back(host, force=True)["release"] == "r1"


def test_what_a_run_would_do(three):
    one = run(three, state="rolled_back", release="previous")
    result = one.predict()
    assert (result["changed"], result["release"], result["slot"]) == (True, "r2", "green") and three.done == []


def test_where_the_slot_to_leave_is_not_live_all_stays_as_it_is(three):
    before = entries(three)
    three.slots[other_than(three.active)] = "r2"
    result = run(three, state="returned", release="", slot=other_than(three.active)).switch()
    assert (result["changed"], result["reasons"], result["release"]) == (False, [], "r3")
    assert three.done == [] and entries(three) == before


def test_where_nothing_serves_there_is_nothing_to_return_from(host):
    one = run(host, state="returned", release="", slot="blue")
    assert one.predict()["changed"] is one.switch()["changed"] is False
    assert host.done == [] and entries(host) == []


def test_a_slot_that_is_live_is_left_for_the_one_before_it(three):
    three.slots[other_than(three.active)] = "r2"
    result = run(three, state="returned", release="", slot=three.active).switch()
    assert (result["changed"], result["release"]) == (True, "r2") and "flip" in three.done
