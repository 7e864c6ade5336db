"""What Nginx is told, read by a parser of its language."""

from __future__ import annotations

import json
import re

import crossplane
import pytest

SITE = {
    "name": "hello",
    "domains": ["hello.example.com", "*.hello.example.com"],
    "socket": "/srv/hello/active.sock",
    "root": "/srv/hello/current/public",
    "static": ["/static/", "/app/assets/"],
}
TLS = {
    "certificate": "/etc/slipway/certificates/hello/fullchain.pem",
    "key": "/etc/slipway/certificates/hello/privkey.pem",
}
BROTLI = "libnginx-mod-http-brotli-static"
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


def locations(block: Block) -> list[Block]:
    """The locations in a block, and those in them."""
    found = [Block(directive["block"]) for directive in block if directive["directive"] == "location"]
    return found + [inner for location in found for inner in locations(location)]


@pytest.mark.parametrize("directive", ["proxy_set_header", "add_header", "error_page"])
def test_no_location_drops_what_the_server_says(site, directive):
    """Nginx inherits these only where a location has none of its own."""
    server, _ = site(
        {
            "static_shared": ["/media/"],
            "static_fallback": True,
            "assets": "/srv/hello/assets",
            "protected": ["/internal/"],
            "protected_root": "/srv/hello/current/protected",
            "unbuffered": {"answers": ["/events"]},
            "cache": {"paths": ["/"]},
            "access": [{"path": "/admin", "users": ["ann"]}],
            "limits": {"rate": "1/s", "connections": 5},
            "tls": {**TLS, "redirect": False, "challenges": "/var/lib/acme"},
        },
        nginx_http3=True,
        nginx_passwords={"ann": "$6$salt$a"},
    )
    assert server.all(directive) and len(locations(server)) == 15
    assert [location.all(directive) for location in locations(server)] == [[]] * 15


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


def keeps(everything) -> dict[str, str]:
    """How long browsers keep what: regular expressions on paths, in the order in which they are tried."""
    lines = everything.block("map", "$upstream_cache_status$upstream_addr$uri", "$slipway_hello_keep")
    return {line["directive"].removeprefix("~"): line["args"][0] for line in lines if line["directive"][0] == "~"}


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/static/app.3f9c0a6b.js", "public, max-age=31536000, immutable"),
        ("/static/css/app-3f9c0a6be21d3f9c.min.css", "public, max-age=31536000, immutable"),
        ("/static/app.js", "public, max-age=60"),
        ("/static/report-20261121.pdf", "public, max-age=60"),
        ("/static/my-controls.js", "public, max-age=60"),
        ("/media/photo.3f9c0a6b.jpg", "public, max-age=60"),
        ("/app.3f9c0a6b.js", None),
        ("unix:/srv/hello/active.sock/static/app.3f9c0a6b.js", None),
        ("HIT/static/app.3f9c0a6b.js", None),
    ],
)
def test_names_that_tell_their_content_are_kept_for_a_year(site, path, kept):
    _, everything = site({"static_shared": ["/media/"]}, nginx_static_expires=60)
    assert next((kept for pattern, kept in keeps(everything).items() if re.search(pattern, path)), None) == kept


def test_another_way_of_naming_files(site):
    _, everything = site({"static_fingerprint": r"[.-][\w-]{8}[.]\w+$"})
    immutable = [pattern for pattern, kept in keeps(everything).items() if "immutable" in kept]
    assert any(re.search(pattern, "/static/index-BfkT3a_J.js") for pattern in immutable)


@pytest.mark.parametrize(("fallback", "otherwise"), [(False, "=404"), (True, "@app")])
def test_a_file_named_by_its_content_is_looked_for_among_those_of_other_releases(site, fallback, otherwise):
    server, _ = site({"assets": "/srv/hello/assets", "static_fallback": fallback})
    static = server.block("location", "^~", "/static/")
    pattern = r"^/static/.*[.-](?=[0-9]*[a-f])[0-9a-f]{8,}[.]"
    assert static.block("location", "~", pattern).one("try_files") == ["$uri", "@assets"]
    assert static.one("try_files") == ["$uri", otherwise]
    others = server.block("location", "@assets")
    assert (others.one("root"), others.one("try_files")) == (["/srv/hello/assets"], ["$uri", otherwise])


