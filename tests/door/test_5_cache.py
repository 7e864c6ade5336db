"""Answers that Nginx keeps for a moment: for whom, for how long, and what it never keeps. The scenario sets two seconds."""

import itertools
import json
import time

import pytest

# Nginx counts whole seconds: an answer may be kept for almost one more than is set.
LATER = 3.1
_names = itertools.count(time.time_ns())


@pytest.fixture
def page() -> str:
    """A page that nobody has asked for."""
    return f"/news/{next(_names)}"


def test_an_answer_is_given_again_and_then_renewed_behind_the_scenes(content, page):
    answers = [content.ask(page), content.ask(page)]
    time.sleep(LATER)
    answers.append(content.ask(page))
    time.sleep(0.5)
    answers.append(content.ask(page))
    assert [headers["x-cache"] for _, headers, _ in answers] == ["MISS", "HIT", "STALE", "HIT"]
    bodies = [json.loads(body)["at"] for _, _, body in answers]
    assert bodies[0] == bodies[1] == bodies[2] != bodies[3]


@pytest.mark.parametrize(
    ("query", "options"),
    [
        pytest.param("?known=1", [], id="sets a cookie"),
        pytest.param("?says=private", [], id="says private"),
        pytest.param("?says=no-store", [], id="says no-store"),
        pytest.param("?says=no-cache", [], id="says no-cache"),
        pytest.param("", ["-H", "Cookie: session=abc"], id="a session"),
        pytest.param("", ["-H", "Cookie: theme=dark; session=0"], id="a session that looks like none"),
        pytest.param("", ["-H", "Authorization: Bearer x"], id="credentials"),
    ],
)
def test_a_personal_answer_is_nobody_else_s(content, page, query, options):
    first, second = (content.ask(page + query, *options) for _ in range(2))
    assert json.loads(first[2])["at"] != json.loads(second[2])["at"]
    assert second[1]["x-cache"] in ("MISS", "BYPASS")
    assert content.ask(page + query)[1]["x-cache"] == "MISS", "what came for them was not kept for others"


def test_who_is_known_gets_no_kept_answer(content, page):
    kept = content.ask(page)[2]
    assert content.ask(page, "-H", "Cookie: session=abc")[2] != kept
    assert content.ask(page)[2] == kept


def test_where_the_app_says_how_long_that_counts(content, page):
    kept = content.ask(f"{page}?says=max-age%3D60")[2]
    time.sleep(LATER)
    assert content.ask(f"{page}?says=max-age%3D60")[2] == kept


def test_other_pages_are_not_kept(content):
    assert "x-cache" not in content.ask("/healthz")[1]


def test_many_at_once_ask_the_app_once(content, page):
    curl = f"curl --silent -H 'Host: {content.domain}' 'http://127.0.0.1{page}?wait=1'"
    answers = content.run(f"for i in 1 2 3 4 5 6; do {curl} & done; wait").split("\n")
    assert len({json.loads(answer)["at"] for answer in answers if answer}) == 1


def test_an_old_answer_is_better_than_none(content, page):
    kept = content.ask(page)[2]
    content.run("systemctl stop flask-content")
    try:
        time.sleep(LATER)
        status, headers, body = content.ask(page)
        other = content.ask("/healthz")[0]
    finally:
        content.run("systemctl start flask-content")
    assert (status, headers["x-cache"], body) == (200, "STALE", kept)
    assert other == 502
