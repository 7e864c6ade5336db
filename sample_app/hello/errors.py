"""Errors as a page for people, as JSON for everyone else."""

from __future__ import annotations

import sqlite3

from flask import Flask, current_app, jsonify, render_template, request
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.wrappers import Response


def wants_html() -> bool:
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def http_error(error: HTTPException) -> Response:
    response = error.get_response()
    if wants_html():
        response.mimetype = "text/html"
        response.data = render_template("error.html", error=error)
    else:
        response.mimetype = "application/json"
        response.data = jsonify(error=error.name, description=error.description).data
    response.vary.add("Accept")
    return response


def database_error(error: sqlite3.OperationalError) -> Response:
    current_app.logger.error("The database %s: %s", current_app.config["DATABASE"], error)
    return http_error(ServiceUnavailable("The log book cannot be opened just now.", retry_after=5))


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(sqlite3.OperationalError, database_error)
