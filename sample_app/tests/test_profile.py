import pytest

from hello import create_app

TOKEN = "a token that nobody guesses"


@pytest.fixture
def profiled(tmp_path):
    """A client of the application that can be profiled."""
    return create_app({"TESTING": True, "PROFILE_TOKEN": TOKEN}).test_client()


def test_off_by_default(client):
    answer = client.get("/compute?n=2000", headers={"X-Profile": ""})
    assert answer.is_json
    assert client.get("/compute?n=2000", headers={"X-Profile": "None"}).is_json


@pytest.mark.parametrize(
    "sent", [{}, {"X-Profile": ""}, {"X-Profile": TOKEN[:-1]}, {"X-Profile": TOKEN + "!"}, {"X-Profile": "ä"}]
)
def test_never_for_strangers(profiled, sent):
    answer = profiled.get("/compute?n=2000", headers=sent)
    assert answer.is_json
    assert "X-Profiled-Status" not in answer.headers


@pytest.mark.parametrize("path", [f"/compute?n=2000&X-Profile={TOKEN}", f"/compute?n=2000&token={TOKEN}"])
def test_an_address_is_no_place_for_a_token(profiled, path):
    assert profiled.get(path).is_json


def test_one_request_on_demand(profiled):
    answer = profiled.get("/compute?n=100000", headers={"X-Profile": TOKEN})
    assert answer.mimetype == "text/plain"
    assert "compute" in answer.text
    assert "hello/work.py" in answer.text
    assert answer.cache_control.no_store
    assert answer.headers["X-Profiled-Status"] == "200 OK"
    assert profiled.get("/compute?n=2000").is_json


def test_the_token_is_of_the_environment(monkeypatch):
    monkeypatch.setenv("HELLO_PROFILE_TOKEN", TOKEN)
    assert create_app().config["PROFILE_TOKEN"] == TOKEN
    monkeypatch.setenv("HELLO_PROFILE_TOKEN", "secret")
    with pytest.raises(ValueError, match="HELLO_PROFILE_TOKEN: expected at least 20 characters, found 6"):
        create_app()
