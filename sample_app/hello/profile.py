"""Where one request's time goes, for whoever knows the token. Without one in the environment nothing of this is there."""

from __future__ import annotations

import hmac

from flask import Flask, Response, g, request

HEADER = "X-Profile"
SHORTEST = 20  # characters that nobody guesses


def init_app(app: Flask) -> None:
    token = app.config["PROFILE_TOKEN"]
    if not token:
        return
    if len(token) < SHORTEST:
        raise ValueError(f"HELLO_PROFILE_TOKEN: expected at least {SHORTEST} characters, found {len(token)}")
    # Only here: it is an extra, and takes its time to import.
    from pyinstrument import Profiler

    @app.before_request
    def begin() -> None:
        if hmac.compare_digest(request.headers.get(HEADER, "").encode(), token.encode()):
            g.profiler = Profiler(async_mode="disabled")
            g.profiler.start()

    @app.after_request
    def tell(response: Response) -> Response:
        if "profiler" not in g:
            return response
        g.profiler.stop()
        told = app.response_class(g.profiler.output_text(show_all=False), mimetype="text/plain")
        told.cache_control.no_store = True
        told.headers["X-Profiled-Status"] = response.status
        return told
