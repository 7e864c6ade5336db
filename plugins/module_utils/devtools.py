# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chromium without a window, told what to do by its DevTools protocol over a pair of pipes."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from urllib.parse import urlsplit

from ansible_collections.slipway.flask.plugins.module_utils.errors import BenchError

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_USER = "nobody"

# The browser reads at 3 and writes at 4, whichever numbers the pipes have here. Root's rights end before it begins.
_EXEC = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
os.dup2(ends[0], 3); os.dup2(ends[1], 4)
user, group = map(int, sys.argv[3:5])
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(group); os.setuid(user)
os.execv(sys.argv[5], sys.argv[5:])
"""

# What the browser itself times (web.dev/articles/vitals). A click that took less than 16 ms is in the first input alone.
_OBSERVE = """
window.slipwayVitals = {lcp: null, inp: null};
const slipwayLonger = (name, value) => { slipwayVitals[name] = Math.max(slipwayVitals[name] ?? 0, value); };
const slipwaySee = (options, take) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe(
  {buffered: true, ...options});
slipwaySee({type: "largest-contentful-paint"}, (entry) => slipwayLonger("lcp", entry.startTime));
slipwaySee({type: "event", durationThreshold: 16}, (entry) => entry.interactionId && slipwayLonger("inp", entry.duration));
slipwaySee({type: "first-input"}, (entry) => slipwayLonger("inp", entry.duration));
"""
_READ = """(() => {
  const page = performance.getEntriesByType("navigation")[0];
  return JSON.stringify({...slipwayVitals, ttfb: page.responseStart, status: page.responseStatus ?? 200});
})()"""
# The middle of a thing, but a corner of the whole page, where no link should be.
_PLACE = """((selector) => {
  const thing = document.querySelector(selector);
  if (!thing) return null;
  thing.scrollIntoView({block: "center"});
  const box = thing.getBoundingClientRect();
  return JSON.stringify(selector === "body" ? [2, 2] : [box.x + box.width / 2, box.y + box.height / 2]);
})(%s)"""


def program() -> str:
    """Path of the browser, '' where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), "")


