"""The strict client before a fleet, where an entry lies on the host that took it, and hosts of two releases may answer in turn."""

from __future__ import annotations

import itertools
import threading

from load import Load

PAGES = [("/", "<title>"), ("/api/entries?limit=1", '"')]
KEPT = ("/api/busiest", "boats")  # in the cache, where there is one


class AnyTurn:
    """In place of the client's own order of releases, which one host keeps and a fleet does not."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, str]] = []
        self.announced: set[str] = set()

    def check(self, release: str, begun: int, now: float) -> None:
        """Any will do."""


class FleetLoad(Load):
    """Pages and the API, one POST in three requests, and long requests. No stream: what has begun cannot move to another host."""

    def __init__(self, *words, slow: float = 0, pages: list[tuple[str, str]] = PAGES, **options) -> None:
        super().__init__(*words, slow=0, **options)
        self.pages = pages
        self.turns = AnyTurn()
        self.slow = slow
        self.long: list[float] = []  # how long those took
        if slow:
            self._threads.append(threading.Thread(target=self._long, args=(0,)))

    def _client(self, number: int) -> None:
        pool, pages = self._pool(), itertools.cycle(self.pages)
        for count in itertools.count(number):
            if count % 3 == 0:
                boat = f"Load {number} {count % 30}"
                entry = {"boat": boat, "movement": "in", "skipper": "Load"}
                self._ask(pool, 201, boat, "POST", "/api/entries", entry)
            else:
                path, text = next(pages)
                self._ask(pool, 200, text, "GET", path)
            if self._stop.wait(self.pause):
                return

    def _long(self, number: int) -> None:
        """One that has to be asked of another host begins there anew."""
        ms, pool = int(1000 * self.slow), self._pool()
        while not self._stop.is_set():
            begun = self.now()
            self._ask(pool, 200, str(ms), "GET", f"/wait?ms={ms}", timed=False)
            self.long.append(self.now() - begun)
