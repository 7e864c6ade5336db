"""An app that sets nothing of its door is served as before."""


def test_the_page_comes_through(plain):
    status, body = plain.get("/")
    assert status == 200
    assert "<title>" in body
