"""Which release a rollback goes back to, and which it does not."""

from __future__ import annotations

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.history import History
from ansible_collections.slipway.flask.plugins.module_utils.rollback import choose

THERE = {"r1": 1.0, "r2": 2.0, "r3": 3.0}


@pytest.fixture
def history(tmp_path):
    """Of an app that served r1, then r2, which changed the database for good, then r3."""
    history = History(str(tmp_path / "history.jsonl"))
    history.add(release="r1", outcome="live")
    history.add(release="r2", outcome="live", reversible=False)
    history.add(release="r3", outcome="live")
    return history


@pytest.mark.parametrize(("asked", "chosen"), [("previous", "r2"), ("r2", "r2"), ("r3", "r3")])
def test_a_release_that_served_is_chosen(history, asked, chosen):
    assert choose(asked, "r3", THERE, history) == chosen


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            "r9",
            r"there is no release r9 to go back to. Those there: r3 \(built 1970-01-01 00:00:03Z, live\), r2 \(built",
        ),
        (
            "r2",
            r"release r2 failed when it was deployed. Those there: r3 \(.*, r2 \(built 1970-01-01 00:00:02Z, failed\), r1",
        ),
    ],
    ids=["missing", "failed"],
)
def test_a_release_that_one_cannot_go_back_to(history, asked, message):
    history.add(release="r2", outcome="refused", previous="r3")
    with pytest.raises(CutoverError, match=message):
        choose(asked, "r3", THERE, history)


def test_there_is_nothing_before_the_first(history):
    """Whatever was built since: it never served."""
    with pytest.raises(CutoverError, match="there is no release before the live one to go back to"):
        choose("previous", "r1", THERE, history)


@pytest.mark.parametrize("live", ["r3", "r2"], ids=["further back", "the one before"])
def test_behind_a_release_that_is_not_reversible_only_by_force(history, live):
    with pytest.raises(CutoverError, match="release r1 lies behind r2, declared not reversible"):
        choose("r1", live, THERE, history)
    assert choose("r1", live, THERE, history, force=True) == "r1"
