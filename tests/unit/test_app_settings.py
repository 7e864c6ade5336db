"""What an app's mapping may say: five lines are enough, and whatever cannot work is refused by name."""

from __future__ import annotations

import pytest
from ansible_collections.slipway.flask.plugins.plugin_utils import app_settings

FIVE_LINES = {"source": {"path": "my_app"}, "wsgi": "my_app:create_app()", "domains": ["www.example.com"]}


def settled(**keys):
    """The app called hello with all its keys; nothing may be wrong with it."""
    apps, errors = app_settings.settle({"hello": {**FIVE_LINES, **keys}}, {})
    assert errors == []
    return apps["hello"]


def errors_of(**keys):
    return app_settings.settle({"hello": {**FIVE_LINES, **keys}}, {})[1]


def test_five_lines_are_enough():
    assert settled() == {
        **FIVE_LINES,
        "requirements": {},
        "wheelhouse": False,
        "python": "",
        "static": None,
        "protected": {},
        "shared": [],
        "balance": "least_connections",
        "build_timeout": 900,
        "server": "gunicorn",
        "workers": "auto",
        "worker_memory": 128,
        "worker_class": "gthread",
        "threads": 16,
        "sticky": None,
        "timeout": 30,
        "graceful_timeout": 30,
        "drain": None,
        "max_requests": 10000,
        "max_requests_jitter": 1000,
        "preload": False,
        "access_log": False,
        "env": {},
        "secrets": {},
        "files": {},
        "before_switch": [],
        "before_start": [],
        "cutover": "slots",
        "reversible": True,
        "health": {"host": "www.example.com"},
        "writable": [],
        "memory_max": "",
        "keep_releases": 5,
        "service_extra_config": {},
        "server_extra_config": {},
        "static_fingerprint": "[.-](?=[0-9]*[a-f])[0-9a-f]{8,}[.]",
        "unbuffered": {"requests": [], "answers": []},
        "websockets": False,
        "cache": {},
        "limits": {},
        "headers": {},
        "access": [],
        "maintenance": {"allow": []},
        "error_pages": {},
        "tls": {},
        "nginx_extra_config": {},
    }


def test_a_rule_of_access_has_all_its_keys():
    assert settled(access=[{"path": "/admin", "users": ["ann"]}])["access"] == [
        {"path": "/admin", "allow": [], "deny": [], "users": ["ann"], "realm": "Members only", "satisfy": "all"}
    ]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"access": [{"path": "admin"}]}, "access[0].path: expected a path that begins with /"),
        ({"access": [{"user": ["ann"]}]}, "access"),
        ({"access": [{"satisfy": "some"}]}, "access"),
        ({"limits": {"rate": "ten"}}, "limits.rate: expected a number of requests for each second or minute"),
        ({"headers": {"x-frame-options": "DENY"}}, "headers: expected names of headers"),
        ({"maintenance": {"allow": ["office"]}}, "maintenance.allow: expected addresses and networks"),
        ({"error_pages": {404: "gone"}}, "error_pages: expected 429, 502, 503 or 504"),
    ],
)
def test_what_the_door_cannot_do_is_refused(keys, says):
    (error,) = errors_of(**keys)
    assert error.startswith(f"slipway_apps.hello.{says}") and "; write " in error


def test_two_names_that_are_one_to_nginx_are_refused():
    apps = {name: {**FIVE_LINES, "domains": [f"{name.replace('_', '-')}{number}.example.com"]}
            for number, name in enumerate(("my-shop", "my_shop"))}  # fmt: skip
    assert app_settings.settle(apps, {})[1] == [
        "slipway_apps.my_shop: differs from my-shop in - and _ alone; give it another name"
    ]


@pytest.mark.parametrize("key", sorted(app_settings.spec()))
def test_what_is_wrong_with_a_key_comes_with_what_to_write(key):
    assert app_settings._WRITE[key].startswith(f"{key}: ")


