"""A form is accepted only with the token of the visitor's own session."""

from __future__ import annotations

import hmac
import secrets

from flask import abort, request, session


def token() -> str:
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe()
    return session["csrf"]


def check() -> None:
    sent = request.form.get("csrf", "").encode()
    if "csrf" not in session or not hmac.compare_digest(sent, session["csrf"].encode()):
        abort(400, "The form has expired. Open it again and send it once more.")
