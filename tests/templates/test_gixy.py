"""What a checker of Nginx's configuration says to everything that the role can write."""

from __future__ import annotations

import pytest
from gixy.core.config import Config
from gixy.core.manager import Manager

# It would have Nginx remember files for a while: right after a cutover those would be the old release's.
SKIPPED = ["try_files_is_evil_too"]

HASH = "$6$salt$" + 86 * "h"
TLS = {
    "certificate": "/etc/slipway/certificates/hello/fullchain.pem",
    "key": "/etc/slipway/certificates/hello/privkey.pem",
}
BARE = {
    "name": "hello",
    "domains": ["hello.example.com"],
    "socket": "/srv/hello/active.sock",
    "root": "/srv/hello/public",
}
FEATURES = {
    "nothing": {},
    "static": {"static": ["/static/"]},
    "fallback": {"static": ["/static/", "/media/"], "static_fallback": True},
    "releases": {"static": ["/static/"], "static_shared": ["/media/"], "assets": "/srv/hello/assets"},
    "protected": {"protected": ["/internal/"], "protected_root": "/srv/hello/current/protected"},
    "streams": {"unbuffered": {"requests": ["/upload"], "answers": ["/events", "/"]}, "websockets": True},
    "cache": {"cache": {"paths": ["=/", "/news/"], "headers": ["Authorization", "X-User"]}},
    "headers": {"headers": {"X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": False, "X-Own": "mine"}},
    "limits": {"limits": {"body": "0", "timeout": 300, "rate": "10/s", "burst": 5, "connections": 10}},
    "addresses": {"access": [{"path": "/", "allow": ["192.0.2.0/24"]}, {"path": "/inside", "deny": ["192.0.2.7"]}]},
    "passwords": {"access": [{"path": "/admin", "users": ["ann"]}]},
    "either": {"access": [{"path": "/admin/", "users": ["ann"], "allow": ["2001:db8::/32"], "satisfy": "any"}]},
    "maintenance": {"maintenance": {"allow": ["192.0.2.0/24"]}},
    "pages": {"error_pages": {"503": "<p>soon"}},
}
FEATURES["everything"] = {key: value for feature in FEATURES.values() for key, value in feature.items()}
HOSTS = {
    "Debian 12": {"ansible_facts": {"os_family": "Debian", "distribution_major_version": "12"}},
    "Debian 13": {"nginx_trusted_proxies": ["192.0.2.1", "2001:db8::/64"]},
    "newer": {
        "nginx_version": "1.29.3",
        "nginx_http3": True,
        "nginx_tls_policy": "modern",
        "nginx_log_format": "json",
        "nginx_slow_seconds": 0,
        "nginx_packages": ["nginx"],
    },
}
# What is to be had over plain HTTP too must not tell browsers to keep away from there.
SKIPPED_WAYS = {"both": ["hsts_header"]}
WAYS = {
    "plain": {},
    "tls": {"tls": TLS},
    "both": {"tls": {**TLS, "redirect": False, "challenges": "/var/lib/challenges"}},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("host", HOSTS)
def test_the_checker_finds_nothing(role, tmp_path, host, feature, way):
    site = {**BARE, **FEATURES[feature], **WAYS[way]}
    nginx = role("nginx", nginx_sites=[site], nginx_passwords={"ann": HASH}, **HOSTS[host])
    text = nginx.render("nginx.conf.j2")
    for include, content in {
        "/etc/nginx/mime.types": "",
        "/etc/nginx/modules-enabled/*.conf": "",
        "/etc/nginx/conf.d/*.conf": "",
        "/etc/nginx/sites-enabled/*": "".join(file["content"] for file in nginx.value("__nginx_site_files")),
    }.items():
        assert f"include {include};" in text
        text = text.replace(f"include {include};", content)
    (tmp_path / "nginx.conf").write_text(text)
    checker = Manager(Config(skips=SKIPPED + SKIPPED_WAYS.get(way, []), load_default_vars=True))
    with open(tmp_path / "nginx.conf", "rb") as stream:
        checker.audit(str(tmp_path / "nginx.conf"), stream)
    assert [f"{plugin.name}: {issue.reason}" for plugin in checker.results for issue in plugin.issues] == []