def test_an_app_leaves_the_next_one_alone():
    apps = {name: {**FIVE_LINES, "domains": [f"{name}.example.com"]} for name in ("one", "two", "three")}
    assert app_settings.settle(apps, {})[1] == []


@pytest.mark.parametrize("key", sorted(app_settings.spec().keys() - FIVE_LINES))
def test_an_empty_value_is_one_that_is_not_given(key):
    assert settled(**{key: None}) == settled()


@pytest.mark.parametrize(
    ("own", "expected"), [({}, 8), ({"threads": 2}, 2), ({"threads": None}, 8)], ids=["all", "own", "empty"]
)
def test_the_inventory_s_default_yields_to_an_app_s_own_value(own, expected):
    apps, errors = app_settings.settle({"hello": {**FIVE_LINES, **own}}, {"threads": 8, "no_key": 1})
    assert not errors and apps["hello"]["threads"] == expected


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"limits": 5}, "limits: expected a mapping, found int; "),
        ({"worker_class": "eventlet"}, "worker_class: Gunicorn no longer has eventlet; "),
        ({"threads": 0}, "threads: expected a number from 1, "),
    ],
    ids=str,
)
def test_the_inventory_s_default_is_held_to_the_same_rules(keys, says):
    (error,) = app_settings.settle({"hello": FIVE_LINES}, keys)[1]
    assert error.startswith(f"slipway_apps.hello.{says}")


@pytest.mark.parametrize(
    "keys",
    [
        {"wsgi": "my_app.web:app"},
        {"source": {"git": "https://example.com/a.git", "version": "v1"}},
        {"wsgi": "my_app:create_app('prod', debug=False)"},
        {"workers": 1},
        {"threads": 1, "timeout": 1, "graceful_timeout": 1, "build_timeout": 1},
        {"max_requests": 0, "max_requests_jitter": 0, "keep_releases": 0},
        {"workers": "12"},
        {"worker_class": "gevent"},
        {"python": "3.13"},
        {"static": {}},
        {
            "static": {"/a/": "x"},
            "protected": {"/b/": "shared:x"},
            "drain": 300,
            "static_fingerprint": r"[.-][\w-]{8}[.]\w+$",
        },
        {"websockets": True, "worker_class": "gevent", "unbuffered": {"requests": ["/up"], "answers": ["/events/"]}},
        {
            "websockets": True,
            "threads": 32,
            "cache": {
                "paths": ["=/", "/news/"],
                "seconds": 5,
                "stale": 30,
                "cookies": ["my-session"],
                "headers": [],
                "size": "1g",
            },
        },
        {"static": {"/a/": "x", "/ab/": "package:flask_admin/static", "/b/a/": "shared:uploads"}},
        {"files": {"/etc/hello/app.toml": "", "instance/config.py": "A = 1"}},
        {"memory_max": "1.5G"},
        {"health": {"path": "/healthz?full=1", "status": 204, "text": "two words"}},
        {"health": {"paths": ["/", "/api/"], "watch": 0}},
        {"health": {"sample": {"requests": 20, "paths": ["/", "/api/"]}}},
        {"cutover": "restart", "reversible": False},
        {"service_extra_config": {"MemoryDenyWriteExecute": False, "LimitNOFILE": 65536}},
        {"before_switch": ["flask db upgrade", ["flask", "seed"]]},
        {"env": {"A": "two\nlines", "b": 1, "_C": True}},
        {"domains": ["*.example.com", "127.0.0.1"]},
    ],
    ids=str,
)
def test_good_settings_pass(keys):
    assert settled(**keys).items() >= {key: value for key, value in keys.items() if key != "health"}.items()


@pytest.mark.parametrize("domain", ["*.example.com", "example.com"])
def test_health_is_asked_of_the_first_domain(domain):
    assert settled(domains=[domain, "b.example.com"])["health"]["host"] == "example.com"
    assert settled(domains=[domain], health={"host": "other"})["health"]["host"] == "other"