@pytest.mark.parametrize(("packages", "brotli"), [(["nginx"], []), (["nginx", BROTLI], [["on"]])])
def test_forms_that_were_compressed_beforehand_go_out(site, packages, brotli):
    server, _ = site({"assets": "/srv/hello/assets"}, nginx_packages=packages)
    for location in (server.block("location", "^~", "/static/"), server.block("location", "@assets")):
        assert (location.all("gzip_static"), location.all("brotli_static")) == ([["on"]], brotli)


def test_what_users_upload_is_sent_as_it_is(site):
    server, _ = site({"static_shared": ["/media/"], "assets": "/srv/hello/assets"})
    location = server.block("location", "^~", "/media/")
    assert location.all("gzip_static") == location.all("brotli_static") == []
    assert location.one("try_files") == ["$uri", "=404"]


def test_protected_files_are_the_app_s_to_give(site):
    server, _ = site({"protected": ["/internal/"], "protected_root": "/srv/hello/current/protected"})
    location = server.block("location", "^~", "/internal/")
    assert (location.one("internal"), location.one("root")) == ([], ["/srv/hello/current/protected"])


@pytest.mark.parametrize("key", ["requests", "answers"])
def test_a_path_can_go_unbuffered(site, key):
    server, _ = site({"unbuffered": {key: ["/big/"]}})
    switched = {
        name: server.block("location", "/big/").all(name) for name in ("proxy_request_buffering", "proxy_buffering")
    }
    assert switched == {
        "proxy_request_buffering": [["off"]] if key == "requests" else [],
        "proxy_buffering": [["off"]] if key == "answers" else [],
    }
    assert server.block("location", "/").all("proxy_buffering") == []
    assert server.block("location", "/big/").one("proxy_pass") == ["http://slipway_hello"]


def test_the_whole_app_can_go_unbuffered(site):
    server, _ = site({"unbuffered": {"requests": ["/"], "answers": ["/"]}})
    assert server.block("location", "/").one("proxy_buffering") == ["off"]


@pytest.mark.parametrize(("websockets", "connection"), [(False, "close"), (True, "$slipway_connection")])
def test_an_upgrade_reaches_an_app_that_asks_for_it(site, websockets, connection):
    server, _ = site({"websockets": websockets})
    assert ["Connection", connection] in server.all("proxy_set_header")
    assert (["Upgrade", "$slipway_upgrade"] in server.all("proxy_set_header")) == websockets


def test_websockets_alone_are_an_upgrade(http):
    upgrades = http().block("map", "$http_upgrade", "$slipway_upgrade")
    assert [(line["directive"], line["args"]) for line in upgrades] == [
        ("default", [""]),
        ("~*^websocket$", ["websocket"]),
    ]


# Answers that Nginx keeps


@pytest.fixture
def cached(site):
    """The server and the maps of a site that keeps answers."""

    def cached(**given) -> tuple[Block, Block]:
        return site({"cache": {"paths": ["=/", "/news/"], **given}})

    return cached


def test_no_answer_is_kept_where_nobody_asks_for_it(site):
    server, everything = site()
    assert everything.all("proxy_cache_path") == server.all("proxy_cache") == []
    assert not any("X-Cache" in header for header in server.all("add_header"))


@pytest.mark.parametrize(
    ("path", "kept"), [("/", True), ("/news/", True), ("/news/today", True), ("/newspaper", False), ("/about", False)]
)
def test_named_paths_are_kept(cached, path, kept):
    server, everything = cached()
    assert server.one("proxy_cache") == ["$slipway_hello_cached"]
    lines = {line["directive"]: line["args"] for line in everything.block("map", "$uri", "$slipway_hello_cached")}
    assert lines.pop("default") == ["off"] and set(map(tuple, lines.values())) == {("slipway_hello",)}
    assert any(re.search(pattern.removeprefix("~"), path) for pattern in lines) == kept


def test_an_answer_belongs_to_its_release_and_its_address(cached, site):
    server, _ = cached()
    assert server.one("proxy_cache_key") == ["$realpath_root$scheme://$host$slipway_port$request_uri"]
    assert server.one("root") == ["/srv/hello/current/public"]
    server, _ = site({"cache": {"paths": ["/"]}, "root": "", "static": []})
    assert server.one("proxy_cache_key") == ["$scheme://$host$slipway_port$request_uri"]


