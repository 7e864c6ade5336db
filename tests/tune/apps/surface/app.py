"""Work whose best number of threads is known."""

from __future__ import annotations

import os
import threading
import time

from flask import Flask

app = Flask(__name__)
inside, door = 0, threading.Lock()


@app.after_request
def tell_release(response):
    response.headers["X-Release"] = os.environ["SLIPWAY_RELEASE"]
    return response


@app.get("/healthz")
def healthz():
    return {"status": "ok"}


@app.get("/wait")
def wait():
    """As many at once as there are threads: the more the better."""
    time.sleep(0.1)
    return {"waited": True}


@app.get("/crowded")
def crowded():
    """Each hinders all others of its process: one thread gives the most."""
    global inside
    with door:
        inside += 1
        many = inside
    time.sleep(0.01 * many * many)
    with door:
        inside -= 1
    return {"many": many}


@app.get("/compute")
def compute():
    return {"hottest": spin(0.02)}


def spin(seconds: float) -> int:
    """Where the profiler is to find the time spent."""
    end, turns = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        turns += 1
    return turns
