"""The sample app, which fails in the way that the file `fault` beside it names: empty for not at all."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from pathlib import Path

from flask import Flask, Response

from hello import create_app as create_sample

FAULT, _, NUMBER = Path(__file__).with_name("fault").read_text(encoding="utf-8").strip().partition(" ")
ACTIVE = Path("/srv") / os.environ.get("SLIPWAY_APP", "") / "active.sock"
LIVE = f"{os.environ.get('SLIPWAY_SLOT')}.sock"
# What runs before the switch loads the app too.
SERVING = "--check-config" not in sys.argv


def create_app() -> Flask:
    app = create_sample()
    globals().get(FAULT, lambda app: None)(app)
    return app


def cannot_be_loaded(app: Flask) -> None:
    raise RuntimeError("no such planet")


def cannot_be_served(app: Flask) -> None:
    """It loads, and no worker boots."""
    if SERVING:
        raise RuntimeError("no such planet")


def boots_slowly(app: Flask) -> None:
    time.sleep(float(NUMBER))


def answers_500(app: Flask) -> None:
    app.before_request(broken)


def is_not_ready(app: Flask) -> None:
    """Pages are served, and /readyz says no."""
    app.view_functions["status.readyz"] = broken


def hangs(app: Flask) -> None:
    app.before_request(lambda: time.sleep(60))


def workers_die(app: Flask) -> None:
    """Every worker ends soon after its boot, while their master lives on and makes new ones."""
    if SERVING:
        timer = threading.Timer(float(NUMBER), os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()


def tires(app: Flask) -> None:
    """A worker's first answers are good and all others are not."""
    count = itertools.count(1)
    app.before_request(lambda: broken() if next(count) > int(NUMBER) else None)


def fails_when_live(app: Flask) -> None:
    """All is well until users come."""
    app.before_request(lambda: broken() if os.path.basename(os.readlink(ACTIVE)) == LIVE else None)


def broken() -> Response:
    print("no such planet", file=sys.stderr)
    return Response("broken", 500)
