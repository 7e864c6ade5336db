# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app's mapping in ``slipway_apps`` may say.

The roles' argument specs are the one place that names types, choices and defaults; here stands which key of an app is which
variable of a role, and the rules that hold between values.
"""

from __future__ import annotations

import copy
import difflib
import functools
import re
from pathlib import Path

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout
from ansible_collections.slipway.flask.plugins.plugin_utils import (
    balancer_settings,
    certificate_settings,
    nginx_settings,
)

# Keys that are a role's variable less its prefix, then those with a name of their own.
_KEYS = {
    "app": "source requirements wheelhouse python static protected shared build_timeout",
    "server": (
        "wsgi workers worker_memory worker_class threads sticky timeout graceful_timeout drain max_requests max_requests_jitter preload"
        " access_log env secrets files before_switch before_start cutover reversible health writable memory_max keep_releases"
        " service_extra_config"
    ),
}
SERVERS = ("gunicorn", "uwsgi", "granian")
# What their settings files and classes take besides; the app's is for the one that it has.
_EXTRA = "server_extra_config"
_NAMED = {_EXTRA: "gunicorn_extra_config"}
_SITE_KEYS = {
    "domains": "domains",
    "static_fingerprint": "static_fingerprint",
    "unbuffered": "unbuffered",
    "websockets": "websockets",
    "cache": "cache",
    "limits": "limits",
    "headers": "headers",
    "access": "access",
    "maintenance": "maintenance",
    "error_pages": "error_pages",
    "nginx_extra_config": "extra_config",
}
# An app's `tls` says where its certificate comes from and how the site uses it. Both know the two files, one on the controller.
_CERTIFICATE_KEYS = ["provider", "certificate", "key"]
_SITE_TLS_KEYS = ["hsts", "redirect"]
# What a balancer's pool knows of an app. Of these `terminate` stands in its `tls`.
_POOL_KEYS = ["balance"]
_POOL_TLS_KEYS = ["terminate"]

_WRITE = {
    "source": "source: {path: my_app}, or {git: URL, version: v1.2}, {archive: FILE_OR_URL, sha256: HEX}, {package: name==1.2}",
    "wsgi": 'wsgi: "package:app" or wsgi: "package:create_app()"',
    "domains": "domains: [www.example.com]",
    "requirements": "requirements: {files: [requirements.txt]}",
    "wheelhouse": "wheelhouse: true",
    "python": 'python: "3.13", or nothing for the distribution\'s own',
    "shared": "shared: [uploads]",
    "build_timeout": "build_timeout: 900",
    "server": "server: gunicorn, or uwsgi, granian",
    "workers": "workers: auto, or a number from 1",
    "worker_memory": "worker_memory: 200",
    "worker_class": "worker_class: gthread",
    "threads": "threads: 16",
    "sticky": "sticky: true, or false",
    "timeout": "timeout: 30",
    "graceful_timeout": "graceful_timeout: 30",
    "drain": "drain: 300",
    "max_requests": "max_requests: 10000, or 0 for no bound",
    "max_requests_jitter": "max_requests_jitter: 1000",
    "preload": "preload: true",
    "access_log": "access_log: true",
    "env": 'env: {NAME: "value"}',
    "secrets": 'secrets: {NAME: "{{ vault_value }}"}',
    "health": "health: {path: /healthz}",
    "files": "files: {config.toml: \"{{ lookup('template', 'config.toml.j2') }}\"}",
    "writable": "writable: [/var/lib/uploads]",
    "memory_max": "memory_max: 512M",
    "keep_releases": "keep_releases: 5",
    "service_extra_config": "service_extra_config: {LimitNOFILE: 65536}",
    "server_extra_config": "server_extra_config: {keepalive: 5}",
    "limits": "limits: {body: 100m, timeout: 120, rate: 10/s}",
    "headers": "headers: {X-Frame-Options: SAMEORIGIN}",
    "access": "access: [{path: /admin, users: [ann]}]",
    "maintenance": "maintenance: {allow: [192.0.2.0/24]}",
    "error_pages": "error_pages: {503: \"{{ lookup('file', 'soon.html') }}\"}",
    "nginx_extra_config": "nginx_extra_config: {proxy_hide_header: [X-Runtime]}",
    "tls": "tls: {provider: acme}, or {provider: selfsigned}, {provider: files, certificate: PATH, key: PATH}",
    "static": "static: {/static/: my_package/static}",
    "protected": 'protected: {/internal/: "shared:uploads"}',
    "static_fingerprint": "static_fingerprint: '[.-][\\w-]{8}[.]\\w+$'",
    "unbuffered": "unbuffered: {requests: [/upload], answers: [/events]}",
    "websockets": "websockets: true",
    "cache": "cache: {paths: [/news/], seconds: 1}",
    "balance": "balance: client, or least_connections",
    "before_switch": "before_switch: [flask db upgrade]",
    "before_start": "before_start: [flask init-db]",
    "cutover": "cutover: restart",
    "reversible": "reversible: false",
}
_TYPES = {"int": "a number", "bool": "true or false", "list": "a list", "str": "a text"}
_GONE_CLASSES = {
    "eventlet": "Gunicorn no longer has eventlet; write worker_class: gevent",
    "tornado": "the tornado class needs an app of its own kind; write worker_class: gthread",
    "gaiohttp": "Gunicorn no longer has gaiohttp; write worker_class: gthread",
}
MANY_THREADS = 32  # of a worker that may hold WebSockets
# What a server cannot do, and what to write.
_NOT_FOR = {
    (
        "granian",
        "worker_class",
        "gevent",
    ): "Granian serves WSGI apps in threads; write worker_class: gthread, or server: gunicorn",
    ("granian", "worker_class", "asgi"): "Granian is given WSGI apps here; write server: gunicorn",
    ("uwsgi", "worker_class", "asgi"): "uWSGI has no ASGI; write server: gunicorn",
    ("granian", "websockets", True): "Granian has none for WSGI apps; write server: gunicorn with worker_class: gevent",
    ("granian", "preload", True): "Granian's workers each load the app; write preload: false, or server: gunicorn",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@functools.lru_cache
def _specs() -> dict[str, dict]:
    """Every role variable's spec, by its name."""
    specs = {}
    for path in sorted((Path(__file__).parents[2] / "roles").glob("*/meta/argument_specs.yml")):
        specs.update(yaml_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"])
    return specs


def variables() -> dict[str, str]:
    """The role's variable behind each app key that has one."""
    return {key: f"{role}_{key}" for role, keys in _KEYS.items() for key in keys.split()} | _NAMED


def fleet_variables() -> dict[str, str]:
    """Roles' variables that an inventory may set for all apps of a host, by the key that they are the default of."""
    return {key: name for key, name in variables().items() if key != _EXTRA} | {
        f"{server}_extra_config": f"{server}_extra_config" for server in SERVERS
    }


def moved() -> dict[str, str]:
    """What the role gunicorn's variables are called since other servers have the same, by their old names."""
    return {f"gunicorn_{key}": f"server_{key}" for key in _KEYS["server"].split() if key != "worker_memory"}


def spec() -> dict[str, dict]:
    """Spec of an app's mapping, made from the roles' specs."""
    site = _specs()["nginx_sites"]["options"]
    keys = {key: _specs()[name] for key, name in variables().items()}
    keys["server"] = {
        "type": "str",
        "default": SERVERS[0],
        "choices": list(SERVERS),
        "description": "What runs it. Changed for an app that serves, it is switched as any setting is, without losing a request.",
    }
    keys[_EXTRA] = {
        **keys[_EXTRA],
        "description": "Further settings of the server's own, name to value, as its role says.",
    }
    keys |= {key: site[name] for key, name in _SITE_KEYS.items()}
    requests = _specs()["certificate_requests"]["options"]
    pools = _specs()["balancer_pools"]["options"]
    keys |= {key: pools[key] for key in _POOL_KEYS}
    keys["tls"] = {
        **site["tls"],
        "options": {key: requests[key] for key in _CERTIFICATE_KEYS}
        | {key: site["tls"]["options"][key] for key in _SITE_TLS_KEYS}
        | {key: pools[key] for key in _POOL_TLS_KEYS},
    }
    # The validator writes into a spec's default.
    return copy.deepcopy(keys)


def settle(apps, fleet_wide: dict) -> tuple[dict[str, dict], list[str]]:
    """Every app with all its keys, and what is wrong with them, each error naming its variable.

    ``fleet_wide`` holds defaults that the inventory sets for all apps, by app key.
    """
    if not isinstance(apps, dict) or not apps:
        return {}, [f"slipway_apps: expected a mapping of app names to settings, found {_kind(apps)}; write {_EXAMPLE}"]
    settled, errors = {}, []
    for name, app in apps.items():
        where = f"slipway_apps.{name}"
        if not isinstance(name, str) or not name.strip() or _CONTROL.search(name):
            errors.append(f"slipway_apps: expected an app's name as text without line breaks, found {name!r}")
        elif not isinstance(app, dict):
            errors.append(f"{where}: expected a mapping, found {_kind(app)}; write {_EXAMPLE}")
        else:
            settled[name], found = _settle_one(name, app, fleet_wide)
            errors += [f"{where}.{error}" for error in found]
    return settled, errors + _between_apps(settled if not errors else {})


_EXAMPLE = 'slipway_apps: {hello: {source: {path: my_app}, wsgi: "my_app:create_app()", domains: [www.example.com]}}'


def _settle_one(name: str, app: dict, fleet_wide: dict) -> tuple[dict, list[str]]:
    known = spec()
    # An empty value in YAML is one that is not given.
    given = {
        key: value
        for values in (fleet_wide, app)
        for key, value in values.items()
        if key in known and value is not None
    }
    errors = [f"{key}: unknown key{_nearest(key, known)}" for key in app if key not in known]
    for key, entry in known.items():
        if entry.get("required") and given.get(key) in (None, "", [], {}):
            errors.append(f"{key}: missing; write {_WRITE[key]}")
        elif entry["type"] == "dict" and not isinstance(given.get(key, {}), dict):
            errors.append(f"{key}: expected a mapping, found {_kind(given[key])}; write {_WRITE[key]}")
    server = given.get("server", SERVERS[0])
    if _EXTRA not in app and f"{server}_extra_config" in fleet_wide:
        given[_EXTRA] = fleet_wide[f"{server}_extra_config"]
    if server == "granian" and app.get("max_requests"):
        errors.append(
            "max_requests: Granian does not count requests; write server_extra_config: {workers_lifetime: 21600, workers_max_rss: 300}, "
            "in seconds and MiB"
        )
    worker_class = str(given.get("worker_class"))
    if worker_class in _GONE_CLASSES:
        errors.append(f"worker_class: {_GONE_CLASSES[worker_class]}")
    if errors:
        return {}, errors
    checked = ArgumentSpecValidator(known).validate(given)
    if checked.error_messages:
        return {}, sorted({_named(message) for message in checked.error_messages})
    settled = checked.validated_parameters
    for key, value in settled.items():
        if known[key].get("options"):
            # The validator adds what is not given as null.
            settled[key] = [_without_null(v) for v in value] if isinstance(value, list) else _without_null(value or {})
    found = _rules(settled)
    settled["health"].setdefault("host", settled["domains"][0].lstrip("*."))
    return settled, found


def _without_null(mapping: dict) -> dict:
    return {key: value for key, value in mapping.items() if value is not None}


def _named(message: str) -> str:
    """A validator's message, led by its key and followed by what to write."""
    unknown = re.match(r"((\w+)\.[\w.]*?(\w+))\. Supported parameters include: (.*?)\.?$", message)
    if unknown:
        return f"{unknown[1]}: unknown key{_nearest(unknown[3], unknown[4].split(', '))}; write {_WRITE[unknown[2]]}"
    name = re.search(r"(?:argument|option|value of) '?(\w+)", message)
    parent = re.search(r"found in '?([\w.]+\w)", message)
    mistyped = re.search(r"is of type (\w+).* convert to (\w+)", message)
    choice = re.search(r"must be one of: (.*), got: (.*?)( found in|$)", message)
    if mistyped:
        message = f"expected {_TYPES.get(mistyped[2], mistyped[2])}, found {mistyped[1]}"
    elif choice:
        message = f"expected one of {choice[1]}, found {choice[2]}"
    path = ".".join(match[1] for match in (parent, name) if match)
    return f"{path}: {message}; write {_WRITE.get(path.partition('.')[0], _EXAMPLE)}"


def _rules(app: dict) -> list[str]:
    """What types alone do not say."""
    errors = []

    def refuse(key: str, expected: str, found) -> None:
        errors.append(f"{key}: expected {expected}, found {_shown(found)}; write {_WRITE[key]}")

    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_].*", app["wsgi"]) or _CONTROL.search(app["wsgi"]):
        refuse("wsgi", "module:callable", app["wsgi"])
    if app["workers"] != "auto" and not re.fullmatch(r"[1-9]\d*", str(app["workers"])):
        refuse("workers", "auto or a number from 1", app["workers"])
    if app["python"] and not re.fullmatch(r"3\.\d+", app["python"]):
        refuse("python", 'a version such as "3.13"', app["python"])
    for (server, key, value), said in _NOT_FOR.items():
        if app["server"] == server and app[key] == value:
            errors.append(f"{key}: {said}")
    for key in ("worker_memory", "threads", "timeout", "graceful_timeout", "drain", "build_timeout"):
        if app[key] is not None and app[key] < 1:
            refuse(key, "a number from 1", app[key])
    for key in ("max_requests", "max_requests_jitter", "keep_releases"):
        if app[key] < 0:
            refuse(key, "a number from 0", app[key])
    for key in ("env", "secrets"):
        for name, value in app[key].items():
            if not re.fullmatch(r"[A-Za-z_]\w*", str(name), re.ASCII):
                refuse(key, "names of letters, digits and _", name)
            elif str(name).startswith("SLIPWAY_"):
                refuse(
                    key,
                    "names that do not begin with SLIPWAY_, which the deploy sets itself",
                    name,
                )
            elif "\0" in str(value) or isinstance(value, (dict, list)) or value is None:
                errors.append(f"{key}.{name}: expected a text without NUL; the value is not shown; write {_WRITE[key]}")
    for name in sorted(set(app["env"]) & set(app["secrets"]), key=str):
        errors.append(f"env.{name}: stands in secrets too; keep one of them")
    for path, text in app["files"].items():
        if not isinstance(path, str) or not _is_plain_path(path.lstrip("/")) or " " in path:
            refuse("files", "absolute paths, or paths in the app's tree", path)
        elif not isinstance(text, str):
            errors.append(f"files.{path}: expected the file's text, found {_kind(text)}; write {_WRITE['files']}")
    for path in app["shared"]:
        if not _is_plain_path(path):
            refuse("shared", "paths in the app's tree", path)
    for key in ("static", "protected"):
        for prefix, folder in (app[key] or {}).items():
            if not re.fullmatch(nginx_settings.PREFIX.pattern, str(prefix), re.ASCII):
                refuse(key, "URL prefixes that begin and end with /", prefix)
            elif not _is_plain_path(re.sub(r"^(package|shared):", "", str(folder or ""))):
                refuse(
                    key,
                    "folders in the app's tree, package:NAME/FOLDER or shared:FOLDER",
                    folder,
                )
        for inner in sorted(map(str, app[key] or {})):
            outer = next((str(p) for p in app[key] if inner != str(p) and inner.startswith(str(p))), None)
            if outer:
                errors.append(f"{key}: {inner} lies within {outer}, which has one folder; write one of the two alone")
    for prefix in sorted(set(app["static"] or {}) & set(app["protected"]), key=str):
        errors.append(
            f"protected: {prefix} stands in static too, where everyone may ask for it; write it in one of them"
        )
    held = app["threads"] if app["worker_class"] == "gthread" else 1
    if app["websockets"] and app["worker_class"] not in ("gevent", "asgi") and held < MANY_THREADS:
        errors.append(
            f"worker_class: expected gevent where websockets is true, found {app['worker_class']}, whose worker can hold {held} "
            f"WebSocket{'s' * (held > 1)} and then answers nobody else; write worker_class: gevent, or gthread with threads: "
            f"{MANY_THREADS} or more"
        )
    if app["sticky"] and str(app["workers"]) != "1":
        errors.append(
            f"workers: expected 1 where sticky is true, found {app['workers']}, which take turns; write workers: 1, "
            f"with worker_class: gevent, or gthread with threads: {MANY_THREADS} or more"
        )
    for key in ("before_switch", "before_start"):
        for command in app[key]:
            if not command or not isinstance(command, (str, list)):
                refuse(key, "commands, each a text or a list of words", command)
    sample = app["health"].get("sample", {})
    if sample and not 1 <= sample["requests"] <= 1000:
        refuse("health", "sample.requests from 1 to 1000", sample["requests"])
    for path in [app["health"].get("path", "/"), *app["health"].get("paths", []), *sample.get("paths", [])]:
        if not re.fullmatch("/[!-~]*", path):
            refuse("health", "a path that begins with / and holds no blank", path)
    if not re.fullmatch("[!-~]+", app["health"].get("host", "-")):
        refuse("health", "a host name", app["health"]["host"])
    for key in ("status", "timeout", "successes"):
        if app["health"].get(key, 1) < 1:
            refuse("health", f"{key} from 1", app["health"][key])
    if app["health"].get("watch", 0) < 0:
        refuse("health", "watch from 0", app["health"]["watch"])
    if app["memory_max"] and not re.fullmatch(r"\d+(\.\d+)?[KMGT%]", app["memory_max"]):
        refuse("memory_max", "a size such as 512M", app["memory_max"])
    for key in ("service_extra_config", "server_extra_config"):
        for name, value in app[key].items():
            if not re.fullmatch(r"\w+", str(name)) or _CONTROL.search(str(value)):
                refuse(key, "names of directives, and values of one line", {name: value})
    for path in app["writable"]:
        if not _is_plain_path(path.lstrip("/")) or not path.startswith("/") or " " in path:
            refuse("writable", "absolute paths", path)
    if app["tls"]:
        errors += [
            error if error.startswith("domains") else f"tls.{error}"
            for error in certificate_settings.provider_errors({**app["tls"], "domains": app["domains"]})
        ]
    # The rest is the nginx role's to say; its keys are named here as the app's mapping names them.
    named = {target: key for key, target in _SITE_KEYS.items()}
    site_errors = nginx_settings.site_errors(site("app", {**app, "static": {}, "protected": {}}, "/srv"))
    return errors + [re.sub(r"^\w+", lambda match: named.get(match[0], match[0]), error) for error in site_errors]


