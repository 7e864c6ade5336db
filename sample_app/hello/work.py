"""Kinds of work that a server treats differently."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime, timezone

from flask import Blueprint, Response, current_app, jsonify

from .params import bounded

LONGEST_WAIT = 60_000  # ms

bp = Blueprint("work", __name__)


@bp.get("/compute")
def compute() -> dict:
    """Keep the processor busy: count the primes up to n, by trial division."""
    n = bounded("n", 10_000, 1, 200_000)
    start = time.perf_counter()
    primes = sum(is_prime(candidate) for candidate in range(2, n + 1))
    return {"n": n, "primes": primes, "ms": round(1000 * (time.perf_counter() - start), 1)}


def is_prime(number: int) -> bool:
    divisor = 2
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 1
    return True


@bp.get("/wait")
def wait() -> dict:
    """Wait, as for a slow database or a remote service."""
    ms = bounded("ms", 100, 0, LONGEST_WAIT)
    time.sleep(ms / 1000)
    return {"ms": ms}


@bp.get("/wait-async")
async def wait_async() -> dict:
    """Wait in a coroutine."""
    ms = bounded("ms", 100, 0, LONGEST_WAIT)
    await asyncio.sleep(ms / 1000)
    return {"ms": ms}


@bp.get("/cached")
def cached() -> Response:
    """An answer that a cache may keep: its time stands still while it does."""
    response = jsonify(at=datetime.now(timezone.utc).isoformat(), release=current_app.config["RELEASE"])
    response.cache_control.public = True
    response.cache_control.max_age = 60
    return response


@bp.get("/stream")
def stream() -> Response:
    """An answer in several pieces, `ms` apart."""
    lines = bounded("lines", 5, 1, 100)
    ms = bounded("ms", 100, 0, 1000)

    def pieces() -> Iterator[str]:
        for line in range(1, lines + 1):
            if line > 1:
                time.sleep(ms / 1000)
            yield f"wave {line} of {lines}\n"

    return Response(pieces(), mimetype="text/plain")
