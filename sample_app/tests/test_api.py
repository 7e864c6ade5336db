import pytest


def test_entry_goes_in_and_comes_out(client, add):
    answer = add(remark="Schöne Überfahrt ⛵")
    assert answer.status_code == 201
    assert answer.location == answer.json["url"] == f"/api/entries/{answer.json['id']}"
    assert answer.json["remark"] == "Schöne Überfahrt ⛵"
    assert answer.json["logged_at"].endswith("Z")
    assert client.get(answer.location).json == answer.json
    assert client.get("/api/entries").json == {"entries": [answer.json], "total": 1, "next": None}


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"boat": ""}, "boat", "empty"),
        ({"boat": 7}, "boat", "text"),
        ({"boat": None}, "boat", "text"),
        ({"boat": "b" * 61}, "boat", "at most 60"),
        ({"boat": "\x00"}, "boat", "control"),
        ({"boat": "\ud800"}, "boat", "control"),
        ({"skipper": " \n"}, "skipper", "empty"),
        ({"remark": "r" * 281}, "remark", "at most 280"),
        ({"movement": "sideways"}, "movement", "in or out"),
        ({"movement": ["in"]}, "movement", "in or out"),
        ({"berth": "3"}, "berth", "Unknown"),
    ],
)
def test_bad_entry_is_refused(client, add, fields, field, message):
    answer = add(**fields)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [field]
    assert message in answer.json["errors"][field]
    assert client.get("/api/entries").json["total"] == 0


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"boat=Marie", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"' + b"x" * 70_000 + b'"', "application/json", 413),
    ],
)
def test_bad_request_is_refused(client, body, content_type, status):
    answer = client.post("/api/entries", data=body, content_type=content_type)
    assert answer.status_code == status
    assert answer.json["error"]


def test_pages_hold_every_entry_once(client, add):
    ids = [add().json["id"] for _ in range(7)]
    url, seen = "/api/entries?limit=3", []
    while url:
        page = client.get(url).json
        assert page["total"] == 7
        seen += [entry["id"] for entry in page["entries"]]
        url = page["next"]
    assert seen == ids[::-1]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=", "before=0", f"before={2**63}"])
def test_bad_page_is_refused(client, query):
    answer = client.get(f"/api/entries?{query}")
    assert answer.status_code == 400
    assert "expected a whole number" in answer.json["description"]


@pytest.mark.parametrize("path", ["/api/entries/1", f"/api/entries/{2**63}", "/api/entries/x"])
def test_no_such_entry(client, path):
    assert client.get(path).status_code == 404


def test_wrong_method(client):
    answer = client.delete("/api/entries")
    assert answer.status_code == 405
    assert set(answer.allow) == {"GET", "HEAD", "OPTIONS", "POST"}
