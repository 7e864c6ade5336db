"""One SQLite file, one connection per request."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import click
from flask import Flask, current_app, g
from flask.cli import with_appcontext


def connect(mode: str = "rw") -> sqlite3.Connection:
    """Open the database: mode `rw` needs it to exist, `rwc` creates it."""
    uri = Path(current_app.config["DATABASE"]).absolute().as_uri()
    connection = sqlite3.connect(f"{uri}?mode={mode}", uri=True, timeout=5)
    connection.row_factory = sqlite3.Row
    # Nobody waits for another's entry to reach the disk; a power cut may take the last ones, never the file, which is in WAL mode.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def get_db() -> sqlite3.Connection:
    if "db" not in g:
        g.db = connect()
    return g.db


def close_db(exception: BaseException | None = None) -> None:
    if db := g.pop("db", None):
        db.close()


def init_db() -> None:
    """Create what is missing; what is there stays as it is."""
    os.makedirs(os.path.dirname(os.path.abspath(current_app.config["DATABASE"])), exist_ok=True)
    with closing(connect("rwc")) as db, current_app.open_resource("schema.sql", "r", encoding="utf-8") as schema:
        db.execute("PRAGMA journal_mode = WAL")  # readers and the writer don't wait for each other
        db.executescript(schema.read())


@click.command("init-db")
@with_appcontext
def init_db_command() -> None:
    """Create the database where it is missing."""
    init_db()
    click.echo(f"The log book is ready: {current_app.config['DATABASE']}")


def init_app(app: Flask) -> None:
    app.teardown_appcontext(close_db)
    app.cli.add_command(init_db_command)