def _between_apps(apps: dict[str, dict]) -> list[str]:
    """Domains that are claimed twice, and names that are one to Nginx, whose variables have no hyphens."""
    owners, names, errors = {}, {}, []
    for name, app in apps.items():
        twin = names.setdefault(Layout(name).slug.replace("-", "_"), name)
        if twin != name:
            errors.append(f"slipway_apps.{name}: differs from {twin} in - and _ alone; give it another name")
        for domain in app["domains"]:
            if domain.lower() in owners:
                errors.append(
                    f"slipway_apps.{name}.domains: {domain} belongs to {owners[domain.lower()]} already; "
                    "a domain leads to one app, write it once"
                )
            owners.setdefault(domain.lower(), name)
    return errors


_PACKAGES = {
    "gunicorn": {"name": "gunicorn", "requirement": "gunicorn==27.0.1"},
    # uWSGI's own package is source alone, which wants a compiler on every host; this is the same program, built.
    "uwsgi": {"name": "pyuwsgi", "requirement": "pyuwsgi==2.0.30.post1"},
    "granian": {"name": "granian", "requirement": "granian==2.8.7"},
}


def server_packages(app: dict) -> list[dict]:
    """What the app's server needs in its venv beside the app's own requirements, which win where they name the same."""
    packages = [_PACKAGES[app["server"]]]
    if app["worker_class"] == "gevent":
        packages.append({"name": "gevent", "requirement": "gevent==26.9.0"})
    if (app["server"], app["worker_class"]) == ("gunicorn", "gevent"):
        # Gunicorn's gevent worker imports packaging, which neither brings.
        packages.append({"name": "packaging", "requirement": "packaging"})
    return packages