REFUSED = {
    "wrong type": [
        ({"threads": "many"}, "threads: expected a number, found str; write threads: 16"),
        ({"timeout": "30s"}, "timeout: expected a number, found str; write timeout: 30"),
        ({"access_log": "/var/log/hello.log"}, "access_log: expected true or false, found str; write access_log: true"),
        ({"preload": "maybe"}, "preload: expected true or false, found str; write preload: true"),
        ({"domains": {"a": 1}}, "domains: expected a list, found dict; write domains: [www.example.com]"),
        ({"source": "my_app"}, "source: expected a mapping, found str; write source: {path: my_app}"),
        ({"requirements": ["flask"]}, "requirements: expected a mapping, found list; write requirements: {files:"),
        ({"limits": 5}, "limits: expected a mapping, found int; write limits: {body: 100m"),
        ({"limits": {"timeout": "x"}}, "limits.timeout: expected a number, found str; write limits: {body: 100m"),
        ({"health": {"status": "up"}}, "health.status: expected a number, found str; write health: {path: /healthz}"),
        ({"source": {"path": "x", "exclude": {}}}, "source.exclude: expected a list, found dict; write source: {"),
        ({"env": ["A=1"]}, 'env: expected a mapping, found list; write env: {NAME: "value"}'),
    ],
    "unknown key": [
        ({"wrkers": 2}, "wrkers: unknown key; did you mean workers?"),
        (
            {"colour": "red"},
            "colour: unknown key; an app may have: access, access_log, balance, before_start, before_switch, ",
        ),
        ({"limits": {"bdy": "1m"}}, "limits.bdy: unknown key; did you mean body?; write limits: {body: 100m"),
        ({"health": {"pth": "/"}}, "health.pth: unknown key; did you mean path?; write health: {path: /healthz}"),
        ({"source": {"pat": "x"}}, "source.pat: unknown key; did you mean path?; write source: {path: my_app}"),
        (
            {"requirements": {"filez": []}},
            "requirements.filez: unknown key; did you mean files?; write requirements: {",
        ),
    ],
    "missing": [
        ({"wsgi": ""}, 'wsgi: missing; write wsgi: "package:app" or wsgi: "package:create_app()"'),
        ({"source": {}}, "source: missing; write source: {path: my_app}, or {git: URL, version: v1.2}"),
        ({"domains": []}, "domains: missing; write domains: [www.example.com]"),
        ({"domains": None}, "domains: missing; write domains: [www.example.com]"),
    ],
    "server": [
        ({"worker_class": "eventlet"}, "worker_class: Gunicorn no longer has eventlet; write worker_class: gevent"),
        ({"worker_class": "tornado"}, "worker_class: the tornado class needs an app of its own kind; write worker_"),
        ({"worker_class": "asgi", "server": "uwsgi"}, "worker_class: uWSGI has no ASGI; write server: gunicorn"),
        ({"worker_class": "asgi", "server": "granian"}, "worker_class: Granian is given WSGI apps here; write server"),
        ({"worker_class": "gaiohttp"}, "worker_class: Gunicorn no longer has gaiohttp; write worker_class: gthread"),
        (
            {"worker_class": "fast"},
            "worker_class: expected one of sync, gthread, gevent, asgi, found fast; write worker_",
        ),
        (
            {"worker_class": ["sync"]},
            "worker_class: expected one of sync, gthread, gevent, asgi, found ['sync']; write ",
        ),
        ({"workers": 0}, "workers: expected auto or a number from 1, found 0 (int); write workers: auto, or a number"),
        ({"workers": -1}, "workers: expected auto or a number from 1, found -1 (int); write workers: auto"),
        ({"workers": "many"}, "workers: expected auto or a number from 1, found 'many'; write workers: auto"),
        ({"workers": True}, "workers: expected auto or a number from 1, found True (bool); write workers: auto"),
        ({"wsgi": "my_app"}, "wsgi: expected module:callable, found 'my_app'; write wsgi: \"package:app\""),
        ({"wsgi": "my-app:app"}, "wsgi: expected module:callable, found 'my-app:app'; write wsgi: "),
        ({"wsgi": "a:b\nimport os"}, "wsgi: expected module:callable, found 'a:b\\nimport os'; write wsgi: "),
        ({"wsgi": "a:b('\t')"}, "wsgi: expected module:callable, found \"a:b('\\t')\"; write wsgi: "),
        ({"wsgi": "a:b\n"}, "wsgi: expected module:callable, found 'a:b\\n'; write wsgi: "),
        ({"python": "2.7"}, 'python: expected a version such as "3.13", found \'2.7\'; write python: "3.13"'),
        ({"threads": 0}, "threads: expected a number from 1, found 0 (int); write threads: 16"),
        ({"timeout": 0}, "timeout: expected a number from 1, found 0 (int); write timeout: 30"),
        ({"graceful_timeout": 0}, "graceful_timeout: expected a number from 1, found 0 (int); write graceful_"),
        ({"build_timeout": 0}, "build_timeout: expected a number from 1, found 0 (int); write build_timeout: 900"),
        ({"max_requests": -1}, "max_requests: expected a number from 0, found -1 (int); write max_requests: 10000"),
        ({"max_requests_jitter": -1}, "max_requests_jitter: expected a number from 0, found -1 (int); write max_"),
        ({"keep_releases": -1}, "keep_releases: expected a number from 0, found -1 (int); write keep_releases: 5"),
        ({"memory_max": "lots"}, "memory_max: expected a size such as 512M, found 'lots'; write memory_max: 512M"),
        ({"memory_max": 512}, "memory_max: expected a size such as 512M, found '512'; write memory_max: 512M"),
        ({"server_extra_config": {"a b": 1}}, "server_extra_config: expected names of directives, and values of one "),
        ({"service_extra_config": {"User": "x\nExecStartPre=y"}}, "service_extra_config: expected names of directives"),
        (
            {"service_extra_config": {"A=b\nC": "d"}},
            "service_extra_config: expected names of directives, and values of",
        ),
    ],
    "environment": [
        ({"env": {"SLIPWAY_APP": 1}}, "env: expected names that do not begin with SLIPWAY_, which the deploy sets "),
        ({"secrets": {"SLIPWAY_X": 1}}, "secrets: expected names that do not begin with SLIPWAY_, which the deploy "),
        (
            {"env": {"a b": 1}},
            "env: expected names of letters, digits and _, found 'a b'; write env: {NAME: \"value\"}",
        ),
        ({"env": {"É": 1}}, "env: expected names of letters, digits and _, found 'É'; write env: {NAME"),
        ({"env": {"A": None}}, "env.A: expected a text without NUL; the value is not shown; write env: {NAME"),
        ({"env": {"A": "\0"}}, "env.A: expected a text without NUL; the value is not shown; write env: {NAME"),
        ({"env": {"A": 1}, "secrets": {"A": 2}}, "env.A: stands in secrets too; keep one of them"),
    ],
    "paths": [
        (
            {"static": {"static": "x"}},
            "static: expected URL prefixes that begin and end with /, found 'static'; write ",
        ),
        ({"static": {"/": "x"}}, "static: expected URL prefixes that begin and end with /, found '/'; write static: {"),
        ({"static": {"/a/../b/": "x"}}, "static: expected URL prefixes that begin and end with /, found '/a/../b/'"),
        (
            {"static": {"/ä/": "x"}},
            "static: expected URL prefixes that begin and end with /, found '/ä/'; write static",
        ),
        (
            {"static": {1: "x"}},
            "static: expected URL prefixes that begin and end with /, found 1 (int); write static: {",
        ),
        ({"static": {"/a/": "../x"}}, "static: expected folders in the app's tree, package:NAME/FOLDER or shared:"),
        ({"static": {"/a/": "/etc"}}, "static: expected folders in the app's tree, package:NAME/FOLDER or shared:"),
        ({"static": {"/a/": "shared:/etc"}}, "static: expected folders in the app's tree, package:NAME/FOLDER or "),
        ({"static": {"/a/": None}}, "static: expected folders in the app's tree, package:NAME/FOLDER or shared:"),
        (
            {"static": {"/a/": "x"}, "protected": {"/a/": "y"}},
            "protected: /a/ stands in static too, where everyone may ask for it; write it in one of them",
        ),
        (
            {"protected": {"internal": "x"}},
            "protected: expected URL prefixes that begin and end with /, found 'internal'",
        ),
        (
            {"protected": {"/a/": "../x"}},
            "protected: expected folders in the app's tree, package:NAME/FOLDER or shared:",
        ),
        ({"static_fingerprint": 'a"b'}, "static_fingerprint: expected a regular expression without blanks, quotes and"),
        (
            {"unbuffered": {"answers": ["events"]}},
            "unbuffered.answers: expected paths that begin with /, found 'events'",
        ),
        (
            {"cache": {"seconds": 5}},
            "cache.paths: expected paths that begin with /, or with =/ for one page, found none",
        ),
        (
            {"cache": {"paths": ["/"], "seconds": 0}},
            "cache.seconds: expected seconds from 1, found '0'; write for exampl",
        ),
        (
            {"cache": {"paths": ["/; x"]}},
            "cache.paths: expected paths that begin with /, or with =/ for one page, found",
        ),
        ({"drain": 0}, "drain: expected a number from 1, found 0 (int); write drain: 300"),
        (
            {"websockets": True},
            "worker_class: expected gevent where websockets is true, found gthread, whose worker can hold 16 WebSockets",
        ),
        (
            {"sticky": True},
            "workers: expected 1 where sticky is true, found auto, which take turns; write workers: 1, with worker_class: gevent",
        ),
        (
            {"websockets": True, "worker_class": "sync", "threads": 100},
            "worker_class: expected gevent where websockets is true, found sync, whose worker can hold 1 WebSocket and",
        ),
        (
            {"static": {"/a/b/": "x", "/a/": "y"}},
            "static: /a/b/ lies within /a/, which has one folder; write one of the two alone",
        ),
        ({"shared": ["../x"]}, "shared: expected paths in the app's tree, found '../x'; write shared: [uploads]"),
        ({"shared": ["/x"]}, "shared: expected paths in the app's tree, found '/x'; write shared: [uploads]"),
        ({"files": {"../x": ""}}, "files: expected absolute paths, or paths in the app's tree, found '../x'; write "),
        ({"files": {"/a b": ""}}, "files: expected absolute paths, or paths in the app's tree, found '/a b'; write "),
        (
            {"files": {1: ""}},
            "files: expected absolute paths, or paths in the app's tree, found 1 (int); write files: {",
        ),
        ({"files": {"a": {"x": 1}}}, "files.a: expected the file's text, found dict; write files: {config.toml: "),
        ({"writable": ["x"]}, "writable: expected absolute paths, found 'x'; write writable: [/var/lib/uploads]"),
        ({"shared": [" x"]}, "shared: expected paths in the app's tree, found ' x'; write shared: [uploads]"),
        ({"writable": ["/a/../b"]}, "writable: expected absolute paths, found '/a/../b'; write writable: [/var/lib/"),
        ({"writable": ["/a b"]}, "writable: expected absolute paths, found '/a b'; write writable: [/var/lib/uploads]"),
    ],
    "the rest": [
        ({"before_switch": [""]}, "before_switch: expected commands, each a text or a list of words, found ''; write "),
        ({"before_start": [{"a": 1}]}, "before_start: expected commands, each a text or a list of words, found {'a'"),
        (
            {"health": {"paths": ["/", "up"]}},
            "health: expected a path that begins with / and holds no blank, found 'up'; write health: {path: /healthz}",
        ),
        (
            {"health": {"sample": {"requests": 0}}},
            "health: expected sample.requests from 1 to 1000, found 0 (int); write health: {path: /healthz}",
        ),
        (
            {"health": {"sample": {"paths": ["up"]}}},
            "health: expected a path that begins with / and holds no blank, found 'up'; write health: {path: /healthz}",
        ),
        ({"health": {"watch": -1}}, "health: expected watch from 0, found -1 (int); write health: {path: /healthz}"),
        ({"cutover": "rolling"}, "cutover: expected one of slots, restart, found rolling; write cutover: restart"),
        (
            {"health": {"path": "up"}},
            "health: expected a path that begins with / and holds no blank, found 'up'; write",
        ),
        (
            {"health": {"path": "/a\nb"}},
            "health: expected a path that begins with / and holds no blank, found '/a\\nb'",
        ),
        ({"health": {"host": "a\r\nb"}}, "health: expected a host name, found 'a\\r\\nb'; write health: {path: "),
        ({"health": {"successes": 0}}, "health: expected successes from 1, found 0 (int); write health: {path: "),
        ({"health": {"timeout": 0}}, "health: expected timeout from 1, found 0 (int); write health: {path: "),
        (
            {"requirements": {"project": "maybe"}},
            "requirements.project: expected one of auto, install, dependencies, n",
        ),
        ({"domains": ["a b"]}, "domains: expected host names, found 'a b'; write for example www.example.com"),
        ({"domains": ["a.example.com; return 200"]}, "domains: expected host names, found 'a.example.com; return 200'"),
        ({"limits": {"body": "big"}}, "limits.body: expected a size, found 'big'; write for example 16m"),
        ({"limits": {"timeout": 0}}, "limits.timeout: expected seconds from 1, found '0'; write for example 120"),
        ({"nginx_extra_config": {"a;": 1}}, "nginx_extra_config: expected names of directives, found 'a;'; write for "),
        (
            {"nginx_extra_config": {"a": "b; c d"}},
            "nginx_extra_config.a: expected what one directive takes, found 'b; ",
        ),
        ({"domains": ["a.example.com"] * 2}, "domains: a.example.com belongs to hello already; a domain leads to one"),
        ({"domains": ["a.example.com", "A.Example.com"]}, "domains: A.Example.com belongs to hello already; a domain "),
    ],
}