@pytest.mark.parametrize(
    ("cookie", "known"),
    [("session=0", True), ("a=1; session=x", True), ("a=1;my.id=", True), ("sessions=1", False), ("a=session", False),
     ("my-id=1", False), ("", False)],
)  # fmt: skip
def test_who_is_known_by_a_cookie_has_answers_of_their_own(cached, cookie, known):
    server, everything = cached(cookies=["session", "my.id"])
    lines = everything.block("map", "$http_cookie", "$slipway_hello_known")
    (pattern,) = (line["directive"].removeprefix("~") for line in lines if line["directive"][0] == "~")
    assert bool(re.search(pattern, cookie)) == known
    assert server.one("proxy_cache_bypass") == server.one("proxy_no_cache") == ["$slipway_hello_personal"]


def test_who_is_known_by_a_header_too(cached):
    _, everything = cached(cookies=[], headers=["Authorization", "X-User"])
    personal = everything.block(
        "map", "$slipway_hello_known$http_authorization$http_x_user$slipway_upgrade", "$slipway_hello_personal"
    )
    # Any value at all, also 0, which Nginx itself would take for none.
    assert [(line["directive"], line["args"]) for line in personal] == [("", [""]), ("default", ["1"])]


def test_an_answer_that_goes_out_as_it_comes_is_not_kept(site):
    server, _ = site({"cache": {"paths": ["/"]}, "unbuffered": {"answers": ["/events"]}})
    assert server.block("location", "/events").one("proxy_cache") == ["off"]


def test_a_site_without_static_files_is_the_app_s_alone(site):
    server, _ = site({"static": []})
    locations = [directive["args"] for directive in server if directive["directive"] == "location"]
    assert locations == [["^~", "/slipway-error/"], ["/"]]


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


def test_a_header_is_replaced_dropped_or_added_by_name(site):
    server, everything = site(
        {"headers": {"X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": False, "X-Own": 'a "b"'}}
    )
    added = {name: value for name, value, *_ in server.all("add_header")}
    assert added["X-Frame-Options"] == "$slipway_hello_header_x_frame_options"
    assert added["X-Content-Type-Options"] == "$slipway_header_x_content_type_options"
    assert "Referrer-Policy" not in added
    own = everything.block("map", "$upstream_http_x_own|$upstream_http_x_accel_redirect", "$slipway_hello_header_x_own")
    assert own[0]["args"] == ['a "b"']


@pytest.mark.parametrize(
    ("app", "redirect", "added"),
    [
        ("", "", "DENY"),
        ("SAMEORIGIN", "", ""),
        ("", "/internal/a.pdf", "DENY"),
        # Of an answer that Nginx gives in the app's place it takes few headers along.
        ("SAMEORIGIN", "/internal/a.pdf", "$upstream_http_x_frame_options"),
    ],
)
def test_the_default_headers_give_way_to_the_app_s_own(http, app, redirect, added):
    said = "$upstream_http_x_frame_options|$upstream_http_x_accel_redirect"
    lines = {
        line["directive"]: line["args"][0] for line in http().block("map", said, "$slipway_header_x_frame_options")
    }
    otherwise = lines.pop("default")
    found = (value for pattern, value in lines.items() if re.search(pattern.removeprefix("~"), f"{app}|{redirect}"))
    assert next(found, otherwise) == added


@pytest.mark.parametrize(
    ("packages", "expected"), [(["nginx", "libnginx-mod-http-headers-more-filter"], [["Server"]]), (["nginx"], [])]
)
def test_the_server_is_hidden_where_the_module_is(http, packages, expected):
    assert http(nginx_packages=packages).all("more_clear_headers") == expected


@pytest.mark.parametrize(
    ("version", "expected"), [("", []), ("1.27.3", []), ("1.27.4", [["65s"]]), ("1.29", [["65s"]])]
)
def test_idle_connections_outlive_a_reload_where_nginx_can(http, version, expected):
    assert http(nginx_version=version).all("keepalive_min_timeout") == expected


def test_nobody_in_front_is_believed_who_is_not_named(http, site):
    assert http().all("set_real_ip_from") == http().all("real_ip_header") == []
    trusted = {"nginx_trusted_proxies": ["192.0.2.1", "2001:db8::/64"]}
    assert http(**trusted).all("set_real_ip_from") == [["192.0.2.1"], ["2001:db8::/64"]]
    assert ["X-Forwarded-Proto", "$slipway_scheme"] in site(**trusted)[0].all("proxy_set_header")


