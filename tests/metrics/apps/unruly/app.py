"""An app that does what it is told, however bad."""

import os
import signal

from flask import Flask, request

app = Flask(__name__)


@app.get("/")
def well():
    return "well"


@app.get("/status/<int:status>")
def answer(status):
    app.logger.error("told to answer %d to %s", status, request.headers["X-Request-ID"])
    return "as told", status


@app.get("/die")
def die():
    os.kill(os.getpid(), signal.SIGKILL)
    return "never said"
