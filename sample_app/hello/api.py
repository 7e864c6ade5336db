"""The log book for programs. Only JSON is taken, which no foreign page's form can send."""

from __future__ import annotations

import sqlite3

from flask import Blueprint, Response, abort, jsonify, request, url_for

from . import entries, visitor
from .cache import cache
from .params import bounded

bp = Blueprint("api", __name__, url_prefix="/api")


def as_json(row: sqlite3.Row) -> dict:
    return {**row, "url": url_for("api.one", entry_id=row["id"])}


@bp.get("/entries")
def listing() -> dict:
    limit = bounded("limit", 20, 1, 100)
    rows, following = entries.page(limit, bounded("before", entries.END, 1, entries.END))
    return {
        "entries": [as_json(row) for row in rows],
        "total": entries.total(),
        "next": url_for("api.listing", limit=limit, before=following) if following else None,
    }


@bp.post("/entries")
def add() -> tuple[dict, int] | tuple[dict, int, dict[str, str]]:
    data = request.get_json()
    if not isinstance(data, dict):
        abort(400, "Expected a JSON object.")
    entry, errors = entries.validate(data)
    for field in data.keys() - entry.keys():
        errors[field] = f"Unknown; the fields are {', '.join(entry)}."
    if errors:
        return {"errors": errors}, 422
    added = as_json(entries.add(entry))
    return added, 201, {"Location": added["url"]}


@bp.get(f"/entries/<int(max={entries.END}):entry_id>")
def one(entry_id: int) -> dict:
    row = entries.find(entry_id)
    if row is None:
        abort(404, f"There is no entry {entry_id}.")
    return as_json(row)


@bp.get("/busiest")
@cache.cached(timeout=10, key_prefix="busiest")
def busiest() -> dict:
    """The same for everyone, and counted over the whole book: at most once in ten seconds where there is a cache."""
    return {"boats": [dict(row) for row in entries.busiest()], "at": entries.now()}


@bp.get("/mine")
def mine() -> Response:
    """What this visitor wrote into the book by the form."""
    response = jsonify(entries=entries_of_visitor())
    response.cache_control.private = True
    return response


@cache.cached(timeout=60, make_cache_key=visitor.key, unless=visitor.unknown)
def entries_of_visitor() -> list[dict]:
    return [as_json(row) for row in map(entries.find, visitor.written()) if row]
