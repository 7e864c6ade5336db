"""What is kept, for whom, and how it begins with nothing."""

import json
import re

import pytest
import urllib3


class Visitor:
    """A browser with cookies of its own."""

    def __init__(self, kept) -> None:
        self.pool = urllib3.PoolManager(headers={"Host": kept.domain}, retries=False, timeout=10)
        self.url, self.cookie = kept.url, ""

    def ask(self, method: str, path: str, **fields: str) -> str:
        headers = {**self.pool.headers, "Cookie": self.cookie}
        more = {"fields": fields, "encode_multipart": False} if fields else {}
        answer = self.pool.request(method, self.url + path, headers=headers, redirect=False, **more)
        assert answer.status in (200, 303), answer.data
        self.cookie = answer.headers.get("Set-Cookie", self.cookie).partition(";")[0]
        return answer.data.decode()

    def log(self, boat: str) -> None:
        token = re.search('name="csrf" value="([^"]+)"', self.ask("GET", "/entries/new"))[1]
        self.ask("POST", "/entries/new", boat=boat, movement="in", skipper="Ida", remark="", csrf=token)

    def boats(self) -> list[str]:
        return [entry["boat"] for entry in json.loads(self.ask("GET", "/api/mine"))["entries"]]


@pytest.fixture
def visitor(kept):
    return lambda: Visitor(kept)


def test_what_is_the_same_for_everyone_is_asked_for_once(kept, redis, visitor):
    assert visitor().ask("GET", "/api/busiest") == visitor().ask("GET", "/api/busiest")
    assert "busiest" in redis.cli("keys", "*")


def test_nobody_gets_what_is_kept_for_another(redis, visitor):
    ida, ole, stranger = visitor(), visitor(), visitor()
    ida.log("Marie")
    ole.log("Skagen")
    for _ in range(3):
        assert (ida.boats(), ole.boats(), stranger.boats()) == (["Marie"], ["Skagen"], [])
    assert redis.cli("keys", "*/mine/*").count("/mine/") == 2
    ida.log("Helene")
    assert (ida.boats(), ole.boats()) == (["Helene", "Marie"], ["Skagen"])


def test_a_cold_cache_is_filled_again(kept, redis):
    before = kept.json("/api/busiest")
    redis.cli("flushall")
    assert kept.json("/readyz") == {"status": "ok", "cache": "ok"}
    after = kept.json("/api/busiest")
    assert after == kept.json("/api/busiest")
    assert after["boats"] == before["boats"]
