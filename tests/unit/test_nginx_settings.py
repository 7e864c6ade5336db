"""The nginx role's variables: what could end one directive and begin another is refused by name."""

from __future__ import annotations

import copy
import re

import pytest
from ansible_collections.slipway.flask.plugins.plugin_utils.nginx_settings import at_least, errors

HASH = "$6$salt$" + 86 * "h"
GOOD = {
    "nginx_sites": [
        {
            "name": "hello",
            "domains": ["hello.example.com", "*.hello.example.com", "127.0.0.1", "xn--bcher-kva.example"],
            "socket": "/srv/hello/active.sock",
            "root": "/srv/hello/current/public",
            "assets": "/srv/hello/assets",
            "static": ["/static/", "/app/v1.2/assets/"],
            "static_shared": ["/media/"],
            "static_fingerprint": r"[.-][\w-]{8}[.]\w+$",
            "protected": ["/internal/"],
            "protected_root": "/srv/hello/current/protected",
            "unbuffered": {"requests": ["/upload"], "answers": ["/"]},
            "cache": {
                "paths": ["=/", "/news/"],
                "seconds": 5,
                "stale": 60,
                "cookies": ["session", "my.id-2"],
                "headers": ["X-User"],
                "size": "1g",
            },
            "limits": {"body": "100m", "timeout": 300, "rate": "90/m", "burst": 20, "connections": 10},
            "headers": {
                "X-Frame-Options": "SAMEORIGIN",
                "Referrer-Policy": False,
                "Permissions-Policy": 'usb=(self "https://a.example")',
            },
            "access": [
                {"path": "/", "deny": ["192.0.2.0/24", "2001:db8::/32"]},
                {"path": "/admin", "allow": ["192.0.2.7"], "users": ["ann"], "realm": "It's ours", "satisfy": "any"},
            ],
            "maintenance": {"allow": ["192.0.2.0/24", "::1"]},
            "error_pages": {"502": "<p>$5; } soon", 503: "<p>soon"},
            "extra_config": {
                "proxy_hide_header": ["X-Runtime", "X-Powered-By"],
                "add_header": 'X-Own "it\'s; mine" always',
            },
        },
        {"name": "two", "domains": ["two.example.com"], "socket": "/run/two.sock", "root": "/srv/two"},
    ],
    "nginx_listen": ["80", "[::]:80", "127.0.0.1:8080", "*:81"],
    "nginx_tls_listen": ["443", "[::]:443"],
    "nginx_client_max_body_size": "16m",
    "nginx_large_client_header_buffers": "4 8k",
    "nginx_trusted_proxies": ["10.0.0.5", "fd00::/8"],
    "nginx_headers": {"X-Content-Type-Options": "nosniff"},
    "nginx_passwords": {"ann": HASH},
    "nginx_slow_seconds": 0.5,
    "nginx_extra_config": {"gzip_comp_level": 6, "etag": False, "log_format": "'mine' '${request_time} a\\'b'"},
}
INJECTED = [
    "80; return 200",
    "80 } server { return 200",
    "80\nreturn 200",
    "80\rreturn 200",
    "80\x00",
    "a # b; c",
    '"a" "b',
    'a"b; return 200; "c',
    '"a";return 200;"b"',
    "a\\",
    "",
]


def changed(path, value):
    """The good variables with one of them changed; ``path`` is as an error names it."""
    variables = copy.deepcopy(GOOD)
    *folders, last = path
    place = variables
    for folder in folders:
        place = place[folder]
    place[last] = value
    return variables


def test_good_settings_pass():
    assert errors(GOOD) == []


