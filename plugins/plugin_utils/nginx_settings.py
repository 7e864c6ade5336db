# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nginx role's variables may say beyond their types: above all, nothing that ends one directive and begins another."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Rule(NamedTuple):
    """The form of a value, the same in words, and an example."""

    pattern: str
    expected: str
    example: str


_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# Words as Nginx's own parser reads them: a quoted one ends at its quote, a bare one at a space, semicolon or brace.
_QUOTED = r"""("([^"\\\x00-\x1f]|\\[^\x00-\x1f])*"|'([^'\\\x00-\x1f]|\\[^\x00-\x1f])*')"""
_BARE = r"""(?!["'#])([^\s;{}"'\\\x00-\x1f]|\\[^\s\x00-\x1f]|\$\{\w+\})+"""
_WORD = f"({_QUOTED}|{_BARE})"

NAME = Rule("[a-z][a-z0-9_-]*", "small letters, digits, _ and -", "hello")
DOMAIN = Rule(rf"(\*\.)?({_LABEL}\.)*{_LABEL}", "host names", "www.example.com")
PATH = Rule(
    r"(/[\w.@+~-]+)+",
    "an absolute path of plain characters",
    "/srv/hello/current/public",
)
PREFIX = Rule(r"/((?!\.\.?/)[\w.~-]+/)+", "URL prefixes that begin and end with /", "/static/")
SIZE = Rule("[0-9]+[kKmMgG]?", "a size", "16m")
BUFFERS = Rule("[1-9][0-9]* [1-9][0-9]*[kKmM]?", "a number and a size", "4 16k")
SECONDS = Rule("[1-9][0-9]*", "seconds from 1", "120")
DURATION = Rule(r"[0-9]{1,6}(\.[0-9]+)?", "seconds from 0", "0.5")
LISTEN = Rule(
    r"(([0-9.]+|\*|\[[0-9A-Fa-f:.]+\]):)?[0-9]{1,5}",
    "ports, or addresses with a port",
    "[::]:80",
)
SERVER = Rule(
    r"([0-9.]+|\[[0-9A-Fa-f:.]+\]|(?=.{1,253}:)[A-Za-z0-9.-]+):[0-9]{1,5}",
    "addresses with a port",
    "10.0.0.11:80",
)
HEADER = Rule(
    "(?=.{1,60}$)[A-Z][A-Za-z0-9]*(-[A-Z][A-Za-z0-9]*)*",
    "names of headers, each word of them with a capital",
    "X-Frame-Options: SAMEORIGIN",
)
# Nginx would take a $ for a variable.
HEADER_VALUE = Rule(
    r"[^\x00-\x1f\x7f$\\]+|False", "one line without $ and \\", "X-Frame-Options: SAMEORIGIN, or false for none"
)
RATE = Rule("[1-9][0-9]{0,5}/[sm]", "a number of requests for each second or minute", "10/s, or 90/m")
COUNT = Rule("[1-9][0-9]*", "a number from 1", "20")
ACCESS_PATH = Rule(
    r"/(?!(.*/)?\.\.?(/|$))([\w.~-]+(/[\w.~-]+)*/?)?", "a path that begins with /, without . and ..", "/admin"
)
# The one realm that Nginx takes for none.
REALM = Rule(r"""(?!off$)[^\x00-\x1f\x7f"$\\]+""", "a line without quotes, $ and \\ that is not off", "Members only")
USER = Rule("[!-9;-~]+", "names without blank and colon", "ann")
# What crypt(3) reads and no table lists: bcrypt, SHA-256, SHA-512, yescrypt.
HASH = Rule(r"\$(2[aby]|5|6|y)\$[!-9;-~]{20,}", "a hash as `openssl passwd -6` makes it", "")
STATUS = Rule("429|50[234]", "429, 502, 503 or 504", "error_pages: {503: \"{{ lookup('file', 'soon.html') }}\"}")
NETWORK_EXAMPLE = "192.0.2.0/24"
HSTS = Rule(
    r"(max-age=[0-9]+(; includeSubDomains)?(; preload)?)?",
    "max-age=SECONDS, or nothing for none",
    "max-age=63072000; includeSubDomains",
)
PATTERN = Rule(
    r'([^"\s\\\x00-\x1f\x7f]|\\[^"\s\\\x00-\x1f\x7f])+',
    "a regular expression without blanks, quotes and \\\\",
    r"[.-][\w-]{8}[.]\w+$",
)
LOCATION = Rule(r"/[\w.~/-]*", "paths that begin with /", "/events")
CACHE_PATH = Rule(r"=?/[\w.~/-]*", "paths that begin with /, or with =/ for one page", "/news/")
COOKIE = Rule(r"[\w.-]+", "names of cookies", "session")
REQUEST_HEADER = Rule("[A-Za-z][A-Za-z0-9-]*", "names of headers", "Authorization")
DIRECTIVE = Rule("[a-z][a-z0-9_]*", "names of directives", "gzip_comp_level")
VALUE = Rule(
    f"{_WORD}( +{_WORD})*",
    "what one directive takes",
    "proxy_hide_header: [X-Runtime], with quotes around what holds ; { or }; what needs a block goes into a template",
)


