# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for a server's settings: which to measure next, and which of those measured to recommend."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from typing import NamedTuple

# Better by less is taken for noise while searching, and not worth its memory in the end.
_GAIN, _WORTH = 0.03, 0.02
_FINALISTS = 3


class Candidate(NamedTuple):
    """Settings to try. Only gthread has more than one thread."""

    worker_class: str
    workers: int
    threads: int = 1

    def __str__(self) -> str:
        threads = f", {self.threads} threads" if self.worker_class == "gthread" else ""
        return f"{self.worker_class}, {self.workers} worker{'s' if self.workers > 1 else ''}{threads}"


class Limits(NamedTuple):
    """What a candidate has to keep. ``memory`` in bytes, ``p99`` in milliseconds, None for no bound."""

    memory: int
    p99: float | None = None

    def broken(self, result: dict) -> str:
        """Which of them a result breaks, '' for none."""
        if result["errors"]:
            return f"{result['errors']} of {result['requests']} requests failed"
        if result["p99"] is None:
            return "it answered no request in time"
        if result["memory"] > self.memory:
            return f"{result['memory'] >> 20} MiB of memory, more than {self.memory >> 20}"
        if self.p99 is not None and result["p99"] > self.p99:
            return f"p99 of {result['p99']:.0f} ms, more than {self.p99:.0f}"
        return ""


class Space(NamedTuple):
    """What may be tried."""

    classes: tuple[str, ...]
    workers: tuple[int, ...]
    threads: tuple[int, ...]

    def grid(self) -> Iterator[Candidate]:
        """All of it."""
        for worker_class in self.classes:
            for workers in self.workers:
                for threads in self.threads if worker_class == "gthread" else (1,):
                    yield Candidate(worker_class, workers, threads)

    def nearest(self, candidate: Candidate) -> Candidate:
        """The one of the space that is most like it."""

        def near(values: tuple[int, ...], value: int) -> int:
            return min(values, key=lambda one: (abs(one - value), one))

        worker_class = candidate.worker_class if candidate.worker_class in self.classes else self.classes[0]
        threads = near(self.threads, candidate.threads) if worker_class == "gthread" else 1
        return Candidate(worker_class, near(self.workers, candidate.workers), threads)


def ladder(most: int) -> tuple[int, ...]:
    """Numbers from 1 whose steps grow: 1, 2, 3, 4, 6, 8, 12, 16, 24 and so on, up to ``most``, which is one of them."""
    steps = [1, 2, 3]
    while steps[-1] < most:
        steps.append(steps[-2] * 2)
    return (*(step for step in steps if step < most), most)


def doubles(most: int) -> tuple[int, ...]:
    """1, 2, 4, 8 and so on up to ``most``."""
    return tuple(1 << power for power in range(max(1, most).bit_length()))


