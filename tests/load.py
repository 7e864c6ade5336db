#!/usr/bin/env python3
"""A client that counts strictly: it never retries, and whatever is not the expected answer is lost.

    tests/load.py http://192.0.2.10 --host hello.example.com --seconds 20 --json load.json

It keeps connections alive and speaks to the sample app: pages, the API with one POST in three requests, and, all the time, a long
request and a streamed answer in flight. Each answer's status and text are checked, and the release that gave it: once a newer one
has answered anybody, an older one may answer no request that begins after that, unless a rollback was announced.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import sys
import threading
import time
from collections import Counter
from statistics import quantiles
from typing import NamedTuple

import urllib3

MAX_REQUESTS = 200_000  # of one load, however long it lasts


class Answer(NamedTuple):
    status: int
    text: str
    release: str


class Lost(Exception):
    """An answer that is not the expected one."""


class Turns:
    """The releases that answered, in turn. An answer may not come from before the turn that its request began in."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, str]] = []  # when each turn began, and its release
        self.announced: set[str] = set()

    def check(self, release: str, begun: int, now: float) -> None:
        """Raise :class:`Lost` for a release that was replaced before the request began, when ``begun`` turns were seen."""
        turns = [number for number, (_, one) in enumerate(self.seen, 1) if one == release]
        if turns and turns[-1] >= begun:
            return
        if turns and release not in self.announced:
            raise Lost(f"release {release} answered after {self.seen[begun - 1][1]} had replaced it")
        self.announced.discard(release)
        self.seen.append((now, release))


class Load:
    """Load on one site while the ``with`` block lasts; afterwards the counts.

    ``clients`` closed-loop clients, each with a ``pause`` (seconds) between its requests; ``slow`` adds a long request of so many
    seconds and a streamed answer, one after the other for the whole time. After ``most`` requests no more are sent.
    """

    def __init__(self, url: str, host: str, clients: int = 6, pause: float = 0.005, slow: float = 2.0,
                 most: int = MAX_REQUESTS) -> None:  # fmt: skip
        self.url, self.host, self.pause, self.slow = url, host, pause, slow
        self.times: list[tuple[float, float]] = []  # of the quick requests: when they began, how long they took
        self.statuses: Counter[int] = Counter()
        self.releases: Counter[str] = Counter()
        self.turns = Turns()
        self.lost: list[str] = []
        self._left = most
        self._lock, self._stop, self._start = threading.Lock(), threading.Event(), time.monotonic()
        work = [self._client] * clients + ([self._long, self._stream] if slow else [])
        self._threads = [threading.Thread(target=target, args=(number,)) for number, target in enumerate(work)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        # What follows meets a load that runs.
        time.sleep(0.5)
        return self

    def __exit__(self, *error) -> None:
        time.sleep(0.5)
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def announce(self, release: str) -> None:
        """A rollback to this release is under way: it may answer again."""
        self.turns.announced.add(release)

    def now(self) -> float:
        """Seconds since the load was made, as its times are given."""
        return time.monotonic() - self._start

    def counts(self) -> dict:
        """What was seen; times in milliseconds."""
        with self._lock:
            return {
                "requests": sum(self.statuses.values()) + len(self.lost),
                "lost": len(self.lost),
                "statuses": dict(self.statuses),
                "releases": dict(self.releases),
                "turns": [release for _, release in self.turns.seen],
                "ended_early": self._left <= 0,
                "ms": percentiles([seconds for _, seconds in self.times]),
                "first_lost": self.lost[:20],
            }

    def during(self, windows: list[tuple[float, float]]) -> dict:
        """Percentiles of the quick requests that began within these times."""
        with self._lock:
            return percentiles([took for begun, took in self.times if any(a <= begun < b for a, b in windows)])

    # What the clients do

    def _client(self, number: int) -> None:
        """Pages and the API: every third request is a POST, whose entry is read back."""
        pool, entry = self._pool(), "/api/entries?limit=1"
        for count in itertools.count(number):
            if count % 3 == 0:
                boat = f"Load {number} {count % 30}"
                added = self._ask(
                    pool, 201, boat, "POST", "/api/entries", {"boat": boat, "movement": "in", "skipper": "Load"}
                )
                entry = json.loads(added.text)["url"] if added else entry
            else:
                path, text = ("/", "<title>") if count % 3 == 1 else (entry, '"')
                self._ask(pool, 200, text, "GET", path)
            if self._stop.wait(self.pause):
                return

    def _long(self, number: int) -> None:
        ms, pool = int(1000 * self.slow), self._pool()
        while not self._stop.is_set():
            self._ask(pool, 200, str(ms), "GET", f"/wait?ms={ms}", timed=False)

    def _stream(self, number: int) -> None:
        pool = self._pool()
        while not self._stop.is_set():
            self._ask(pool, 200, "wave 10 of 10", "GET", f"/stream?lines=10&ms={int(100 * self.slow)}", timed=False)

    def _pool(self) -> urllib3.HTTPConnectionPool:
        return urllib3.connection_from_url(self.url, maxsize=1, retries=False, timeout=30)

    def _ask(self, pool, status: int, text: str, method: str, path: str, body=None, timed=True) -> Answer | None:
        """One request, counted; None when it was lost."""
        with self._lock:
            self._left -= 1
            begun, start = len(self.turns.seen), self.now()
        if self._left < 0:
            self._stop.set()
            return None
        try:
            answer = self._answer(pool.request(method, path, json=body, headers={"Host": self.host}, redirect=False))
            if answer.status != status or text not in answer.text:
                raise Lost(f"{answer.status}, expected {status} with {text!r}: {answer.text[:200]!r}")
            with self._lock:
                self.turns.check(answer.release, begun, self.now())
                self.statuses[answer.status] += 1
                self.releases[answer.release] += 1
                if timed:
                    self.times.append((start, self.now() - start))
        except (Lost, urllib3.exceptions.HTTPError, OSError) as error:
            with self._lock:
                self.lost.append(f"{start:.3f} s: {method} {path}: {type(error).__name__}: {error}")
            return None
        return answer

    @staticmethod
    def _answer(response: urllib3.BaseHTTPResponse) -> Answer:
        return Answer(response.status, response.data.decode(errors="replace"), response.headers.get("X-Release", ""))


def percentiles(seconds: list[float]) -> dict[str, float]:
    """In milliseconds; empty when too few were measured."""
    if len(seconds) < 2:
        return {}
    cuts = quantiles(seconds, n=1000, method="inclusive")
    shown = {"p50": cuts[499], "p95": cuts[949], "p99": cuts[989], "p999": cuts[998], "max": max(seconds)}
    return {name: round(1000 * value, 1) for name, value in shown.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="such as http://192.0.2.10")
    parser.add_argument("--host", required=True, help="the site's domain")
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--pause", type=float, default=0.005, help="seconds between a client's requests")
    parser.add_argument("--slow", type=float, default=2.0, help="seconds of the long requests, 0 for none")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--most", type=int, default=MAX_REQUESTS, help="requests after which no more are sent")
    parser.add_argument("--json", help="file for the counts")
    words = parser.parse_args()
    with (
        Load(words.url, words.host, words.clients, words.pause, words.slow, words.most) as load,
        contextlib.suppress(KeyboardInterrupt),
    ):
        time.sleep(words.seconds)
    counts = json.dumps(load.counts(), indent=2)
    print(counts)
    if words.json:
        with open(words.json, "w", encoding="utf-8") as file:
            file.write(counts + "\n")
    return 1 if load.lost else 0


if __name__ == "__main__":
    sys.exit(main())
