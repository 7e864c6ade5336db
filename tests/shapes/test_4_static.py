"""Static files of the tree, of a package and of users, which Nginx serves whether the app runs or not."""

from __future__ import annotations

import contextlib

import pytest
from served import wait_for


@contextlib.contextmanager
def stopped(app):
    app.run("systemctl stop %s", app.user)
    try:
        wait_for(lambda: app.get("/")[0] == 502, f"{app.name} to end")
        yield
    finally:
        app.run("systemctl start %s", app.user)


def test_an_upload_is_served_by_nginx_at_once(served):
    media = served("media")
    assert media.get("/upload/a.txt", "--data-binary", "uploaded", "-H", "Content-Type: text/plain")[0] == 201
    since = media.now()
    assert media.get("/media/a.txt") == (200, "uploaded")
    assert "/media/" not in media.reached(since)


@pytest.mark.parametrize("prefix", ["/assets/", "/media/"])
def test_what_is_not_there_is_not_the_app_s_to_answer(served, prefix):
    media, since = served("media"), served("media").now()
    assert media.get(f"{prefix}none")[0] == 404
    assert prefix not in media.reached(since)


def test_a_stopped_app_leaves_its_static_files_and_the_other_apps_served(served, apps):
    media, httpbin = served("media"), served("httpbin")
    with stopped(media), stopped(httpbin):
        assert media.get("/assets/site.css")[0] == 200
        assert media.get("/media/a.txt") == (200, "uploaded")
        assert httpbin.get("/static/favicon.ico", "--output", "/dev/null")[0] == 200
        others = {app.name: app.get("/")[0] for app in apps if app.name not in ("media", "httpbin")}
    assert set(others.values()) == {200}, others
    assert media.json("/")["uploads"] == ["a.txt"]
