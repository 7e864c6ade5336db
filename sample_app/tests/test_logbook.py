import re

import pytest

HTML = {"Accept": "text/html"}


def token(client):
    page = client.get("/entries/new")
    return re.search('name="csrf" value="([^"]+)"', page.text)[1]


def post(client, **fields):
    entry = {"boat": "Marie", "movement": "in", "skipper": "Ida", "remark": "", **fields}
    return client.post("/entries/new", data=entry, headers=HTML)


def test_empty_book(client):
    assert "Calm water" in client.get("/").text


def test_entry_is_written_and_confirmed_once(client):
    answer = post(client, csrf=token(client), boat="  Marie \n Claire ")
    assert (answer.status_code, answer.location) == (303, "/")
    page = client.get("/").text
    assert "Marie Claire is logged in." in page
    assert page.count("Marie Claire") == 2
    assert client.get("/").text.count("Marie Claire") == 1


def test_bad_entry_is_shown_again(client):
    answer = post(client, csrf=token(client), boat=" ", skipper="Ida <3")
    assert answer.status_code == 422
    assert "Must not be empty." in answer.text
    assert "Ida &lt;3" in answer.text
    assert client.get("/api/entries").json["total"] == 0


@pytest.mark.parametrize("wrong", ["", "guessed", "é"])
def test_form_without_the_sessions_token_is_refused(client, wrong):
    token(client)
    assert post(client, csrf=wrong).status_code == 400
    assert client.get("/api/entries").json["total"] == 0


def test_form_without_a_session_is_refused(app, client):
    assert post(app.test_client(), csrf=token(client)).status_code == 400


def test_form_without_secret_key_says_so(app, client):
    app.secret_key = None
    answer = client.get("/entries/new", headers=HTML)
    assert answer.status_code == 503
    assert "HELLO_SECRET_KEY" in answer.text
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(("url", "secure"), [("http://localhost", False), ("https://localhost", True)])
def test_session_cookie(client, url, secure):
    cookie = client.get("/entries/new", base_url=url).headers["Set-Cookie"]
    assert ("Secure" in cookie) is secure
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_pages(client, add):
    for number in range(25):
        add(boat=f"Boat {number}")
    first = client.get("/").text
    assert re.findall(r"Boat \d+", first) == [f"Boat {number}" for number in range(24, 4, -1)]
    earlier = client.get(re.search(r'href="(/\?before=\d+)"', first)[1]).text
    assert re.findall(r"Boat \d+", earlier) == [f"Boat {number}" for number in range(4, -1, -1)]
    assert "Earlier entries" not in earlier
    assert "The book begins" in client.get("/?before=1").text


def test_boats_in_harbour(client, add):
    for boat, movement in [("Marie", "in"), ("Ole", "in"), ("MARIE", "out"), ("Ida", "out"), ("Ida", "in")]:
        assert add(boat=boat, movement=movement).status_code == 201
    assert re.search(r"in harbour</dt><dd>(\d+)", client.get("/").text)[1] == "2"


@pytest.mark.parametrize("path", ["/", "/entries/new", "/instruments"])
def test_pages_keep_to_their_own_policy(client, add, path):
    add(boat="<script>alert(1)</script>")
    answer = client.get(path)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?! defer src=)|<style| style=| on\w+=|javascript:", answer.text)


def test_instruments_all_answer(client):
    links = re.findall(r'<dt><a href="([^"]+)"', client.get("/instruments").text)
    assert len(links) == 11
    for link in links:
        assert client.get(link.replace("&amp;", "&")).status_code == 200


@pytest.mark.parametrize("name", ["style.css", "logbook.js", "logo.svg", "waves.svg"])
def test_static_files(client, name):
    with client.get(f"/static/{name}") as answer:
        assert answer.status_code == 200


def test_errors_are_pages_for_browsers_and_json_for_others(client):
    page, data = client.get("/none", headers=HTML), client.get("/none")
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "Back to the log book" in page.text
    assert (data.status_code, data.json["error"]) == (404, "Not Found")
    assert "Accept" in page.vary
    assert "Accept" in data.vary
