"""The search for settings, on made-up hosts whose answers to every setting are known."""

from __future__ import annotations

import random

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.search import (
    Candidate,
    Limits,
    Search,
    Space,
    doubles,
    ladder,
)

MIB = 1 << 20
CLIENTS = 32
SPACE = Space(("gthread", "sync"), ladder(8), doubles(64))
WIDE = Space(("gthread", "sync", "gevent"), ladder(26), doubles(64))
PLENTY = Limits(8192 * MIB)
START = Candidate("gthread", 3, 4)


def slots(one: Candidate) -> int:
    """Requests that the server handles at once."""
    return min(CLIENTS, 1000 if one.worker_class == "gevent" else one.workers * one.threads)


def surface(cpu_ms: float, wait_ms: float, cpus: int = 2, friction: float = 0.004, each: int = 40):
    """A host's answers, where a request computes and waits for so long, and threads hinder each other a little."""

    def answer(one: Candidate) -> dict:
        useful = min(one.workers, cpus)
        hindered = cpu_ms * (1 + friction * (one.threads - 1) + 0.02 * max(0, one.workers - cpus - 1))
        rate = min(1000 * slots(one) / (cpu_ms + wait_ms), 1000 * useful / hindered)
        p99 = 2000 * CLIENTS / rate
        memory = (one.workers + 1) * each * MIB + one.workers * one.threads * MIB // 2
        return {"rate": rate, "p99": p99, "errors": 0, "requests": 100, "memory": memory}

    return answer


class Host:
    """Answers by a surface, with noise, and counts what it was asked."""

    def __init__(self, answer, noise=0.0, seed=1):
        self.answer, self.noise, self.random = answer, noise, random.Random(seed)
        self.spent = self.asked = 0

    def __call__(self, one: Candidate, share: float) -> dict:
        self.asked, self.spent = self.asked + 1, self.spent + share
        found = self.answer(one)
        return {
            **found,
            "rate": found["rate"] * (1 + self.random.uniform(-self.noise, self.noise) / (2 * share) ** 0.5),
        }


def best_of(space: Space, limits: Limits, answer) -> float:
    found = [answer(one) for one in space.grid()]
    return max(one["rate"] for one in found if not limits.broken(one))


LOADS = {
    "computing": (8.0, 0.0),
    "waiting": (0.5, 100.0),
    "mixed": (4.0, 20.0),
    "quick": (1.0, 0.0),
    "waiting long": (1.0, 1000.0),
}


@pytest.mark.parametrize("noise", [0.0, 0.04])
@pytest.mark.parametrize("cpus", [2, 8])
@pytest.mark.parametrize("load", LOADS)
def test_a_quarter_of_the_grid_reaches_what_the_grid_does(load, cpus, noise):
    space, answer = SPACE if cpus == 2 else WIDE, surface(*LOADS[load], cpus=cpus)
    reached = []
    for seed in range(10):
        host = Host(answer, noise, seed)
        best = Search(space, PLENTY, host).run(START)
        assert host.spent <= sum(1 for one in space.grid()) / 4 + 1, "share of the grid's time"
        reached.append(answer(best)["rate"] / best_of(space, PLENTY, answer))
    assert sorted(reached)[1] >= 0.95, reached


@pytest.mark.parametrize("start", [Candidate("gthread", 1, 1), Candidate("sync", 8), Candidate("gthread", 8, 64)])
def test_wherever_it_begins(start):
    answer = surface(4.0, 20.0)
    best = Search(SPACE, PLENTY, Host(answer)).run(start)
    assert answer(best)["rate"] >= 0.95 * best_of(SPACE, PLENTY, answer)


def test_memory_is_kept_and_what_cannot_keep_it_is_not_measured():
    answer, limits = surface(0.5, 100.0, each=100), Limits(450 * MIB)
    search = Search(SPACE, limits, Host(answer))
    best = search.run(START)
    assert answer(best)["memory"] <= limits.memory and best.threads >= 16
    assert max(one.workers for one in search.results) <= 5


def test_p99_is_kept():
    """The rate grows with the threads, and so does what the slowest wait for."""

    def answer(one):
        return {**surface(1.0, 10.0)(one), "p99": 40.0 * one.threads, "rate": 100.0 * one.threads}

    best = Search(SPACE, Limits(8192 * MIB, 350), Host(answer)).run(START)
    assert (best.worker_class, best.threads) == ("gthread", 8)


def test_where_none_keeps_the_limits_the_nearest_is_told():
    search = Search(SPACE, Limits(8192 * MIB, 1), Host(surface(8.0, 0.0)))
    best = search.run(START)
    assert search.results[best]["broken"].startswith("p99 of ")
    assert search.results[best]["p99"] == min(found["p99"] for found in search.results.values())


def test_settings_that_fail_are_not_chosen():
    def answer(one):
        found = surface(0.5, 100.0)(one)
        return {**found, "errors": 3} if one.threads > 8 else found

    assert Search(SPACE, PLENTY, Host(answer)).run(START).threads <= 8


def test_of_equals_the_leanest():
    def answer(one):
        return {**surface(1.0, 0.0)(one), "rate": 500.0}

    best = Search(SPACE, PLENTY, Host(answer)).run(START)
    assert (
        best.workers == min(one.workers for one in Search(SPACE, PLENTY, Host(answer)).space.grid())
        or best.workers <= 3
    )


def test_the_end_of_its_time_ends_it():
    host = Host(surface(4.0, 20.0))
    search = Search(SPACE, PLENTY, host, lambda: host.asked >= 3)
    assert search.run(START) in search.results and host.asked == 3 and search.ended_early


def test_one_worker_where_there_may_be_no_other():
    space = Space(("gthread",), (1,), doubles(64))
    assert Search(space, PLENTY, Host(surface(0.5, 100.0))).run(START) == Candidate("gthread", 1, 32)


@pytest.mark.parametrize(
    ("most", "steps"),
    [(1, (1,)), (2, (1, 2)), (8, (1, 2, 3, 4, 6, 8)), (9, (1, 2, 3, 4, 6, 8, 9)), (5, (1, 2, 3, 4, 5))],
)
def test_a_ladder(most, steps):
    assert ladder(most) == steps


def test_doubles():
    assert doubles(64) == (1, 2, 4, 8, 16, 32, 64) and doubles(1) == (1,)


def test_words():
    assert [str(one) for one in (START, Candidate("sync", 1))] == ["gthread, 3 workers, 4 threads", "sync, 1 worker"]
