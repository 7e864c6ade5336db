"""A browser, told over pipes what to do; here a program that answers as one does."""

from __future__ import annotations

import os
import pwd
import stat

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import devtools
from ansible_collections.slipway.flask.plugins.module_utils.errors import BenchError

FAKE = """#!/usr/bin/python3
import json, os, sys
SESSION = {"sessionId": "S"}
def say(message):
    # In pieces, as a pipe may bring it.
    text = json.dumps(message).encode() + b"\\0"
    for start in range(0, len(text), 7):
        os.write(4, text[start:start + 7])
clicked, rest = False, b""
while True:
    part = os.read(3, 65536)
    if not part:
        break
    rest += part
    while b"\\0" in rest:
        message, _, rest = rest.partition(b"\\0")
        asked = json.loads(message)
        method, words, result = asked["method"], asked["params"], {}
        if method == "Browser.getVersion":
            result = {"product": "HeadlessChrome/150.0"}
        elif method == "Browser.close":
            sys.exit()
        elif method == "Target.createBrowserContext":
            result, clicked = {"browserContextId": "C"}, False
        elif method == "Target.createTarget":
            result = {"targetId": "T"}
        elif method == "Target.attachToTarget":
            result = SESSION
        elif method == "Page.navigate":
            if "refused" in words["url"]:
                result = {"errorText": "net::ERR_CONNECTION_REFUSED"}
            say({"method": "Page.frameNavigated", "params": {}, **SESSION})
            say({"method": "Page.loadEventFired", "params": {}, **SESSION})
        elif method == "Input.dispatchMouseEvent":
            clicked = True
        elif method == "Runtime.evaluate":
            value = json.dumps({"lcp": 120.5, "inp": 24 if clicked else None, "ttfb": 12.25, "status": STATUS})
            if "querySelector" in words["expression"]:
                value = None if "#none" in words["expression"] else "[2, 2]"
            result = {"result": {"value": value}}
        say({"id": asked["id"], "result": result})
"""


@pytest.fixture
def browser(tmp_path, monkeypatch):
    """Puts a browser whose pages have this status in place of any."""

    def make(status=200):
        path = tmp_path / "chromium"
        path.write_text(FAKE.replace("STATUS", str(status)))
        path.chmod(path.stat().st_mode | stat.S_IEXEC | stat.S_IXOTH)
        monkeypatch.setattr(devtools, "program", lambda: str(path))
        # Another user could not read the test's folder.
        me = pwd.getpwuid(os.geteuid())
        monkeypatch.setattr(devtools.pwd, "getpwnam", lambda name: me)
        monkeypatch.setattr(devtools.time, "sleep", lambda seconds: None)

    return make


def measure(url="http://a.example/", click="body"):
    return devtools.measure(url, "127.0.0.1", click, 2, 10)


def test_figures_are_medians_of_the_visits(browser):
    browser()
    assert measure() == {
        "visits": 2,
        "version": "Chrome 150.0",
        "ttfb": {"p50": 12.2, "min": 12.2, "max": 12.2},
        "lcp": {"p50": 120.5, "min": 120.5, "max": 120.5},
        "inp": {"p50": 24, "min": 24, "max": 24},
    }


@pytest.mark.parametrize(
    ("status", "url", "click", "told"),
    [
        (503, "http://a.example/", "body", "answered 503, expected a status below 400"),
        (200, "http://refused.example/", "body", "could not be opened: net::ERR_CONNECTION_REFUSED"),
        (200, "http://a.example/", "#none", "click: expected something on the page, found nothing by #none"),
    ],
)
def test_what_is_no_page_is_not_timed(browser, status, url, click, told):
    browser(status)
    with pytest.raises(BenchError, match=told):
        measure(url, click)


def test_a_browser_that_does_not_start_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(devtools, "program", lambda: "/bin/false")
    with pytest.raises(BenchError, match=r"the browser did not start: the browser ended at Browser\.getVersion"):
        measure()


def test_no_browser_is_told_with_the_names_that_were_looked_for(monkeypatch):
    monkeypatch.setattr(devtools, "program", lambda: "")
    with pytest.raises(BenchError, match="expected a browser, found none of chromium"):
        measure()
