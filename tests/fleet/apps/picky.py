"""The sample app, which is not ready on the hosts that the file `refuses` beside it names."""

from __future__ import annotations

import socket
from pathlib import Path

from flask import Flask

from hello import create_app as create_sample

REFUSES = Path(__file__).with_name("refuses").read_text(encoding="utf-8").split()


def create_app() -> Flask:
    app = create_sample()
    if socket.gethostname() in REFUSES:
        app.view_functions["status.readyz"] = lambda: ("no such planet", 500)
    return app
