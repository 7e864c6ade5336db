"""What a client gets that asks for too much, and what the others get meanwhile."""

import pytest


def statuses(app, script: str) -> list[str]:
    """What a shell script's curls say, each a line."""
    return app.host.run("sh -c %s", script).stdout.split()


def curl(app, path: str, more: str = "") -> str:
    words = f"--silent --output /dev/null --write-out '%{{http_code}}\\n' -H 'Host: {app.domain}' {more}"
    return f"curl {words} 'http://127.0.0.1{path}'"


@pytest.mark.alone
def test_too_many_requests_get_429_and_are_told_when_to_come_again(limited):
    asked = curl(limited, "/", "--interface 127.0.0.11")
    said = statuses(limited, f"for n in $(seq 30); do {asked}; done")
    assert set(said) == {"200", "429"}
    assert said[:11] == ["200"] * 11, "expected the burst to be let in"


def test_a_429_is_a_page_that_says_when_to_come_again(limited):
    """The first of many, as each that comes after it may be one that is let in again."""
    asked = curl(limited, "/", "--interface 127.0.0.18").replace("--output /dev/null", "--include")
    first = 'case "$answer" in *" 429 "*) echo "$answer"; break; esac'
    answer = limited.host.run("sh -c %s", f"for n in $(seq 40); do answer=$({asked}); {first}; done").stdout
    assert "Retry-After: 1" in answer and "<h1>Too many requests</h1>" in answer


def test_another_address_has_a_rate_of_its_own(limited):
    statuses(limited, f"for n in $(seq 30); do {curl(limited, '/', '--interface 127.0.0.12')}; done")
    assert limited.get("/", "--interface", "127.0.0.13")[0] == 200


def test_too_many_connections_get_429(limited):
    slow = curl(limited, "/?wait=1", "--interface 127.0.0.14")
    said = statuses(limited, f"for n in $(seq 8); do {slow} & done; wait")
    assert sorted(said) == 4 * ["200"] + 4 * ["429"]


@pytest.mark.parametrize(
    ("path", "options", "expected"),
    [
        pytest.param("/large-body", ("--data-binary", "@/tmp/body"), {413}, id="body"),
        pytest.param("/large-header", ("--header", "X-Long: " + 20_000 * "x"), {400, 431}, id="header"),
        pytest.param("/large-uri/" + 20_000 * "x", (), {414}, id="URI"),
    ],
)
def test_what_is_too_large_never_reaches_the_app(limited, path, options, expected):
    limited.run("head --bytes=2000 /dev/zero > /tmp/body")
    since = limited.now()
    assert limited.get(path, "--interface", "127.0.0.15", *options)[0] in expected
    assert "/large-" not in limited.reached(since)


def test_an_app_that_does_not_answer_gives_a_plain_page(limited):
    limited.run("systemctl stop flask-limited")
    try:
        status, page = limited.get("/", "--interface", "127.0.0.16", "--data", "a=b")
    finally:
        limited.run("systemctl start flask-limited")
    assert status == 502 and "<h1>Not available</h1>" in page


def test_an_app_that_takes_too_long_gives_another(limited):
    status, page = limited.get("/?wait=6", "--interface", "127.0.0.17")
    assert status == 504 and "<h1>No answer in time</h1>" in page


def test_an_app_may_have_pages_of_its_own(guarded):
    guarded.run("systemctl stop flask-guarded")
    try:
        assert guarded.get("/") == (502, "<title>Our own page</title>")
    finally:
        guarded.run("systemctl start flask-guarded")
