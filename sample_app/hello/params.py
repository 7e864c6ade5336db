"""Numbers in the query string."""

from __future__ import annotations

from flask import abort, request


def bounded(name: str, default: int, low: int, high: int) -> int:
    """Return the whole number `name` of the query string; a request out of bounds is answered with 400."""
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        abort(400, f"{name}: expected a whole number from {low} to {high}; found {text[:40]!r}.")
    return int(text)