@pytest.mark.parametrize(
    ("keys", "says"),
    [pytest.param(*case, id=f"{kind}: {case[0]}") for kind, cases in REFUSED.items() for case in cases],
)
def test_what_cannot_work_is_refused_by_name(keys, says):
    (error,) = errors_of(**keys)
    assert error.startswith(f"slipway_apps.hello.{says}")


@pytest.mark.parametrize("key", FIVE_LINES)
def test_a_required_key_is_missed(key):
    app = {name: value for name, value in FIVE_LINES.items() if name != key}
    (error,) = app_settings.settle({"hello": app}, {})[1]
    assert error.startswith(f"slipway_apps.hello.{key}: missing; write {key}: ")


def test_all_that_is_wrong_is_said_at_once():
    apps = {"one": {**FIVE_LINES, "workers": 0, "python": "2"}, "two": {"wsgi": "x"}, "three": None}
    assert [error.split(":")[0] for error in app_settings.settle(apps, {})[1]] == [
        *("slipway_apps.one.workers", "slipway_apps.one.python"),
        *("slipway_apps.two.source", "slipway_apps.two.domains", "slipway_apps.three"),
    ]


@pytest.mark.parametrize("domain", ["www.example.com", "WWW.example.COM"])
def test_a_domain_leads_to_one_app(domain):
    (error,) = app_settings.settle({"one": FIVE_LINES, "two": {**FIVE_LINES, "domains": [domain]}}, {})[1]
    assert error.startswith(f"slipway_apps.two.domains: {domain} belongs to one already; ")


