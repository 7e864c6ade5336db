import os
import sqlite3
from contextlib import closing

import pytest

from hello import create_app


def test_healthy_and_ready(client):
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json == {"status": "ok"}


def break_by_removing(path):
    os.remove(path)


def break_by_dropping_the_table(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE entry")


def break_by_overwriting(path):
    with open(path, "wb") as file:
        file.write(b"not a database" * 1000)


@pytest.mark.parametrize("damage", [break_by_removing, break_by_dropping_the_table, break_by_overwriting])
def test_not_ready_without_a_readable_book(app, client, damage):
    damage(app.config["DATABASE"])
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_pages_without_the_book(app, client):
    os.remove(app.config["DATABASE"])
    answer = client.get("/", headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "cannot be opened" in answer.text
    assert not os.path.exists(app.config["DATABASE"])


def test_whoami(monkeypatch):
    monkeypatch.setenv("SLIPWAY_APP", "harbour")
    monkeypatch.setenv("SLIPWAY_RELEASE", "0123456789ab")
    monkeypatch.setenv("SLIPWAY_SLOT", "blue")
    monkeypatch.setenv("HELLO_SECRET_KEY", "not to be shown")
    answer = create_app().test_client().get("/whoami", environ_overrides={"SERVER_SOFTWARE": "gunicorn/27.0.1"})
    assert answer.json["app"] == "harbour"
    assert answer.json["release"] == "0123456789ab"
    assert answer.json["slot"] == "blue"
    assert answer.json["pid"] == os.getpid()
    assert answer.json["server"] == "gunicorn/27.0.1"
    assert "not to be shown" not in answer.text


@pytest.mark.parametrize("path", ["/", "/static/style.css", "/none", "/api/entries", "/cached", "/entries/new/"])
def test_every_answer_names_its_release(app, client, path):
    app.config["RELEASE"] = "0123456789ab"
    with client.get(path) as answer:
        assert answer.headers["X-Release"] == "0123456789ab"


def test_even_a_crash_names_its_release(app, client):
    app.testing = False
    app.add_url_rule("/crash", view_func=lambda: 1 / 0)
    answer = client.get("/crash")
    assert (answer.status_code, answer.headers["X-Release"]) == (500, "development")