@pytest.mark.parametrize("value", INJECTED)
@pytest.mark.parametrize(
    ("path", "name"),
    [
        (("nginx_listen", 0), "nginx_listen"),
        (("nginx_client_max_body_size",), "nginx_client_max_body_size"),
        (("nginx_large_client_header_buffers",), "nginx_large_client_header_buffers"),
        (("nginx_slow_seconds",), "nginx_slow_seconds"),
        (("nginx_extra_config", "gzip_comp_level"), "nginx_extra_config.gzip_comp_level"),
        (("nginx_sites", 0, "name"), "nginx_sites[0].name"),
        (("nginx_sites", 0, "domains", 1), "nginx_sites[0].domains"),
        (("nginx_sites", 0, "socket"), "nginx_sites[0].socket"),
        (("nginx_sites", 0, "root"), "nginx_sites[0].root"),
        (("nginx_sites", 0, "assets"), "nginx_sites[0].assets"),
        (("nginx_sites", 0, "static", 1), "nginx_sites[0].static"),
        (("nginx_sites", 0, "static_shared", 0), "nginx_sites[0].static_shared"),
        (("nginx_sites", 0, "static_fingerprint"), "nginx_sites[0].static_fingerprint"),
        (("nginx_sites", 0, "protected", 0), "nginx_sites[0].protected"),
        (("nginx_sites", 0, "protected_root"), "nginx_sites[0].protected_root"),
        (("nginx_sites", 0, "unbuffered", "requests", 0), "nginx_sites[0].unbuffered.requests"),
        (("nginx_sites", 0, "unbuffered", "answers", 0), "nginx_sites[0].unbuffered.answers"),
        (("nginx_sites", 0, "cache", "paths", 0), "nginx_sites[0].cache.paths"),
        (("nginx_sites", 0, "cache", "cookies", 1), "nginx_sites[0].cache.cookies"),
        (("nginx_sites", 0, "cache", "headers", 0), "nginx_sites[0].cache.headers"),
        (("nginx_sites", 0, "cache", "size"), "nginx_sites[0].cache.size"),
        (("nginx_sites", 0, "limits", "body"), "nginx_sites[0].limits.body"),
        (("nginx_sites", 0, "limits", "rate"), "nginx_sites[0].limits.rate"),
        (("nginx_sites", 0, "access", 0, "deny", 1), "nginx_sites[0].access[0].deny"),
        (("nginx_sites", 0, "maintenance", "allow", 0), "nginx_sites[0].maintenance.allow"),
        (("nginx_trusted_proxies", 0), "nginx_trusted_proxies"),
        (("nginx_sites", 0, "extra_config", "proxy_hide_header", 0), "nginx_sites[0].extra_config.proxy_hide_header"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_value_can_end_its_directive(path, name, value):
    (error,) = errors(changed(path, value))
    assert error.startswith(f"{name}: expected ") and f"found {value!r}; write for example " in error


@pytest.mark.parametrize("value", ["a\nb", "a\x00", "$host", "a\\", ""])
def test_a_header_s_value_is_one_line_that_nginx_does_not_fill_in(value):
    (error,) = errors(changed(("nginx_headers", "X-Content-Type-Options"), value))
    assert error.startswith("nginx_headers.X-Content-Type-Options: expected one line")


@pytest.mark.parametrize("name", ["x-frame-options", "X Frame", "X-Frame-Options;", "", 70 * "X"])
def test_a_header_s_name_is_spelled_in_one_way(name):
    (error,) = errors(changed(("nginx_headers",), {name: "1"}))
    assert error.startswith("nginx_headers: expected names of headers")


@pytest.mark.parametrize("value", ["harbour", "{PLAIN}harbour", "", "$6$salt$", f"{HASH}:1", f"{HASH}\nbob:{HASH}"])
def test_a_password_is_a_hash_and_never_shown(value):
    (error,) = errors(changed(("nginx_passwords", "ann"), value))
    assert error == "nginx_passwords.ann: expected a hash as `openssl passwd -6` makes it; what was found is not shown"


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"path": "/admin/../x y"}, "path: expected a path"),
        ({"path": "/a;b"}, "path: expected a path"),
        ({"path": "/admin/.."}, "path: expected a path"),
        ({"realm": 'a "b"'}, "realm: expected a line without quotes"),
        ({"realm": "$host"}, "realm: expected a line without quotes"),
        ({"realm": "off"}, "realm: expected a line without quotes"),
        ({"users": ["bob"]}, "users: bob has no password"),
        ({"satisfy": "any", "users": ["ann"]}, "satisfy: expected addresses and users"),
        ({"path": "/admin"}, "path: /admin has a rule already"),
    ],
)
def test_a_rule_of_access_is_refused(rule, says):
    (error,) = errors(changed(("nginx_sites", 0, "access", 0), {"path": "/", **rule}) if rule != {"path": "/admin"} else
                      changed(("nginx_sites", 0, "access"), [rule, rule]))  # fmt: skip
    assert says in error


def test_hsts_is_not_said_over_plain_http():
    (error,) = errors(changed(("nginx_headers",), {"Strict-Transport-Security": "max-age=1"}))
    assert "tls: {hsts: " in error


def test_a_header_that_nginx_would_not_heed_is_refused():
    (error,) = errors(changed(("nginx_extra_config", "add_header"), "X-Company ours"))
    assert error.startswith("nginx_extra_config.add_header: heeded nowhere") and "; write " in error


@pytest.mark.parametrize("name", ["return 200;", "location / {", "add-header", "# add_header", ""])
def test_a_directive_s_name_is_a_name(name):
    (error,) = errors(changed(("nginx_extra_config",), {name: "1"}))
    assert error.startswith("nginx_extra_config: expected names of directives")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("domains",), [], "domains: expected at least one host name"),
        (("domains",), ["_"], "domains: expected host names, found '_'"),
        (("domains",), ["a.example.com:8080"], "domains: expected host names"),
        (("domains",), ["HELLO.example.com"], "domains: HELLO.example.com leads to hello already"),
        (("name",), "hello", "name: hello is there already"),
        (("limits",), {"burst": 5}, "limits.burst: expected limits.rate beside it"),
        (("static",), ["/"], "static: expected URL prefixes"),
        (("static",), ["/static/../../etc/"], "static: expected URL prefixes"),
        (("limits",), {"timeout": 0}, "limits.timeout: expected seconds from 1, found '0'"),
    ],
)
def test_the_second_site_is_refused(path, value, says):
    (error,) = errors(changed(("nginx_sites", 1, *path), value))
    assert error.startswith(f"nginx_sites[1].{says}")


@pytest.mark.parametrize("milliseconds", [0, 1, 500, 999, 1000, 1999, 2987, 9000, 9999, 10_000, 123_456])
def test_request_times_of_at_least(milliseconds):
    pattern = at_least(milliseconds / 1000)
    tried = {
        *range(0, 12_000, 7),
        *range(max(0, milliseconds - 20), milliseconds + 20),
        99_999,
        100_000,
        123_999,
        1_000_000,
    }
    wrong = [
        one for one in tried if bool(re.search(pattern, f"{one // 1000}.{one % 1000:03d}")) != (one >= milliseconds)
    ]
    assert wrong == []