def errors(variables: dict) -> list[str]:
    """What is wrong with the role's ``variables``, given by name. Each error is led by its variable."""
    found = [
        *misfits("nginx_listen", variables["nginx_listen"], LISTEN),
        *misfits("nginx_tls_listen", variables["nginx_tls_listen"], LISTEN),
        *misfits(
            "nginx_client_max_body_size",
            [variables["nginx_client_max_body_size"]],
            SIZE,
        ),
        *misfits(
            "nginx_large_client_header_buffers",
            [variables["nginx_large_client_header_buffers"]],
            BUFFERS,
        ),
        *misfits("nginx_slow_seconds", [variables["nginx_slow_seconds"]], DURATION),
        *_directive_misfits("nginx_extra_config", variables["nginx_extra_config"]),
        *_header_misfits("nginx_headers", variables["nginx_headers"]),
        *_network_misfits("nginx_trusted_proxies", variables["nginx_trusted_proxies"]),
        *misfits("nginx_passwords", variables["nginx_passwords"], USER),
        *_passed_errors(variables),
    ]
    if "add_header" in variables["nginx_extra_config"]:
        found.append(
            "nginx_extra_config.add_header: heeded nowhere, since every site has headers of its own; "
            "write for example headers: {X-Company: ours} for a site"
        )
    for user, secret in variables["nginx_passwords"].items():
        if not re.fullmatch(HASH.pattern, str(secret), re.ASCII):
            found.append(f"nginx_passwords.{user}: expected {HASH.expected}; what was found is not shown")
    names, owners = set(), {}
    for index, site in enumerate(variables["nginx_sites"]):
        where = f"nginx_sites[{index}]"
        found += [f"{where}.{error}" for error in site_errors(site)]
        # Nginx's variables have no hyphens.
        name = site["name"].replace("-", "_")
        if name in names:
            found.append(
                f"{where}.name: {site['name']} is there already, - and _ being the same; give each site a name of its own"
            )
        names.add(name)
        for number, rule in enumerate(site.get("access") or []):
            for user in rule.get("users") or []:
                if user not in variables["nginx_passwords"]:
                    found.append(
                        f"{where}.access[{number}].users: {user} has no password; give {user} one in nginx_passwords"
                    )
        for domain in site["domains"]:
            if domain.lower() in owners:
                found.append(
                    f"{where}.domains: {domain} leads to {owners[domain.lower()]} already; a domain leads to one site"
                )
            owners[domain.lower()] = site["name"]
    return found