SECRET = "correct horse battery staple"


@pytest.mark.parametrize(
    "apps",
    [
        {"hello": {**FIVE_LINES, "secrets": SECRET}},
        {"hello": {**FIVE_LINES, "secrets": [SECRET]}},
        {"hello": {**FIVE_LINES, "secrets": {"A": {"b": SECRET}}}},
        {"hello": {**FIVE_LINES, "secrets": {"A": f"\0{SECRET}"}}},
        {"hello": {**FIVE_LINES, "secrets": {"a b": SECRET}}},
        {"hello": {**FIVE_LINES, "secrets": {"SLIPWAY_A": SECRET}}},
        {"hello": {**FIVE_LINES, "secrets": {"A": SECRET}, "env": {"A": SECRET}}},
        {"hello": {**FIVE_LINES, "files": {"a": {"b": SECRET}}}},
        {"hello": {**FIVE_LINES, "files": [SECRET]}},
        {"hello": {**FIVE_LINES, "secretz": {"A": SECRET}}},
        {"hello": [{"secrets": {"A": SECRET}}]},
        [{"name": "hello", "secrets": {"A": SECRET}}],
        SECRET,
    ],
    ids=str,
)
def test_no_message_shows_a_secret(apps):
    (error,) = app_settings.settle(apps, {})[1]
    assert error.startswith("slipway_apps") and SECRET not in error