def certificate(name: str, app: dict, root: str) -> dict:
    """The certificate of an app with ``tls``, as the certificate role wants it in certificate_requests."""
    files = {key: app["tls"][key] for key in _CERTIFICATE_KEYS if key in app["tls"]}
    return {"name": Layout(name, root).slug, "domains": app["domains"], **files}


def site(name: str, app: dict, root: str) -> dict:
    """The app as the nginx role wants it in nginx_sites."""
    layout = Layout(name, root)
    static = app["static"]
    # Nginx waits longer than the server does, so that a slow request ends with the app's own answer.
    limits = {
        "timeout": max(60, app["timeout"] + app["graceful_timeout"]),
        **app["limits"],
    }
    return {
        "name": layout.slug,
        "socket": layout.active,
        "root": f"{layout.current}/public",
        "assets": layout.assets,
        "static": ["/static/"]
        if static is None
        else [prefix for prefix in static if not _is_shared(static[prefix], app)],
        "static_shared": [prefix for prefix in static or {} if _is_shared(static[prefix], app)],
        "static_fallback": static is None,
        "protected": list(app["protected"]),
        "protected_root": f"{layout.current}/protected",
        **{target: app[key] for key, target in _SITE_KEYS.items()},
        "limits": limits,
        **({"tls": _site_tls(layout.slug, app["tls"])} if app["tls"] else {}),
    }