class Browser:
    """A browser that finds ``host`` at ``address``; it and its profile are gone when the block ends."""

    def __init__(self, host: str, address: str, timeout: float) -> None:
        self.host, self.address, self.timeout = host, address, timeout
        self.number, self.rest, self.events = 0, b"", []

    def __enter__(self) -> Browser:
        for options in ([], ["--no-sandbox"]):
            # Not every machine lets a browser make a sandbox of its own, containers above all.
            try:
                self._start(options)
                self.version = self.call("Browser.getVersion")["product"].replace("/", " ").replace("Headless", "")
                return self
            except (BenchError, OSError) as error:
                self.close()
                failure = error
        raise BenchError(f"the browser did not start: {failure}")

    def __exit__(self, *dummy) -> None:
        self.close()

    def _start(self, options: list[str]) -> None:
        path = program()
        if not path:
            raise BenchError(f"expected a browser, found none of {', '.join(PROGRAMS)}")
        self.profile = tempfile.mkdtemp(prefix="slipway-bench-")
        account, place = pwd.getpwnam(_USER), {**os.environ, "HOME": self.profile}
        if os.geteuid() == 0:
            os.chown(self.profile, account.pw_uid, account.pw_gid)
        words = [path, "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self.profile}", *options]
        words += ["--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"]
        words += ["--disable-component-update", "--disable-sync", "--no-proxy-server", "--ignore-certificate-errors"]
        words += ["--window-size=1280,900", f"--host-resolver-rules=MAP {self.host} {self.address}", "about:blank"]
        told, self.write = os.pipe()
        self.read, said = os.pipe()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _EXEC, *map(str, (told, said, account.pw_uid, account.pw_gid)), *words], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(told, said), env=place, cwd="/",
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(told)
            os.close(said)

    def close(self) -> None:
        process = getattr(self, "process", None)
        if process:
            with contextlib.suppress(BenchError, OSError):
                self.call("Browser.close", wait=3)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(3)
            with contextlib.suppress(OSError):
                os.killpg(process.pid, 9)
            process.wait()
            os.close(self.write)
            os.close(self.read)
            self.process, self.rest, self.events = None, b"", []
        if getattr(self, "profile", ""):
            shutil.rmtree(self.profile, ignore_errors=True)

    # The protocol: JSON, each message ended by a zero

    def call(self, method: str, session: str = "", wait: float = 0, **parameters) -> dict:
        """What the browser answers to a command."""
        self.number += 1
        message = {
            "id": self.number,
            "method": method,
            "params": parameters,
            **({"sessionId": session} if session else {}),
        }
        os.write(self.write, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda got: got.get("id") == self.number, method, wait or self.timeout)
        if "error" in answer:
            raise BenchError(f"{method}: {answer['error'].get('message')}")
        return answer.get("result", {})

    def event(self, method: str, session: str) -> dict:
        """The next event of that name, or one that has come already."""

        def wanted(got: dict) -> bool:
            return got.get("method") == method and got.get("sessionId") == session

        for number, event in enumerate(self.events):
            if wanted(event):
                return self.events.pop(number)
        return self._until(wanted, method, self.timeout)

    def _until(self, wanted, what: str, seconds: float) -> dict:
        deadline = time.monotonic() + seconds
        while True:
            message, found, rest = self.rest.partition(b"\0")
            if not found:
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([self.read], [], [], left)[0]:
                    raise BenchError(f"the browser did not answer {what} within {seconds:.0f} s")
                part = os.read(self.read, 1 << 16)
                if not part:
                    raise BenchError(f"the browser ended at {what}")
                self.rest += part
                continue
            self.rest = rest
            got = json.loads(message)
            if wanted(got):
                return got
            if "method" in got:
                self.events.append(got)

    # A visit

    def visit(self, url: str, click: str) -> dict[str, float | None]:
        """Milliseconds to the first byte, to the largest content and from a click to its picture, with an empty cache."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        try:
            target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
            session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            self.call("Page.enable", session)
            self.call("Page.addScriptToEvaluateOnNewDocument", session, source=_OBSERVE)
            self.events.clear()
            went = self.call("Page.navigate", session, url=url)
            if went.get("errorText"):
                raise BenchError(f"{url} could not be opened: {went['errorText']}")
            self.event("Page.loadEventFired", session)
            for dummy in range(10):  # What is painted is told a little later.
                time.sleep(0.3)
                seen = self._read(session)
                if seen["lcp"] is not None:
                    break
            if seen["status"] >= 400:
                raise BenchError(f"{url} answered {seen['status']}, expected a status below 400")
            self._click(session, click)
            time.sleep(0.5)
            return {"ttfb": seen["ttfb"], "lcp": seen["lcp"], "inp": self._read(session)["inp"]}
        finally:
            self.call("Target.disposeBrowserContext", browserContextId=context)

    def _evaluate(self, session: str, expression: str):
        told = self.call("Runtime.evaluate", session, expression=expression, returnByValue=True)
        if "exceptionDetails" in told:
            raise BenchError(f"the page threw {told['exceptionDetails'].get('text')}")
        return told["result"].get("value")

    def _read(self, session: str) -> dict:
        return json.loads(self._evaluate(session, _READ))

    def _click(self, session: str, selector: str) -> None:
        place = self._evaluate(session, _PLACE % json.dumps(selector))
        if place is None:
            raise BenchError(
                f"slipway_bench.browser.click: expected something on the page, found nothing by {selector}"
            )
        x, y = json.loads(place)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", session, type=kind, x=x, y=y, button="left", clickCount=1)


def measure(url: str, address: str, click: str, visits: int, timeout: float, delay: float = 0) -> dict:
    """Figures of so many visits: of each vital the median, the least and the most, in milliseconds."""
    with Browser(urlsplit(url).hostname or "", address, timeout) as browser:
        time.sleep(delay)
        browser.visit(url, click)  # The first one of a browser finds itself cold.
        seen = [browser.visit(url, click) for dummy in range(visits)]
        version = browser.version
    told = {"visits": visits, "version": version}
    for name in ("ttfb", "lcp", "inp"):
        values = sorted(one[name] for one in seen if one[name] is not None)
        told[name] = (
            {"p50": round(statistics.median(values), 1), "min": round(values[0], 1), "max": round(values[-1], 1)}
            if values
            else {}
        )
    return told