class Tagged(str):
    """As Ansible's own types, which tell where a value was written."""


@pytest.mark.parametrize(
    ("apps", "found"),
    [(None, "nothing"), ({}, "nothing"), ([], "nothing"), ([FIVE_LINES], "list"), (Tagged("hello"), "str")],
)
def test_apps_are_a_mapping(apps, found):
    (error,) = app_settings.settle(apps, {})[1]
    assert error.startswith(f"slipway_apps: expected a mapping of app names to settings, found {found}; write slipway_")


@pytest.mark.parametrize(("app", "found"), [(None, "nothing"), ([FIVE_LINES], "list"), ("my_app", "str"), (5, "int")])
def test_an_app_is_a_mapping(app, found):
    (error,) = app_settings.settle({"hello": app}, {})[1]
    assert error.startswith(f"slipway_apps.hello: expected a mapping, found {found}; write slipway_apps: {{hello: ")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1b[31m", "a\x7f", 1, None])
def test_an_app_s_name_is_a_text_of_one_line(name):
    (error,) = app_settings.settle({name: FIVE_LINES}, {})[1]
    assert error == f"slipway_apps: expected an app's name as text without line breaks, found {name!r}"


# What other parts of the deploy get


@pytest.mark.parametrize(
    ("server", "worker_class", "names"),
    [
        ("gunicorn", "sync", ["gunicorn"]),
        ("gunicorn", "gthread", ["gunicorn"]),
        ("gunicorn", "gevent", ["gunicorn", "gevent", "packaging"]),
        ("uwsgi", "gthread", ["pyuwsgi"]),
        ("uwsgi", "gevent", ["pyuwsgi", "gevent"]),
        ("granian", "gthread", ["granian"]),
    ],
)
def test_server_packages(server, worker_class, names):
    packages = app_settings.server_packages(settled(server=server, worker_class=worker_class))
    assert [package["name"] for package in packages] == names
    assert all(package["requirement"].startswith(package["name"]) for package in packages)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            {"server": "waitress"},
            "server: expected one of gunicorn, uwsgi, granian, found waitress; write server: gunicorn, or",
        ),
        ({"server": "granian", "worker_class": "gevent"}, "worker_class: Granian serves WSGI apps in threads; write"),
        (
            {"server": "granian", "websockets": True, "threads": 32},
            "websockets: Granian has none for WSGI apps; write server",
        ),
        ({"server": "granian", "preload": True}, "preload: Granian's workers each load the app; write preload: false"),
        (
            {"server": "granian", "max_requests": 100},
            "max_requests: Granian does not count requests; write server_extra_config",
        ),
        ({"worker_memory": 0}, "worker_memory: expected a number from 1"),
    ],
)
def test_what_a_server_cannot_do_is_refused(keys, said):
    (error,) = errors_of(**keys)
    assert error.startswith(f"slipway_apps.hello.{said}")