def at_least(seconds: float) -> str:
    """A regular expression for $request_time, seconds with three digits behind the point, that fits ``seconds`` and more."""
    whole, part = divmod(round(1000 * float(seconds)), 1000)
    digits = f"{whole}.{part:03d}"
    longer = rf"[0-9]{{{len(str(whole)) + 1},}}\."
    larger = [
        re.escape(digits[:place]) + (f"[{int(digit) + 1}-9]" if digit < "8" else "9") + _rest(digits[place + 1 :])
        for place, digit in enumerate(digits)
        if digit.isdigit() and digit != "9"
    ]
    return f"^({'|'.join([longer, *larger, re.escape(digits)])})"


def _rest(digits: str) -> str:
    """Any digits where there are some. Behind the point they make no difference."""
    whole, point, dummy = digits.partition(".")
    return ("[0-9]" * len(whole) + r"\.") if point else ""


def site_errors(site: dict) -> list[str]:
    """What is wrong with one element of nginx_sites. Each error is led by its key."""
    limits = site.get("limits") or {}
    static, shared, protected = (site.get(key) or [] for key in ("static", "static_shared", "protected"))
    unbuffered = site.get("unbuffered") or {}
    found = [
        *misfits("name", [site["name"]], NAME),
        *misfits("domains", site["domains"], DOMAIN),
        *misfits("socket", _given(site.get("socket")), PATH),
        *misfits("servers", site.get("servers") or [], SERVER),
        *misfits("root", [site.get("root") or ""] if static or shared else _given(site.get("root")), PATH),
        *misfits("assets", _given(site.get("assets")), PATH),
        *misfits("static", static, PREFIX),
        *misfits("static_shared", shared, PREFIX),
        *misfits("static_fingerprint", _given(site.get("static_fingerprint")), PATTERN),
        *misfits("protected", protected, PREFIX),
        *misfits("protected_root", [site.get("protected_root") or ""] if protected else [], PATH),
        *misfits("unbuffered.requests", unbuffered.get("requests") or [], LOCATION),
        *misfits("unbuffered.answers", unbuffered.get("answers") or [], LOCATION),
        *_cache_errors(site.get("cache") or {}),
        *misfits("limits.body", _given(limits.get("body")), SIZE),
        *misfits("limits.timeout", _given(limits.get("timeout")), SECONDS),
        *misfits("limits.rate", _given(limits.get("rate")), RATE),
        *misfits("limits.burst", _given(limits.get("burst")), COUNT),
        *misfits("limits.connections", _given(limits.get("connections")), COUNT),
        *_header_misfits("headers", site.get("headers") or {}),
        *_access_errors(site.get("access") or []),
        *_network_misfits("maintenance.allow", (site.get("maintenance") or {}).get("allow") or []),
        *misfits("error_pages", site.get("error_pages") or {}, STATUS),
        *_directive_misfits("extra_config", site.get("extra_config") or {}),
    ]
    if limits.get("burst") is not None and limits.get("rate") is None:
        found.append(
            f"limits.burst: expected limits.rate beside it, found none; write for example rate: {RATE.example}"
        )
    if (site.get("socket") is None) == (not site.get("servers")):
        found.append(
            f"socket: expected either a socket or servers, found {'both' if site.get('servers') else 'neither'}; "
            "write for example socket: /srv/hello/active.sock"
        )
    if tls := site.get("tls"):
        found += [
            *misfits("tls.certificate", [tls["certificate"]], PATH),
            *misfits("tls.key", [tls["key"]], PATH),
            *misfits("tls.challenges", _given(tls.get("challenges")), PATH),
            *misfits("tls.hsts", _given(tls.get("hsts")), HSTS),
        ]
    if not site["domains"]:
        found.append(f"domains: expected at least one host name, found none; write for example {DOMAIN.example}")
    return found