def ends_on_host(app: dict) -> bool:
    """Whether the app's TLS ends on the hosts themselves where balancers stand before them."""
    return bool(app["tls"]) and app["tls"].get("terminate") == "host"


def pool(name: str, app: dict, root: str) -> dict:
    """The app as the balancer role wants it in balancer_pools. What belongs to its answers is the hosts' own Nginx's to say."""
    whole = site(name, app, root)
    kept = {key: whole[key] for key in ("name", "domains", "unbuffered", "websockets", "error_pages")}
    # The hosts' own Nginx is to be the one that gives up.
    limits = {"timeout": whole["limits"]["timeout"] + 5}
    limits |= {key: whole["limits"][key] for key in ("body",) if key in whole["limits"]}
    tls = {"tls": whole["tls"]} if "tls" in whole and not ends_on_host(app) else {}
    return {
        "site": {**kept, "limits": limits, **tls},
        "terminate": "host" if ends_on_host(app) else "balancer",
        "path": app["health"].get("path", "/"),
        "host": app["health"]["host"],
        "balance": "client" if app["sticky"] else app["balance"],
    }


def fleet_errors(apps: dict[str, dict], balancers: dict[str, str], hosts: dict[str, str]) -> list[str]:
    """What cannot work where ``hosts`` stand behind ``balancers``, each a mapping of names to addresses."""
    errors = balancer_settings.address_errors({**balancers, **hosts}) if balancers else []
    with_tls = {name: ends_on_host(app) for name, app in apps.items() if app["tls"]}
    if balancers and len(set(with_tls.values())) > 1:
        name = next(name for name, on_host in with_tls.items() if not on_host)
        errors.append(
            f"slipway_apps.{name}.tls.terminate: expected host as in the others, since TLS ends in one place for all apps, found balancer; "
            "write terminate: host for all or for none"
        )
    for name, on_host in with_tls.items() if balancers else ():
        ends = hosts if on_host else balancers
        if apps[name]["tls"]["provider"] == "acme" and len(ends) > 1:
            errors.append(
                f"slipway_apps.{name}.tls.provider: expected files or selfsigned where TLS ends on {len(ends)} hosts, since an ACME server "
                "asks any of them, found acme; write tls: {provider: files, certificate: PATH, key: PATH}"
            )
    return errors


