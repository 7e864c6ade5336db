"""What Nginx is told, read by a parser of its language."""

from __future__ import annotations

import crossplane
import pytest

SITE = {
    "name": "hello",
    "domains": ["hello.example.com", "*.hello.example.com"],
    "socket": "/srv/hello/active.sock",
    "root": "/srv/hello/current/public",
    "static": ["/static/", "/app/assets/"],
}
FORGEABLE = [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Ssl",
    "X-Forwarded-Protocol",
    "X-Real-IP",
    "Forwarded",
    "X-Script-Name",
    "Script-Name",
    "X-Original-URL",
    "Remote-User",
    "Proxy",
]


class Block(list):
    """Directives of a block, by name."""

    def all(self, name: str) -> list[list[str]]:
        return [directive["args"] for directive in self if directive["directive"] == name]

    def one(self, name: str) -> list[str]:
        (arguments,) = self.all(name)
        return arguments

    def block(self, name: str, *arguments: str) -> Block:
        (block,) = (d["block"] for d in self if d["directive"] == name and d["args"] == list(arguments))
        return Block(block)


@pytest.fixture
def parsed(tmp_path):
    """Parse a text as Nginx would."""

    def parsed(text: str, context: str = "") -> Block:
        path = tmp_path / "nginx.conf"
        path.write_text(f"{context} {{ {text} }}" if context else text)
        result = crossplane.parse(str(path), single=True)
        directives = Block(result["config"][0]["parsed"])
        return directives.block(context) if context else directives

    return parsed


@pytest.fixture
def site(role, parsed):
    """The directives of a site's server, and of all its file."""

    def site(given: dict | None = None, **variables) -> tuple[Block, Block]:
        files = role("nginx", nginx_sites=[{**SITE, **(given or {})}], **variables).value("__nginx_site_files")
        everything = parsed(files[0]["content"], "http")
        return everything.block("server"), everything

    return site


@pytest.fixture
def http(role, parsed):
    def http(**variables) -> Block:
        return parsed(role("nginx", **variables).render("nginx.conf.j2")).block("http")

    return http


def test_the_symlink_stands_twice_in_the_upstream_and_nothing_ejects_it(site):
    _, everything = site()
    assert everything.block("upstream", "slipway_hello").all("server") == [
        ["unix:/srv/hello/active.sock", "max_fails=0"],
        ["unix:/srv/hello/active.sock", "max_fails=0", "backup"],
    ]


def test_no_connection_to_the_app_is_kept(site):
    server, everything = site()
    assert ["Connection", "close"] in server.all("proxy_set_header")
    assert everything.block("upstream", "slipway_hello").all("keepalive") == []


@pytest.mark.parametrize("header", FORGEABLE)
def test_a_header_that_the_app_believes_is_never_the_client_s(site, header):
    server, _ = site()
    (value,) = (value for name, value in server.all("proxy_set_header") if name == header)
    assert value in ("", "$remote_addr", "$scheme", "$host$slipway_port")


def test_no_location_drops_the_server_s_headers(site):
    """Nginx inherits proxy_set_header only where a location has none of its own."""
    server, _ = site({"static_fallback": True})
    locations = [Block(directive["block"]) for directive in server if directive["directive"] == "location"]
    assert len(locations) == 4
    assert [location.all("proxy_set_header") for location in locations] == [[]] * 4


def test_a_request_is_not_sent_twice_to_the_app(http):
    assert http().one("proxy_next_upstream") == ["error"]


def test_unknown_hosts_are_refused_on_every_address(http):
    server = http(nginx_listen=["80", "[::]:8080"]).block("server")
    assert [arguments[:2] for arguments in server.all("listen")] == [
        ["80", "default_server"],
        ["[::]:8080", "default_server"],
    ]
    assert server.one("return") == ["444"]


def test_a_site_answers_to_its_domains(site):
    server, _ = site(nginx_listen=["8080"])
    assert server.one("server_name") == SITE["domains"]
    assert server.all("listen") == [["8080"]]


@pytest.mark.parametrize("prefix", SITE["static"])
@pytest.mark.parametrize(("fallback", "otherwise"), [(False, "=404"), (True, "@app")])
def test_static_files_are_served_without_the_app(site, prefix, fallback, otherwise):
    server, _ = site({"static_fallback": fallback})
    location = server.block("location", "^~", prefix)
    assert location.one("root") == ["/srv/hello/current/public"]
    assert location.one("try_files") == ["$uri", otherwise]
    assert location.all("proxy_pass") == []
    assert location.block("location", "~", r"/\.").one("return") == ["404"]


