"""The log book of a small harbour: boats in, boats out."""

from __future__ import annotations

import os
import secrets

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

from . import api, cache, db, errors, logbook, logs, profile, status, work

# Everything comes from this origin and nothing is inline.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class SessionInterface(SecureCookieSessionInterface):
    """Keeps the session cookie to HTTPS whenever the request came by HTTPS."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def create_app(test_config: dict | None = None) -> Flask:
    """Make the application; README.md lists the environment variables that it reads."""
    app = Flask(__name__, instance_relative_config=True)
    app.session_interface = SessionInterface()
    app.config.from_mapping(
        APP=os.environ.get("SLIPWAY_APP", app.name),
        CACHE_REDIS_URL=os.environ.get("HELLO_CACHE_URL", ""),
        DATABASE=os.environ.get("HELLO_DATABASE") or os.path.join(app.instance_path, "logbook.sqlite3"),
        MAX_CONTENT_LENGTH=64 * 1024,
        PROFILE_TOKEN=os.environ.get("HELLO_PROFILE_TOKEN", ""),
        PROXIES=trusted_proxies(os.environ.get("HELLO_PROXIES", "0")),
        RELEASE=os.environ.get("SLIPWAY_RELEASE", "development"),
        # Never made up in production: two workers would make up two. Without it, the form says what is missing.
        SECRET_KEY=os.environ.get("HELLO_SECRET_KEY") or (secrets.token_hex() if app.debug else None),
        SESSION_COOKIE_SAMESITE="Lax",
        SLOT=os.environ.get("SLIPWAY_SLOT", ""),
    )
    app.config.from_mapping(test_config)

    if proxies := app.config["PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)

    @app.after_request
    def add_headers(response):
        response.headers["X-Release"] = app.config["RELEASE"]
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    logs.init_app(app)
    cache.init_app(app)
    db.init_app(app)
    errors.init_app(app)
    profile.init_app(app)
    app.register_blueprint(logbook.bp)
    app.register_blueprint(api.bp)
    app.register_blueprint(status.bp)
    app.register_blueprint(work.bp)
    return app


def trusted_proxies(text: str) -> int:
    """The number of proxies in front whose X-Forwarded-* headers are believed."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"HELLO_PROXIES: expected the number of proxies in front, such as 1; found {text!r}")
    return int(text)
