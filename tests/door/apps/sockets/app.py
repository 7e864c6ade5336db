"""An app with a WebSocket."""

from __future__ import annotations

import os

from flask import Flask, request
from simple_websocket import ConnectionClosed, Server

app = Flask(__name__)


@app.get("/healthz")
def healthz() -> dict:
    return {"release": os.environ.get("SLIPWAY_RELEASE", "")}


@app.route("/echo", websocket=True)
def echo() -> str:
    """Says what it hears."""
    socket = Server.accept(request.environ, ping_interval=20)
    try:
        while True:
            socket.send(socket.receive())
    except ConnectionClosed:
        return ""
