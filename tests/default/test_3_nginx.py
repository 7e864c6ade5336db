"""What stands in front: Nginx answers for the app, serves static files itself, and believes no client."""

import re

import pytest


def test_the_page_comes_through(hello):
    status, body = hello.get("/")
    assert status == 200
    assert "<title>" in body


def test_static_files_never_reach_the_app(hello):
    since = hello.now()
    path = re.search(r'href="(/static/[^"]+\.css)', hello.get("/")[1])[1]
    assert hello.get(path)[0] == 200
    assert hello.get("/healthz")[0] == 200
    assert "/static/" not in hello.reached(since)


def test_static_files_are_served_while_the_app_is_stopped(hello):
    path = re.search(r'href="(/static/[^"]+\.css)', hello.get("/")[1])[1]
    hello.run("systemctl stop flask-hello")
    try:
        assert hello.get("/")[0] == 502
        assert hello.get(path)[0] == 200
    finally:
        hello.run("systemctl start flask-hello")
    assert hello.get("/")[0] == 200


def test_an_unknown_host_is_refused(hello):
    done = hello.host.run("curl --silent --max-time 5 -H 'Host: other.example.com' http://127.0.0.1/")
    assert done.rc in (52, 56), "expected a closed connection without an answer"


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example", "X-Real-IP: 6.6.6.6",
     "Forwarded: for=6.6.6.6;host=evil.example;proto=https", "X-Script-Name: /evil", "X-Forwarded-Prefix: /evil"],
)  # fmt: skip
def test_what_a_client_says_of_itself_is_not_believed(hello, header):
    status, body = hello.get("/whoami", "-H", header)
    assert status == 200
    assert '"remote_addr":"127.0.0.1"' in body.replace(" ", "").replace("\n", "")
    assert "6.6.6.6" not in body and "evil" not in body and '"https"' not in body


def test_a_body_beyond_the_limit_is_refused_by_nginx(hello):
    hello.run("head --bytes=17M /dev/zero > /tmp/large")
    assert hello.get("/api/entries", "--data-binary", "@/tmp/large", "-H", "Content-Type: application/json")[0] == 413


def test_text_is_compressed(hello):
    path = re.search(r'href="(/static/[^"]+\.css)', hello.get("/")[1])[1]
    head = hello.get(path, "--head", "-H", "Accept-Encoding: gzip")[1]
    assert re.search(r"^Content-Encoding: gzip", head, re.MULTILINE | re.IGNORECASE)


def test_nginx_s_log_leads_to_the_app_s(hello):
    since = hello.now()
    hello.get("/healthz?trace=me")
    line = hello.run("grep 'trace=me' /var/log/nginx/access.log | tail -n 1")
    assert re.search(r"id=(\w+)", line)[1] in hello.journal(since)