def test_a_site_without_static_files_is_the_app_s_alone(site):
    server, _ = site({"static": []})
    assert [directive["args"] for directive in server if directive["directive"] == "location"] == [["/"]]


def test_limits_of_the_host(http):
    directives = http(nginx_client_max_body_size="1m", nginx_large_client_header_buffers="2 4k", nginx_proxy_timeout=90)
    assert directives.one("client_max_body_size") == ["1m"]
    assert directives.one("large_client_header_buffers") == ["2", "4k"]
    assert directives.one("proxy_read_timeout") == ["90s"]


def test_limits_of_a_site(site):
    server, _ = site({"limits": {"body": "0", "timeout": 300}})
    assert server.one("client_max_body_size") == ["0"]
    assert server.one("proxy_read_timeout") == ["300s"]


@pytest.mark.parametrize("limits", [{}, {"body": None, "timeout": None}])
def test_a_site_without_limits_has_the_host_s(site, limits):
    server, _ = site({"limits": limits})
    assert server.all("client_max_body_size") == server.all("proxy_read_timeout") == []


def test_own_sites_and_modules_are_read(role, parsed):
    main = parsed(role("nginx").render("nginx.conf.j2"))
    assert main.one("include") == ["/etc/nginx/modules-enabled/*.conf"]
    assert ["/etc/nginx/conf.d/*.conf"] in main.block("http").all("include")
    assert ["/etc/nginx/sites-enabled/*"] in main.block("http").all("include")


def test_further_directives(http, site):
    extra = {"gzip_comp_level": 6, "etag": False, "add_header": ["X-One 1", 'X-Two "a; b"']}
    for directives in (http(nginx_extra_config=extra), site({"extra_config": extra})[0]):
        assert directives.one("gzip_comp_level") == ["6"]
        assert directives.one("etag") == ["off"]
        assert directives.all("add_header") == [["X-One", "1"], ["X-Two", "a; b"]]


def test_blocks_can_be_replaced(site, tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/mine.conf.j2").write_text(
        "{% extends 'site.conf.j2' %}{% block app %}{{ super() }}location = /{{ site.name }} { return 204; }{% endblock %}"
    )
    server, _ = site(nginx_site_template="mine.conf.j2")
    assert server.block("location", "=", "/hello").one("return") == ["204"]
    assert server.block("location", "/").one("proxy_pass") == ["http://slipway_hello"]


def test_each_site_has_its_file(role):
    sites = [{**SITE, "name": name} for name in ("one", "two")]
    files = role("nginx", nginx_sites=sites).value("__nginx_site_files")
    assert [file["path"] for file in files] == [
        f"/etc/nginx/sites-enabled/slipway-{name}.conf" for name in ("one", "two")
    ]
    assert ["upstream slipway_one" in file["content"] for file in files] == [True, False]


def test_no_sites_no_files(role):
    assert role("nginx").value("__nginx_site_files") == []


TLS = {
    "certificate": "/etc/slipway/certificates/hello/fullchain.pem",
    "key": "/etc/slipway/certificates/hello/privkey.pem",
}


def listens(server: Block) -> list[str]:
    return [" ".join(arguments) for arguments in server.all("listen")]


@pytest.fixture
def servers(role, parsed):
    """All servers of a site's file: with TLS the one that redirects, then the app's."""

    def servers(tls: dict | None = None, **variables) -> list[Block]:
        files = role("nginx", nginx_sites=[{**SITE, "tls": {**TLS, **(tls or {})}}], **variables).value(
            "__nginx_site_files"
        )
        found = parsed(files[0]["content"], "http")
        return [Block(directive["block"]) for directive in found if directive["directive"] == "server"]

    return servers


def test_a_site_with_tls_leads_there_from_plain_http(servers):
    plain, server = servers()
    assert listens(plain) == ["80", "[::]:80"]
    assert plain.one("server_name") == server.one("server_name") == SITE["domains"]
    assert plain.block("location", "/").one("return") == ["308", "https://$host$request_uri"]
    assert server.one("ssl_certificate") == [TLS["certificate"]]
    assert server.one("ssl_certificate_key") == [TLS["key"]]
    assert server.all("add_header") == [["Strict-Transport-Security", "max-age=63072000", "always"]]


