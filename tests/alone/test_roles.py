"""Roles used one by one, on hosts whose packages come through a proxy from an index that a company's own CA vouches for."""

from __future__ import annotations

import pytest


@pytest.fixture
def requests(host) -> str:
    """What the proxy and the index were asked for."""
    return host.check_output("journalctl --quiet --output=cat --unit=company")


def test_the_app_is_served_by_all_of_them(host):
    body = host.check_output("curl --silent --fail -H 'Host: www.company.example' http://127.0.0.1:8080/")
    assert body == "Greetings from the company to 127.0.0.1"


def test_nginx_listens_where_it_was_told_to(host):
    listening = host.check_output("ss --no-header --listening --tcp --numeric --processes")
    assert {line.split()[3] for line in listening.splitlines() if "nginx" in line} == {"0.0.0.0:8080"}


def test_directives_of_the_user_s_own_are_in_force(host):
    head = host.check_output("curl --silent --head -H 'Host: www.company.example' http://127.0.0.1:8080/")
    assert "X-Company: yes" in head


def test_a_role_s_variables_reach_the_server(host):
    master = host.check_output("pgrep --oldest --uid flask-greeting")
    assert len(host.check_output("pgrep --parent %s", master).split()) == 3


def test_the_host_trusts_the_company_s_ca(host):
    """The index's own answer: whoever does not log in is refused."""
    asked = host.run(
        "curl --silent --output /dev/null --write-out '%{http_code}' --proxy http://127.0.0.1:3128 "
        "https://packages.company.example/simple/"
    )
    assert (asked.rc, asked.stdout) == (0, "401")


def test_pip_builds_where_the_index_has_no_uv(host, requests):
    assert not host.file("/opt/slipway/uv").exists
    assert '"GET /simple/uv/ HTTP/1.1" 404' in requests
    assert host.check_output("/var/apps/greeting/current/venv/bin/pip --version")


@pytest.mark.parametrize(
    "request_line", ["CONNECT packages.company.example:443", "GET /simple/company-greeting/", "GET http://"]
)
def test_packages_came_through_the_proxy(requests, request_line):
    assert f'"{request_line}' in requests


def test_the_index_s_password_is_in_no_file_that_others_may_read(host):
    """But for the index's own, which knows it."""
    found = host.run("runuser -u nobody -- grep -rlsI -D skip 'Hn4-wor[d]' /etc /opt /run /srv /var")
    assert [path for path in found.stdout.splitlines() if not path.startswith("/opt/company/")] == []
