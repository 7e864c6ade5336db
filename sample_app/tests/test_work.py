import pytest


def test_compute(client):
    answer = client.get("/compute?n=1000").json
    assert (answer["n"], answer["primes"]) == (1000, 168)


@pytest.mark.parametrize("path", ["/wait", "/wait-async"])
def test_wait(client, path):
    assert client.get(f"{path}?ms=1").json == {"ms": 1}


@pytest.mark.parametrize(
    "url",
    ["/compute?n=0", "/compute?n=200001", "/wait?ms=60001", "/wait-async?ms=-1", "/stream?lines=1e3", "/wait?ms=٣"],
)
def test_out_of_bounds(client, url):
    assert client.get(url).status_code == 400


def test_cached_may_be_kept(client):
    answer = client.get("/cached")
    assert answer.cache_control.public
    assert answer.cache_control.max_age == 60
    assert "Set-Cookie" not in answer.headers
    assert not answer.vary
    assert answer.json["at"] != client.get("/cached").json["at"]


def test_stream_comes_in_pieces(client):
    answer = client.get("/stream?lines=3&ms=0")
    assert list(answer.iter_encoded()) == [b"wave 1 of 3\n", b"wave 2 of 3\n", b"wave 3 of 3\n"]