def _is_shared(folder: str, app: dict) -> bool:
    """Whether a folder of static files is one that the app writes."""
    shared = [f"{path.strip('/')}/" for path in app["shared"]]
    return folder.startswith("shared:") or any(f"{folder}/".startswith(path) for path in shared)


def _site_tls(slug: str, tls: dict) -> dict:
    folder = f"{certificate_settings.SERVED}/{slug}"
    return {
        "certificate": f"{folder}/fullchain.pem",
        "key": f"{folder}/privkey.pem",
        **({"challenges": certificate_settings.CHALLENGES} if tls["provider"] == "acme" else {}),
        **{key: tls[key] for key in _SITE_TLS_KEYS if key in tls},
    }


def _is_plain_path(path) -> bool:
    text = str(path)
    parts = text.split("/")
    return (
        bool(re.fullmatch(r"[\w.@+~ /-]+", text))
        and ".." not in parts
        and not text.startswith("/")
        and text == text.strip()
    )


def _nearest(key, known) -> str:
    near = difflib.get_close_matches(str(key), known, 1)
    return f"; did you mean {near[0]}?" if near else f"; an app may have: {', '.join(sorted(known))}"


def _kind(value) -> str:
    """What a value is, where its content may be secret."""
    return _type(value) if value else "nothing"


def _type(value) -> str:
    """The plain type's name: Ansible has types of its own that tell where a value was written."""
    return next(kind.__name__ for kind in type(value).__mro__ if kind.__module__ == "builtins")


def _shown(value) -> str:
    text = repr(value) if isinstance(value, str) else f"{value} ({_type(value)})"
    return text if len(text) <= 100 else text[:97] + "..."
