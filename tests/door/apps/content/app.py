"""Answers that want something of the door: files, streams, pages that may be kept."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from flask import Flask, Response, abort, jsonify, request, session

app = Flask(__name__, static_folder=None)
app.secret_key = "for tests only"
STATIC = Path(__file__).with_name("static")
PAPERS = Path(__file__).with_name("papers")


@app.get("/healthz")
def healthz() -> dict:
    return {"release": os.environ.get("SLIPWAY_RELEASE", ""), "pid": os.getpid()}


@app.get("/")
def index() -> dict:
    """The page: the files that it is made of, by their names in this release."""
    return {"files": sorted(f"/static/{path.name}" for path in STATIC.iterdir())}


@app.get("/papers/<name>")
def paper(name: str) -> Response:
    """A file that Nginx sends, to those who may have it."""
    if request.args.get("ticket") != "valid":
        abort(403)
    own = {"Content-Type": "text/plain", "Content-Security-Policy": "sandbox"}
    return Response(headers={"X-Accel-Redirect": f"/internal/{name}", **own})


@app.put("/papers/<name>")
def write(name: str) -> dict:
    return {"bytes": (PAPERS / name).write_bytes(request.get_data())}


@app.post("/upload")
@app.post("/live/upload")
def upload() -> dict:
    """How long the body took to read, in seconds, and its bytes."""
    start, size = time.monotonic(), 0
    while piece := request.stream.read(1024):
        size += len(piece)
    return {"bytes": size, "seconds": round(time.monotonic() - start, 2)}


@app.get("/events")
def events() -> Response:
    """Five events, 0.2 s apart."""

    def pieces() -> Iterator[str]:
        for number in range(5):
            yield f"data: {number}\n\n"
            time.sleep(0.2)

    return Response(pieces(), mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})


@app.get("/live/drip")
def drip() -> Response:
    """The same without a word to the proxy."""
    return Response((time.sleep(0.2) or f"{number}\n" for number in range(5)), mimetype="text/plain")


@app.get("/large")
def large() -> Response:
    return Response(bytes(8 << 20), mimetype="application/octet-stream")


@app.get("/news/<name>")
def news(name: str) -> Response:
    """A page that differs each time; the query says what is special about it."""
    time.sleep(float(request.args.get("wait", "0")))
    filling = "x" * int(request.args.get("filling", "0"))
    answer = jsonify(at=time.time_ns(), release=os.environ.get("SLIPWAY_RELEASE", ""), filling=filling)
    if says := request.args.get("says"):
        answer.headers["Cache-Control"] = says
    if "known" in request.args:
        session["name"] = "Ann"
    return answer