def _passed_errors(variables: dict) -> Iterator[str]:
    """What keeps TLS from passing through, to this host or from it."""
    passed, sites = variables.get("nginx_passed") or [], variables["nginx_sites"]
    for index, pool in enumerate(passed):
        where = f"nginx_passed[{index}]"
        yield from misfits(f"{where}.name", [pool["name"]], NAME)
        yield from misfits(f"{where}.domains", pool["domains"], DOMAIN)
        yield from misfits(f"{where}.servers", pool["servers"], SERVER)
    for index, site in enumerate(sites):
        tls = site.get("tls")
        if tls and passed:
            yield (
                f"nginx_sites[{index}].tls: expected none where nginx_passed has the port of HTTPS, found one; end TLS in one place for "
                "all apps, by terminate: host in each one's tls or in none's"
            )
        if tls and variables.get("nginx_tls_proxy_protocol") and not tls.get("redirect", True):
            yield f"nginx_sites[{index}].tls.redirect: expected true with nginx_tls_proxy_protocol, found false; leave it out"
    if variables.get("nginx_tls_proxy_protocol") and not variables["nginx_trusted_proxies"]:
        yield (
            "nginx_trusted_proxies: expected the balancers' addresses with nginx_tls_proxy_protocol, found none; "
            "write for example [10.0.0.5]"
        )


def _cache_errors(cache: dict) -> Iterator[str]:
    if cache and not cache.get("paths"):
        yield f"cache.paths: expected {CACHE_PATH.expected}, found none; write for example {CACHE_PATH.example}"
    yield from misfits("cache.paths", cache.get("paths") or [], CACHE_PATH)
    yield from misfits("cache.seconds", _given(cache.get("seconds")), SECONDS)
    yield from misfits("cache.stale", _given(cache.get("stale")), SECONDS)
    yield from misfits("cache.cookies", cache.get("cookies") or [], COOKIE)
    yield from misfits("cache.headers", cache.get("headers") or [], REQUEST_HEADER)
    yield from misfits("cache.size", _given(cache.get("size")), SIZE)


def _access_errors(rules: list[dict]) -> Iterator[str]:
    paths = set()
    for number, rule in enumerate(rules):
        where, path = f"access[{number}]", rule.get("path") or "/"
        networks, users = [*(rule.get("allow") or []), *(rule.get("deny") or [])], rule.get("users") or []
        yield from misfits(f"{where}.path", [path], ACCESS_PATH)
        yield from _network_misfits(f"{where}.allow", rule.get("allow") or [])
        yield from _network_misfits(f"{where}.deny", rule.get("deny") or [])
        yield from misfits(f"{where}.users", users, USER)
        yield from misfits(f"{where}.realm", _given(rule.get("realm")), REALM)
        if path in paths:
            yield f"{where}.path: {path} has a rule already; write one rule for each path"
        if rule.get("satisfy") == "any" and not (networks and users):
            yield f"{where}.satisfy: expected addresses and users of which any will do; write both, or leave satisfy out"
        paths.add(path)


def _header_misfits(where: str, headers: dict) -> Iterator[str]:
    yield from misfits(where, headers, HEADER)
    for name, value in headers.items():
        yield from misfits(f"{where}.{name}", [value], HEADER_VALUE)
        if name == "Strict-Transport-Security":
            yield f"{where}.{name}: expected where TLS is, found among all headers; write for example tls: {{hsts: max-age=63072000}}"


def _network_misfits(where: str, networks: Iterable) -> Iterator[str]:
    for network in networks:
        with contextlib.suppress(ValueError):
            ipaddress.ip_network(str(network))
            continue
        yield f"{where}: expected addresses and networks, found {str(network)!r}; write for example {NETWORK_EXAMPLE}"


def _given(value) -> list:
    return [] if value is None else [value]


def _directive_misfits(where: str, directives: dict) -> Iterator[str]:
    yield from misfits(where, directives, DIRECTIVE)
    for name, values in directives.items():
        yield from misfits(f"{where}.{name}", values if isinstance(values, list) else [values], VALUE)


def misfits(where: str, values: Iterable, rule: Rule) -> Iterator[str]:
    """An error for each of ``values`` that has not the rule's form."""
    for value in values:
        if not re.fullmatch(rule.pattern, str(value), re.ASCII):
            yield f"{where}: expected {rule.expected}, found {str(value)!r}; write for example {rule.example}"
