"""Says what reached it, so that a test sees what Nginx let through."""

import time

from flask import Flask, request

app = Flask(__name__)


@app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
@app.route("/<path:path>", methods=["GET", "POST"])
def echo(path):
    time.sleep(request.args.get("wait", 0, type=float))
    answer = app.json.response(path=request.path, headers=list(request.headers), body=len(request.get_data()))
    for name in request.args.getlist("say"):
        answer.headers[name] = "said by the app"
    return answer
