"""Who writes into the book, as far as their own session tells."""

from __future__ import annotations

import secrets

from flask import session

MOST = 20


def wrote(entry_id: int) -> None:
    session.setdefault("visitor", secrets.token_urlsafe())
    session["wrote"] = [entry_id, *session.get("wrote", [])][:MOST]


def written() -> list[int]:
    """The newest first."""
    return session.get("wrote", [])


def unknown() -> bool:
    return not written()


def key() -> str:
    """No one else has it, and the next entry makes it another one."""
    return f"mine/{session['visitor']}/{written()[0]}"
