"""What the pages and the API both do with entries."""

from __future__ import annotations

import sqlite3
import unicodedata
from datetime import datetime, timezone

from .db import get_db

MOVEMENTS = ("in", "out")
HARBOUR = {"in": "INSERT OR IGNORE INTO harbour VALUES (?)", "out": "DELETE FROM harbour WHERE boat = ?"}
LENGTHS = {"boat": 60, "skipper": 60, "remark": 280}
REQUIRED = ("boat", "skipper")
END = 2**63 - 1  # the largest id that SQLite knows


def validate(data: dict) -> tuple[dict[str, str], dict[str, str]]:
    """Return the entry with its texts tidied, and what is wrong with it by field."""
    entry, errors = {}, {}
    for field, longest in LENGTHS.items():
        value = data.get(field, "")
        text = " ".join(value.split()) if isinstance(value, str) else ""
        if not isinstance(value, str):
            errors[field] = "Must be text."
        elif field in REQUIRED and not text:
            errors[field] = "Must not be empty."
        elif len(text) > longest:
            errors[field] = f"Must be at most {longest} characters long, not {len(text)}."
        elif any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
            errors[field] = "Must not hold control characters."
        entry[field] = text
    entry["movement"] = data.get("movement", "")
    if entry["movement"] not in MOVEMENTS:
        errors["movement"] = "Must be in or out."
    return entry, errors


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def add(entry: dict[str, str]) -> sqlite3.Row:
    """Write a valid entry into the book."""
    db = get_db()
    with db:
        new = db.execute(
            "INSERT INTO entry (boat, movement, skipper, remark, logged_at)"
            " VALUES (:boat, :movement, :skipper, :remark, :logged_at)",
            {**entry, "logged_at": now()},
        )
        db.execute(HARBOUR[entry["movement"]], (entry["boat"],))
    return find(new.lastrowid)


def find(entry_id: int) -> sqlite3.Row | None:
    return get_db().execute("SELECT * FROM entry WHERE id = ?", (entry_id,)).fetchone()


def page(limit: int, before: int = END) -> tuple[list[sqlite3.Row], int | None]:
    """The newest entries older than `before`, and the `before` of the page that follows, if one does."""
    query = "SELECT * FROM entry WHERE id < ? ORDER BY id DESC LIMIT ?"
    rows = get_db().execute(query, (before, limit + 1)).fetchall()
    return rows[:limit], rows[limit - 1]["id"] if len(rows) > limit else None


def total() -> int:
    """How many entries there are: none is ever taken out."""
    return get_db().execute("SELECT ifnull(max(id), 0) FROM entry").fetchone()[0]


def in_harbour() -> int:
    return get_db().execute("SELECT count(*) FROM harbour").fetchone()[0]


def busiest() -> list[sqlite3.Row]:
    """The boats that came and went most often."""
    query = "SELECT boat, count(*) AS movements FROM entry GROUP BY boat ORDER BY movements DESC, boat LIMIT 5"
    return get_db().execute(query).fetchall()