@pytest.mark.parametrize("server", app_settings.SERVERS)
def test_further_settings_of_the_fleet_are_those_of_the_app_s_server(server):
    fleet = {f"{name}_extra_config": {"for": name} for name in app_settings.SERVERS}
    apps, errors = app_settings.settle({"hello": {**FIVE_LINES, "server": server}}, fleet)
    assert errors == [] and apps["hello"]["server_extra_config"] == {"for": server}
    apps, errors = app_settings.settle(
        {"hello": {**FIVE_LINES, "server": server, "server_extra_config": {"a": 1}}}, fleet
    )
    assert errors == [] and apps["hello"]["server_extra_config"] == {"a": 1}


def test_what_the_role_gunicorn_had_is_the_role_server_s_now():
    assert app_settings.moved()["gunicorn_workers"] == "server_workers"
    assert not set(app_settings.moved()) & set(app_settings.fleet_variables().values())


def test_site_of_an_app():
    assert app_settings.site("My Shop!", settled(), "/srv") == {
        "name": "my-shop-22e214a0",
        "socket": "/srv/my-shop-22e214a0/active.sock",
        "root": "/srv/my-shop-22e214a0/current/public",
        "assets": "/srv/my-shop-22e214a0/assets",
        "static": ["/static/"],
        "static_shared": [],
        "static_fallback": True,
        "static_fingerprint": "[.-](?=[0-9]*[a-f])[0-9a-f]{8,}[.]",
        "protected": [],
        "protected_root": "/srv/my-shop-22e214a0/current/protected",
        "unbuffered": {"requests": [], "answers": []},
        "websockets": False,
        "cache": {},
        "domains": ["www.example.com"],
        "limits": {"timeout": 60},
        "headers": {},
        "access": [],
        "maintenance": {"allow": []},
        "error_pages": {},
        "extra_config": {},
    }


