import sqlite3
from contextlib import closing

import pytest

from hello.db import get_db


def test_connection_is_one_per_request_and_closed_after_it(app):
    with app.app_context():
        db = get_db()
        assert db is get_db()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        db.execute("SELECT 1")


def test_init_db_again_keeps_entries(runner, add, client):
    add()
    result = runner.invoke(args=["init-db"])
    assert result.exit_code == 0
    assert "ready" in result.output
    assert client.get("/api/entries").json["total"] == 1


def test_init_db_chooses_wal(app):
    with closing(sqlite3.connect(app.config["DATABASE"])) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