def test_another_port_stands_in_the_address_that_it_leads_to(servers):
    plain, _ = servers(nginx_tls_listen=["[::]:8443"])
    assert plain.block("location", "/").one("return") == ["308", "https://$host:8443$request_uri"]


def test_a_site_may_be_served_over_both(servers):
    """Over plain HTTP there must be no word of HSTS, so that there is none at all."""
    (server,) = servers({"redirect": False})
    assert listens(server) == ["80", "[::]:80", "443 ssl", "[::]:443 ssl"]
    assert server.all("add_header") == []


@pytest.mark.parametrize("hsts", ["", "max-age=1; includeSubDomains; preload"])
def test_hsts_is_as_one_says(servers, hsts):
    assert servers({"hsts": hsts})[-1].all("add_header") == [["Strict-Transport-Security", hsts, "always"]] * bool(hsts)


@pytest.mark.parametrize("redirect", [True, False])
def test_challenges_are_answered_over_plain_http(servers, redirect):
    location = servers({"redirect": redirect, "challenges": "/var/lib/acme"})[0].block(
        "location", "^~", "/.well-known/acme-challenge/"
    )
    assert location.one("root") == ["/var/lib/acme"]


@pytest.mark.parametrize(
    ("version", "expected", "http2"),
    [("1.22.1", ["443 ssl http2", "[::]:443 ssl http2"], []), ("1.26.3", ["443 ssl", "[::]:443 ssl"], [["on"]]),
     ("1.29", ["443 ssl", "[::]:443 ssl"], [["on"]])],
)  # fmt: skip
def test_http2_by_the_words_of_the_version(servers, version, expected, http2):
    server = servers(nginx_version=version)[-1]
    assert listens(server) == expected
    assert server.all("http2") == http2


@pytest.mark.parametrize("version", ["1.22.1", "1.26.3"])
def test_http3_where_nginx_has_it(servers, role, parsed, version):
    server = servers(nginx_version=version, nginx_http3=True, nginx_tls_listen=["443"])[-1]
    has = version == "1.26.3"
    assert ("443 quic" in listens(server)) is has
    assert (["Alt-Svc", 'h3=":443"; ma=86400', "always"] in server.all("add_header")) is has


def tls_http(role, parsed, **variables) -> Block:
    text = role("nginx", nginx_sites=[{**SITE, "tls": TLS}], **variables).render("nginx.conf.j2")
    return parsed(text).block("http")


@pytest.mark.parametrize(("policy", "protocols"), [("intermediate", ["TLSv1.2", "TLSv1.3"]), ("modern", ["TLSv1.3"])])
def test_policies(role, parsed, policy, protocols):
    http = tls_http(role, parsed, nginx_tls_policy=policy)
    assert http.one("ssl_protocols") == protocols
    assert len(http.all("ssl_ciphers")) == (policy == "intermediate")
    assert "DHE" not in str(http.all("ssl_ciphers")).replace("ECDHE", "")


@pytest.mark.parametrize(
    ("release", "hybrid", "tickets"), [("12", False, "off"), ("13", True, "on"), ("99", True, "on")]
)
def test_key_exchanges_and_tickets_are_those_that_the_release_has(role, parsed, release, hybrid, tickets):
    http = tls_http(role, parsed, ansible_facts={"os_family": "Debian", "distribution_major_version": release})
    assert http.one("ssl_ecdh_curve")[0].startswith("X25519MLKEM768:") is hybrid
    assert http.one("ssl_session_tickets") == [tickets]


def test_unknown_hosts_are_refused_over_tls_too_where_any_site_has_it(role, parsed, http):
    servers = [Block(d["block"]) for d in tls_http(role, parsed) if d["directive"] == "server"]
    assert listens(servers[1]) == ["443 ssl default_server backlog=4096", "[::]:443 ssl default_server backlog=4096"]
    assert servers[1].one("ssl_reject_handshake") == ["on"]
    assert [listens(Block(d["block"])) for d in http() if d["directive"] == "server"] == [
        ["80 default_server backlog=4096", "[::]:80 default_server backlog=4096"]
    ]
