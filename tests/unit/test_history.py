"""What became of releases, and what follows from it for a rollback."""

from __future__ import annotations

import json
import os
import stat
import time

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.history import History


@pytest.fixture
def history(tmp_path) -> History:
    return History(str(tmp_path / "history.jsonl"))


def live(history, *releases, **keys):
    for release in releases:
        history.add(
            release=release, slot="blue", outcome="live", **{"previous": "", "why": "", "reversible": True, **keys}
        )


def lost(history, release, outcome="refused", previous=""):
    history.add(release=release, slot="blue", outcome=outcome, previous=previous, reversible=True, why="500")


def test_nothing_is_known_at_first(history):
    assert history.entries() == [] and history.failed() == set() and history.previous("a", ["b"]) == ""


def test_an_entry_is_a_line_with_its_time(history):
    live(history, "a")
    with open(history.path) as file:
        (line,) = file.readlines()
    entry = json.loads(line)
    assert entry == {
        **{"when": entry["when"], "release": "a", "slot": "blue", "outcome": "live", "previous": "", "why": ""},
        "reversible": True,
    }
    assert abs(time.time() - time.mktime(time.strptime(entry["when"], "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 60


def test_all_may_read_it_whatever_the_mask(history):
    before = os.umask(0o077)
    try:
        live(history, "a")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(history.path).st_mode) == 0o644


def test_the_newest_200_are_kept(history):
    live(history, *(f"r{number}" for number in range(203)))
    kept = [entry["release"] for entry in history.entries()]
    assert kept[0] == "r3" and kept[-1] == "r202" and len(kept) == 200


@pytest.mark.parametrize("line", ["", "{", "[]", '{"release": "b"}', "null", "\0\0"], ids=repr)
def test_a_broken_line_is_skipped(history, line):
    live(history, "a")
    with open(history.path, "a") as file:
        file.write(f"{line}\n")
    live(history, "c")
    assert [entry["release"] for entry in history.entries()] == ["a", "c"]


def test_what_a_cut_short_run_left_is_no_obstacle(history):
    with open(f"{history.path}.new", "w") as file:
        file.write("left")
    live(history, "a")
    assert len(history.entries()) == 1 and not os.path.exists(f"{history.path}.new")


def test_failed_are_those_whose_latest_outcome_is_not_live(history):
    live(history, "a", "b")
    lost(history, "c")
    lost(history, "b", "rolled back", previous="a")
    lost(history, "d")
    live(history, "d")
    assert history.failed() == {"b", "c"}


def test_settings_that_were_refused_do_not_make_a_serving_release_a_failed_one(history):
    live(history, "a")
    lost(history, "a", previous="a")
    assert history.failed() == set()


def back(history, release):
    live(history, release, rollback=True)


def test_the_previous_release_is_the_one_that_was_live_before(history):
    live(history, "a", "b", "b", "c")
    assert history.previous("c", "abc") == "b" and history.previous("b", "abc") == "a"
    assert history.previous("a", "abc") == ""


def test_the_previous_release_is_there_and_has_not_failed(history):
    live(history, "a", "b", "c")
    lost(history, "b", "rolled back", previous="a")
    live(history, "d")
    assert history.previous("d", "abcd") == "c" and history.previous("d", ["a", "b", "d"]) == "a"
    assert history.previous("d", "bd") == ""


def test_going_back_again_goes_further_back(history):
    live(history, "a", "b", "c")
    back(history, "b")
    assert history.previous("b", "abc") == "a"
    back(history, "a")
    assert history.previous("a", "abc") == ""


def test_code_that_is_deployed_once_more_is_newer_than_what_it_replaces(history):
    live(history, "a", "b", "a")
    assert history.previous("a", "ab") == "b"


def test_after_going_back_a_new_release_has_the_one_that_served_before_it(history):
    live(history, "a", "b", "c")
    back(history, "b")
    live(history, "d")
    assert history.previous("d", "abcd") == "b"


def test_a_release_that_serves_and_is_not_known_is_the_newest(history):
    live(history, "a", "b")
    assert history.previous("z", "abz") == "b"


def test_a_barrier_is_what_was_declared_not_reversible_behind_the_target(history):
    live(history, "a")
    live(history, "b", reversible=False)
    live(history, "c")
    live(history, "d", reversible=False)
    assert history.barrier("a", "d") == ["b", "d"] and history.barrier("b", "d") == ["d"]
    assert history.barrier("b", "c") == [] and history.barrier("d", "d") == []


def test_what_never_served_is_no_barrier(history):
    live(history, "a")
    history.add(release="b", outcome="refused", reversible=False)
    live(history, "c")
    assert history.barrier("a", "c") == []


def test_a_release_stays_irreversible_when_its_settings_change(history):
    live(history, "a")
    live(history, "b", reversible=False)
    live(history, "b")
    assert history.barrier("a", "b") == ["b"]


def test_behind_a_barrier_that_was_crossed_once_it_is_free(history):
    live(history, "a")
    live(history, "b", reversible=False)
    back(history, "a")
    live(history, "c")
    assert history.barrier("a", "c") == []


def test_how_a_release_was_declared(history):
    live(history, "a", reversible=False)
    assert history.reversible("a") is False and history.reversible("b") is True


def test_what_a_deploy_changed(history):
    sample = {"before": {"p50": 3.0}, "after": {"p50": 2.0}}
    history.add(release="a", outcome="live", previous="", boot=1.5)
    history.add(release="b", outcome="live", previous="a", boot=1.2, sample=sample)
    history.add(release="c", outcome="refused", previous="b")
    assert history.change("b") == {
        "before": {"release": "a", "p50": 3.0, "boot": 1.5},
        "after": {"release": "b", "p50": 2.0, "boot": 1.2},
    }
    assert history.change("a") == history.change("c") == history.change("") == {}


def test_a_first_deploy_changed_nothing(history):
    history.add(release="a", outcome="live", previous="", boot=1.5, sample={"after": {"p50": 2.0}})
    assert history.change("a") == {}
