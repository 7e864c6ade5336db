import pytest

from hello import create_app
from hello.db import init_db


@pytest.fixture
def app(tmp_path):
    """The application on an empty log book."""
    app = create_app(
        {"TESTING": True, "SECRET_KEY": "test", "DATABASE": str(tmp_path / "instance" / "logbook.sqlite3")}
    )
    with app.app_context():
        init_db()
    return app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def runner(app):
    return app.test_cli_runner()


@pytest.fixture
def add(client):
    """Adds an entry by the API, of which a test says only what matters to it."""

    def add(**fields):
        entry = {"boat": "Marie", "movement": "in", "skipper": "Ida", "remark": "", **fields}
        return client.post("/api/entries", json=entry)

    return add
