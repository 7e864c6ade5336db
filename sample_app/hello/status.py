"""What a probe or an administrator asks."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version

from flask import Blueprint, current_app, request

from . import cache
from .db import get_db

bp = Blueprint("status", __name__)


@bp.get("/healthz")
def healthz() -> dict:
    """The process lives."""
    return {"status": "ok"}


@bp.get("/readyz")
def readyz() -> dict | tuple[dict, int]:
    """The process can do its work: 503 when it cannot, `degraded` when it does it without its cache."""
    try:
        get_db().execute("SELECT id FROM entry LIMIT 1")
    except sqlite3.Error as error:
        return {"status": "unavailable", "database": str(error)}, 503
    # Without its cache it is slower, and no other process would be better off.
    kept = cache.state()
    return {"status": "ok"} if kept is None else {"status": "ok" if kept == "ok" else "degraded", "cache": kept}


@bp.get("/whoami")
def whoami() -> dict:
    """Who answers, and what it sees of the request."""
    return {
        "app": current_app.config["APP"],
        "release": current_app.config["RELEASE"],
        "slot": current_app.config["SLOT"],
        "pid": os.getpid(),
        "python": platform.python_version(),
        "flask": version("flask"),
        "server": request.environ.get("SERVER_SOFTWARE", ""),
        "scheme": request.scheme,
        "host": request.host,
        "remote_addr": request.remote_addr,
    }