@pytest.mark.parametrize(("limits", "burst"), [({"rate": "10/s"}, "10"), ({"rate": "90/m", "burst": 5}, "5")])
def test_every_way_to_the_app_has_the_rate_and_static_files_have_none(site, limits, burst):
    server, everything = site({"limits": limits, "static_fallback": True})
    assert everything.one("limit_req_zone")[2] == f"rate={limits['rate'].replace('/', 'r/')}"
    for name in ("/", "@app"):
        assert server.block("location", name).one("limit_req") == [
            "zone=slipway_hello_rate",
            f"burst={burst}",
            "nodelay",
        ]
    assert server.all("limit_req") == server.block("location", "^~", "/static/").all("limit_req") == []


def test_the_longest_path_of_access_is_looked_at_first(site):
    rules = [{"path": "/"}, {"path": "/a.b/c/"}, {"path": "/a.b"}]
    _, everything = site({"name": "my-shop", "access": [{**rule, "deny": ["192.0.2.1"]} for rule in rules]})
    paths = [
        directive["directive"] for directive in everything.block("map", "$slipway_exempt$uri", "$slipway_my_shop_rule")
    ]
    assert paths[3:] == [r"~^0/a\.b/c/", r"~^0/a\.b(/|$)", "~^0/"]


def test_files_that_the_app_gives_out_are_under_no_rule(site):
    """Whoever asks for one himself gets 404."""
    given = {"protected": ["/internal/"], "protected_root": "/srv/hello/current/protected"}
    _, everything = site({**given, "access": [{"path": "/", "deny": ["192.0.2.1"]}]})
    lines = everything.block("map", "$slipway_exempt$uri", "$slipway_hello_rule")
    assert [(line["directive"], line["args"]) for line in lines if line["directive"].startswith("~")] == [
        ("~^1", ["0"]),
        ("~^0/internal/", ["0"]),
        ("~^0/", ["1"]),
    ]


def test_a_file_of_passwords_has_those_whom_its_rule_names(role):
    hashes = {"ann": "$6$salt$a", "bob": "$6$salt$b", "eve": "$6$salt$e"}
    access = [{"path": "/", "deny": ["192.0.2.1"]}, {"path": "/admin", "users": ["ann", "bob"]}]
    found = role("nginx", nginx_sites=[{**SITE, "access": access}], nginx_passwords=hashes).value("__nginx_passwords")
    assert found == {"/etc/nginx/slipway/passwords/hello.1": "ann:$6$salt$a\nbob:$6$salt$b\n"}


@pytest.mark.parametrize("status", [503, "503"])
def test_a_page_of_one_s_own_takes_the_place_of_the_common_one(role, site, status):
    own = {"error_pages": {status: "<p>soon"}}
    server, _ = site(own)
    assert ["503", "/slipway-error/hello.503.html"] in server.all("error_page")
    assert ["502", "/slipway-error/502.html"] in server.all("error_page")
    files = {f["path"]: f["content"] for f in role("nginx", nginx_sites=[{**SITE, **own}]).value("__nginx_error_files")}
    assert files["/etc/nginx/slipway/errors/hello.503.html"] == "<p>soon"
    assert "<h1>Back soon</h1>" in files["/etc/nginx/slipway/errors/503.html"]


def test_own_sites_and_modules_are_read(role, parsed):
    main = parsed(role("nginx").render("nginx.conf.j2"))
    assert main.one("include") == ["/etc/nginx/modules-enabled/*.conf"]
    assert ["/etc/nginx/conf.d/*.conf"] in main.block("http").all("include")
    assert ["/etc/nginx/sites-enabled/*"] in main.block("http").all("include")


def test_further_directives(http, site):
    extra = {"gzip_comp_level": 6, "etag": False, "more_set_headers": ['"X-One: 1"', '"X-Two: a; b"']}
    for directives in (http(nginx_extra_config=extra), site({"extra_config": extra})[0]):
        assert directives.one("gzip_comp_level") == ["6"]
        assert directives.one("etag") == ["off"]
        assert directives.all("more_set_headers") == [["X-One: 1"], ["X-Two: a; b"]]


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


def listens(server: Block) -> list[str]:
    return [" ".join(arguments) for arguments in server.all("listen")]


