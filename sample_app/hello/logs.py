"""Each line of the app's log bears the ID that the proxy in front gave the request, so that both logs tell of the same."""

from __future__ import annotations

import logging

from flask import Flask, has_request_context, request
from flask.logging import default_handler

FORMAT = "%(levelname)s in %(module)s: %(message)s [%(request_id)s]"


def request_id(proxies: int) -> str:
    """``-`` outside of a request, and where nobody in front has set it but whoever asks."""
    return request.headers.get("X-Request-ID", "-") if proxies and has_request_context() else "-"


def init_app(app: Flask) -> None:
    def add_id(record: logging.LogRecord) -> bool:
        record.request_id = request_id(app.config["PROXIES"])
        return True

    # The handler is Flask's own, and one for all apps of a process.
    for known in list(default_handler.filters):
        default_handler.removeFilter(known)
    default_handler.addFilter(add_id)
    default_handler.setFormatter(logging.Formatter(FORMAT))
