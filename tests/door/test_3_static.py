"""Static files: how long they are kept, in which form they go out, and which of them are the app's to give."""

import pytest

NAMED = "/static/harbour.0c5d1e9fa47b.css"
PLAIN = "/static/harbour.css"


@pytest.mark.parametrize(
    ("path", "kept"), [(NAMED, "public, max-age=31536000, immutable"), (PLAIN, "public, max-age=3600")]
)
def test_a_name_that_tells_the_content_is_kept_for_a_year(content, path, kept):
    status, headers, _ = content.ask(path)
    assert (status, headers["cache-control"]) == (200, kept)


def test_what_is_not_there_is_not_kept(content):
    status, headers, _ = content.ask("/static/harbour.ffffffffffff.css")
    assert status == 404 and "cache-control" not in headers


def test_static_files_have_the_headers_of_every_answer(content):
    assert content.ask(NAMED)[1]["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [NAMED, PLAIN])
@pytest.mark.parametrize(
    ("accepted", "form"), [("gzip", "gzip"), ("gzip, deflate, br, zstd", "br"), ("identity", None)]
)
def test_a_file_goes_out_in_the_form_that_it_was_compressed_to_beforehand(content, path, accepted, form):
    status, headers, _ = content.ask(path, "--head", "-H", f"Accept-Encoding: {accepted}")
    suffix = {"gzip": ".gz", "br": ".br", None: ""}[form]
    size = content.run("stat --format=%%s /srv/content/current/public%s", path + suffix)
    assert (status, headers.get("content-encoding"), headers.get("content-length")) == (200, form, size)
    assert headers["content-type"].startswith("text/css") and "Accept-Encoding" in headers["vary"]


def test_the_app_sees_the_files_of_its_tree_alone(content):
    assert content.json("/")["files"] == [NAMED, PLAIN]


def test_an_upload_is_not_kept_for_long(content):
    content.run(
        "install --owner=flask-content --mode=644 /dev/null /srv/content/shared/papers/media/photo.0c5d1e9fa47b.jpg"
    )
    status, headers, _ = content.ask("/media/photo.0c5d1e9fa47b.jpg")
    assert (status, headers["cache-control"]) == (200, "public, max-age=3600")


def test_a_protected_file_is_the_app_s_to_give(content):
    assert content.get("/papers/log.txt", "-X", "PUT", "--data-binary", "three boats in")[0] == 200
    assert content.get("/papers/log.txt?ticket=valid") == (200, "three boats in")
    assert content.get("/papers/log.txt")[0] == 403
    assert content.get("/internal/log.txt")[0] == 404


def test_a_protected_file_has_the_headers_that_the_app_gave_it_and_those_of_every_answer(content):
    content.get("/papers/log.txt", "-X", "PUT", "--data-binary", "three boats in")
    headers = content.ask("/papers/log.txt?ticket=valid")[1]
    assert (headers["content-security-policy"], headers["x-content-type-options"]) == ("sandbox", "nosniff")


@pytest.mark.parametrize(
    ("path", "link"), [("/media/link.txt", "media/link.txt"), ("/papers/link.txt?ticket=valid", "link.txt")]
)
def test_a_link_out_of_the_app_s_folder_leads_nowhere(content, path, link):
    """Whoever can write there may not have Nginx read for them what they cannot read themselves."""
    hashes = content.run("ls /etc/nginx/slipway/passwords/*").split()[0]
    link = f"/srv/content/shared/papers/{link}"
    content.run(f"sudo -u flask-content ln -sf {hashes} {link}")
    try:
        status, body = content.get(path)
    finally:
        content.run(f"rm {link}")
    assert status in (403, 404) and "$6$" not in body
