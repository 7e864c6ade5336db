"""Closed and opened by one command, while Nginx and the app run on."""

import pytest
from door import play

HOUSE = ("--interface", "127.0.0.3")


def maintain(app, closed: str, **variables):
    return play(
        "playbooks/maintenance.yml", app, **{"slipway_only": [app.name], "slipway_maintenance": closed, **variables}
    )


@pytest.fixture
def closed(guarded):
    """It is opened again whatever becomes of the test."""
    workers = guarded.nginx_workers
    done = maintain(guarded, "true")
    assert done.ok and done.changed == 1, done.output
    yield workers
    done = maintain(guarded, "false")
    assert done.ok and done.changed == 1, done.output
    assert guarded.get("/")[0] == 200


def test_visitors_get_a_page_and_are_told_when_to_come_again(guarded, closed):
    status, answer = guarded.get("/", "--include", "--data", "a=b")
    assert status == 503
    assert "Retry-After: 30" in answer and "<h1>Back soon</h1>" in answer and "X-Frame-Options: SAMEORIGIN" in answer


def test_it_is_open_to_those_who_work_on_it(guarded, closed):
    assert guarded.get("/", *HOUSE)[0] == 200


def test_other_apps_are_open(guarded, plain, closed):
    assert plain.get("/")[0] == 200


def test_nginx_is_not_reloaded(guarded, closed):
    assert guarded.nginx_workers == closed


def test_it_stays_closed_through_a_run(guarded, closed):
    assert play("site.yml", guarded).changed == 0
    assert guarded.get("/")[0] == 503
    assert maintain(guarded, "true").changed == 0


@pytest.mark.parametrize(("word", "only"), [("perhaps", ["guarded"]), ("true", ["no-such-app"])])
def test_what_cannot_be_meant_is_refused(guarded, word, only):
    done = maintain(guarded, word, slipway_only=only)
    assert not done.ok and done.changed == 0
    assert ("slipway_maintenance: expected true" if word == "perhaps" else "slipway_only: expected") in done.output