@pytest.mark.parametrize(
    ("static", "prefixes", "fallback"),
    [(None, ["/static/"], True), ({"/a/": "x", "/b/": "y"}, ["/a/", "/b/"], False), ({}, [], False)],
    ids=["found by the build", "named", "none"],
)
def test_site_s_static_prefixes(static, prefixes, fallback):
    site = app_settings.site("hello", settled(static=static), "/srv")
    assert (site["static"], site["static_fallback"]) == (prefixes, fallback)


@pytest.mark.parametrize("folder", ["shared:a", "uploads", "web/up/loads"])
def test_what_the_app_writes_is_kept_apart_from_static_files_of_the_release(folder):
    static = {"/static/": "uploads_of_ours", "/media/": folder}
    site = app_settings.site("hello", settled(static=static, shared=["uploads", "web/up/"]), "/srv")
    assert (site["static"], site["static_shared"]) == (["/static/"], ["/media/"])


@pytest.mark.parametrize(
    ("keys", "limits"),
    [
        ({}, {"timeout": 60}),
        ({"timeout": 100}, {"timeout": 130}),
        ({"timeout": 100, "limits": {"timeout": 5, "body": "1m"}}, {"timeout": 5, "body": "1m"}),
    ],
    ids=["at least a minute", "longer than the server", "own"],
)
def test_nginx_waits_longer_than_the_server(keys, limits):
    assert app_settings.site("hello", settled(**keys), "/srv")["limits"] == limits
