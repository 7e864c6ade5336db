import os

import pytest

from hello import create_app


def test_default_settings():
    app = create_app()
    assert not app.testing
    assert app.config["DATABASE"] == os.path.join(app.instance_path, "logbook.sqlite3")
    assert app.config["SECRET_KEY"] is None


def test_settings_from_environment(monkeypatch):
    monkeypatch.setenv("HELLO_SECRET_KEY", "123")
    monkeypatch.setenv("HELLO_DATABASE", "/elsewhere/book.sqlite3")
    app = create_app()
    assert app.config["SECRET_KEY"] == "123"
    assert app.config["DATABASE"] == "/elsewhere/book.sqlite3"


def test_debug_makes_up_a_key(monkeypatch):
    monkeypatch.setenv("FLASK_DEBUG", "1")
    assert create_app().config["SECRET_KEY"] != create_app().config["SECRET_KEY"]


@pytest.mark.parametrize("text", ["yes", "-1", "1.5", "", "²"])
def test_bad_number_of_proxies(monkeypatch, text):
    monkeypatch.setenv("HELLO_PROXIES", text)
    with pytest.raises(ValueError, match="HELLO_PROXIES: expected the number"):
        create_app()


@pytest.mark.parametrize(
    ("proxies", "seen"),
    [
        ("0", {"scheme": "http", "host": "localhost", "remote_addr": "127.0.0.1"}),
        ("1", {"scheme": "https", "host": "hello.example.com", "remote_addr": "192.0.2.7"}),
    ],
)
def test_forwarding_headers(monkeypatch, proxies, seen):
    monkeypatch.setenv("HELLO_PROXIES", proxies)
    headers = {
        "X-Forwarded-For": "203.0.113.1, 192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "hello.example.com",
    }
    answer = create_app().test_client().get("/whoami", headers=headers).json
    assert {key: answer[key] for key in seen} == seen


def test_importing_and_creating_writes_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("HELLO_DATABASE", str(tmp_path / "logbook.sqlite3"))
    assert create_app().test_client().get("/readyz").status_code == 503
    assert not list(tmp_path.iterdir())