class Search:
    """Climbs along one setting after the other, and at the end measures the best few for longer.

    ``measure(candidate, share)`` gives a result, for a share of the time that a whole measurement takes; it has ``rate``
    (requests in a second), ``p99``, ``errors``, ``requests`` and ``memory``. ``over()`` says when the time for searching is up.
    """

    def __init__(self, space: Space, limits: Limits, measure: Callable[[Candidate, float], dict],
                 over: Callable[[], bool] = lambda: False) -> None:  # fmt: skip
        self.space, self.limits, self._measure, self._over = space, limits, measure, over
        self.results: dict[Candidate, dict] = {}
        # What a quarter of the grid would take, less the last few: with its start, half a measurement takes two thirds of a whole one.
        self.most = max(8, int((sum(1 for one in space.grid()) / 4 - _FINALISTS) * 1.5))
        self.ended_early = False

    def run(self, start: Candidate) -> Candidate:
        """The candidate to recommend, of those that keep the limits if there are such."""
        best = start = self.space.nearest(start)
        self.result(start)
        best = self._climb(best)
        for worker_class in self.space.classes:
            if worker_class != start.worker_class:
                threads = 4 if worker_class == "gthread" else 1
                other = self._climb(self.space.nearest(Candidate(worker_class, best.workers, threads)))
                best = max(best, other, key=self._rank)
        return self._final()

    def result(self, candidate: Candidate, share: float = 0.5) -> dict:
        """What is known of a candidate, measured now where nothing is."""
        if candidate not in self.results:
            if (why := self._hopeless(candidate)) or self._over() or len(self.results) >= self.most:
                self.ended_early |= not why
                return {"broken": why or "not measured", "rate": 0.0, "p99": None}
            found = self._measure(candidate, share)
            self.results[candidate] = {**found, "broken": self.limits.broken(found)}
        return self.results[candidate]

    def _hopeless(self, candidate: Candidate) -> str:
        """Why the candidate need not be measured: fewer workers of its class took more memory than there is."""
        for known, found in self.results.items():
            fewer = known.worker_class == candidate.worker_class and known.workers < candidate.workers
            if fewer and known.threads <= candidate.threads:
                each = found["memory"] / (known.workers + 1)
                if each * 0.8 * (candidate.workers + 1) > self.limits.memory:
                    return "it would take more memory than there is"
        return ""

    def _rank(self, candidate: Candidate) -> tuple:
        found = self.result(candidate)
        # Where none keeps the limits, the one that comes nearest: the fewer errors and the lower the p99, the better.
        if found["broken"]:
            measured = found["p99"] is not None
            return (False, measured, -found.get("errors", 0), -(found["p99"] or 0) if measured else 0)
        return (True, found["rate"])

    def _better(self, one: Candidate, other: Candidate) -> bool:
        """Whether one is better than the other by more than noise."""
        a, b = self._rank(one), self._rank(other)
        return a > b and not (a[0] and b[0] and a[1] <= b[1] * (1 + _GAIN))

    def _climb(self, best: Candidate) -> Candidate:
        """The top that is reached from here, by steps along one setting at a time."""
        axes = ["threads", "workers"] if best.worker_class == "gthread" else ["workers"]
        unmoved = 0
        while unmoved < len(axes):
            axis = axes[0]
            axes = [*axes[1:], axis]
            top = self._along(best, axis)
            unmoved = 1 if top != best else unmoved + 1
            best = top
        return best

    def _along(self, best: Candidate, axis: str) -> Candidate:
        values = getattr(self.space, axis)
        origin = best
        for step in (1, -1):
            at = bisect.bisect_left(values, getattr(best, axis)) + step
            while 0 <= at < len(values):
                one = best._replace(**{axis: values[at]})
                if not self._better(one, best):
                    break
                best, at = one, at + step
            if best != origin:
                break  # What became better upwards has no better below.
        return best

    def _final(self) -> Candidate:
        """Measure the best few for as long as it takes to be sure, and take the leanest of those that are as good as the best."""
        ranked = sorted(self.results, key=self._rank, reverse=True)
        good = [one for one in ranked if not self.results[one]["broken"]]
        if not good:
            return ranked[0]
        near = [one for one in good if self.results[one]["rate"] >= self.results[good[0]]["rate"] * (1 - 2 * _GAIN)]
        finalists = near[:_FINALISTS]
        for one in finalists if len(finalists) > 1 else []:
            if self._over():
                self.ended_early = True
                break
            found = self._measure(one, 1.0)
            self.results[one] = {**found, "broken": self.limits.broken(found)}
        kept = [one for one in finalists if not self.results[one]["broken"]] or [
            one for one in good if not self.results[one]["broken"]
        ]
        if not kept:
            return max(self.results, key=self._rank)
        most = max(self.results[one]["rate"] for one in kept)
        worthy = [one for one in kept if self.results[one]["rate"] >= most * (1 - _WORTH)]
        return min(worthy, key=lambda one: (self.results[one]["memory"], one.workers, one.threads))
