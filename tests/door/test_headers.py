"""What browsers are told, and what an app is never told by a client."""

import json

import pytest

WORLD, FRONT_PROXY = ("--interface", "127.0.0.2"), ("--interface", "127.0.0.4")


def answered(app, path="/", *options) -> dict[str, list[str]]:
    """The headers of an answer, by their names in small letters."""
    lines = app.get(path, "--include", *options)[1].replace("\r", "").partition("\n\n")[0].splitlines()[1:]
    headers = {}
    for name, _, value in (line.partition(": ") for line in lines):
        headers.setdefault(name.lower(), []).append(value)
    return headers


def received(app, *options) -> dict[str, str]:
    """The headers that reached the app."""
    status, body = app.get("/", *options)
    assert status == 200, body
    return {name.lower(): value for name, value in json.loads(body)["headers"]}


@pytest.mark.parametrize(
    ("name", "value"),
    [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("cross-origin-opener-policy", "same-origin"),
     ("cross-origin-resource-policy", "same-origin"), ("x-permitted-cross-domain-policies", "none")],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/static/style.css", "/no-such-page"])
def test_every_answer_has_the_safe_set(plain, path, name, value):
    assert answered(plain, path)[name] == [value]


def test_what_the_app_says_stands_and_is_said_once(plain):
    headers = answered(plain)
    assert headers["referrer-policy"] == ["same-origin"]
    assert len(headers["content-security-policy"]) == 1
    assert "script-src 'self'" in headers["content-security-policy"][0]


def test_headers_are_replaced_dropped_and_added_by_name(guarded):
    headers = answered(guarded)
    assert headers["x-frame-options"] == ["SAMEORIGIN"]
    assert headers["x-own"] == ['it is "mine"']
    assert "referrer-policy" not in headers


def test_the_app_s_own_word_counts_more_than_the_site_s(guarded):
    assert answered(guarded, "/?say=X-Frame-Options")["x-frame-options"] == ["said by the app"]


@pytest.mark.parametrize("path", ["/", "/static/style.css", "/%00"])
def test_nothing_says_what_serves(plain, path):
    assert "server" not in answered(plain, path)


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix",
     "X-Forwarded-Ssl", "X-Forwarded-Protocol", "X-Real-IP", "Forwarded", "X-Script-Name", "Script-Name",
     "X-Original-URL", "Remote-User", "Proxy"],
)  # fmt: skip
@pytest.mark.parametrize("spelled", [str, str.lower, lambda name: name.replace("-", "_")], ids=["as is", "small", "_"])
def test_no_forged_header_reaches_the_app(guarded, name, spelled):
    headers = received(guarded, "--header", f"{spelled(name)}: forged.example", *WORLD)
    assert "forged" not in json.dumps(headers)
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == "127.0.0.2"
    assert headers["x-forwarded-proto"] == "http"


def test_two_of_a_header_are_no_way_in_either(guarded):
    forged = ("--header", "X-Forwarded-For: 6.6.6.6", "--header", "X-Forwarded-For: 7.7.7.7")
    assert received(guarded, *forged, *WORLD)["x-forwarded-for"] == "127.0.0.2"


def test_a_front_proxy_is_believed(guarded):
    said = ("--header", "X-Forwarded-For: 6.6.6.6, 198.51.100.7", "--header", "X-Forwarded-Proto: https")
    headers = received(guarded, *said, *FRONT_PROXY)
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == "198.51.100.7"
    assert headers["x-forwarded-proto"] == "https"


def test_a_front_proxy_may_not_say_anything_else(guarded):
    assert "forged" not in json.dumps(received(guarded, "--header", "Script-Name: /forged", *FRONT_PROXY))