def hsts(server: Block) -> list[list[str]]:
    return [header[1:] for header in server.all("add_header") if header[0] == "Strict-Transport-Security"]


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
    assert hsts(plain) == [] and hsts(server) == [["max-age=63072000", "always"]]


def test_another_port_stands_in_the_address_that_it_leads_to(servers):
    plain, _ = servers(nginx_tls_listen=["[::]:8443"])
    assert plain.block("location", "/").one("return") == ["308", "https://$host:8443$request_uri"]


def test_a_site_may_be_served_over_both(servers):
    """Over plain HTTP there must be no word of HSTS, so that there is none at all."""
    (server,) = servers({"redirect": False})
    assert listens(server) == ["80", "[::]:80", "443 ssl", "[::]:443 ssl"]
    assert hsts(server) == []


@pytest.mark.parametrize("value", ["", "max-age=1; includeSubDomains; preload"])
def test_hsts_is_as_one_says(servers, value):
    assert hsts(servers({"hsts": value})[-1]) == [[value, "always"]] * bool(value)


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
    # A question mark: an OpenSSL that lacks it passes over it.
    assert http.one("ssl_ecdh_curve")[0].startswith("?X25519MLKEM768:") is hybrid
    assert http.one("ssl_session_tickets") == [tickets]


def test_unknown_hosts_are_refused_over_tls_too_where_any_site_has_it(role, parsed, http):
    servers = [Block(d["block"]) for d in tls_http(role, parsed) if d["directive"] == "server"]
    assert listens(servers[1]) == ["443 ssl default_server backlog=4096", "[::]:443 ssl default_server backlog=4096"]
    assert servers[1].one("ssl_reject_handshake") == ["on"]
    assert [listens(Block(d["block"])) for d in http() if d["directive"] == "server"] == [
        ["80 default_server backlog=4096", "[::]:80 default_server backlog=4096"]
    ]


def test_the_root_that_names_the_release_is_the_site_s_own_where_it_has_one(site):
    server, _ = site()
    assert server.one("root") == ["/srv/hello/current/public"]
    server, _ = site({"extra_config": {"root": "/srv/other"}})
    assert server.one("root") == ["/srv/other"]


def test_every_site_s_requests_bear_its_name(role, parsed):
    other = {"name": "other", "domains": ["*.Other.example"], "socket": "/run/other.sock"}
    http = parsed(role("nginx", nginx_sites=[SITE, other]).render("nginx.conf.j2")).block("http")
    apps = {line["directive"]: line["args"] for line in http.block("map", "$server_name", "$slipway_app")}
    assert apps == {"default": ["-"], "hello.example.com": ["hello"], "*.other.example": ["other"]}
    releases = [line["directive"] for line in http.block("map", "$slipway_app", "$slipway_release")]
    assert releases == ["default", "hello"], "a site without a folder has no release"


def test_a_line_in_json_is_an_object_whatever_is_missing(http):
    name, escape, *parts = http(nginx_log_format="json").one("log_format")
    assert (name, escape) == ("slipway", "escape=json")
    line = re.sub(r'"\$\w+"', '""', "".join(parts))
    fields = json.loads(re.sub(r"\$\w+", "0", line))
    assert {"time", "method", "path", "status", "bytes", "request_time", "upstream_time", "app", "release", "id"} < set(
        fields
    )


@pytest.mark.parametrize("proxies", [[], ["192.0.2.1"]])
def test_a_client_s_own_request_id_is_believed_of_a_front_proxy_alone(http, proxies):
    found = http(nginx_trusted_proxies=proxies)
    lines = found.block("map", f"{'$slipway_front_proxy' if proxies else ''} $http_x_request_id", "$slipway_request_id")
    rules = {line["directive"]: line["args"] for line in lines}
    assert rules.pop("default") == ["$request_id"]
    assert len(rules) == len(proxies)
    for pattern in rules:
        assert re.match(pattern[1:].replace("?<", "?P<"), "1 7a3eda984cdef7d7")
        assert not re.match(pattern[1:].replace("?<", "?P<"), "0 7a3eda984cdef7d7")
        assert not re.match(pattern[1:].replace("?<", "?P<"), '1 7a3eda98" x')


def test_slow_requests_have_a_file_of_their_own(http):
    assert ["/var/log/nginx/slow.log", "slipway", "if=$slipway_slow"] in http().all("access_log")
    assert http(nginx_slow_seconds=0).all("access_log") == [["/var/log/nginx/access.log", "slipway"]]
