# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``slipway_bench`` may say, the bounds of a load, and where one would do harm."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode, urlsplit

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.slipway.flask.plugins.module_utils.measure import writing

RUNGS = {
    "development": "Flask's development server",
    "server": "{server} alone",
    "nginx": "behind Nginx",
    "cache": "answers kept for 1 s",
    "static": "a static file",
}
_SERVERS = {"uwsgi": "uWSGI", "granian": "Granian"}
_BOUNDS = {"clients": (1, 512), "seconds": (1, 60), "most": (1, 1_000_000), "timeout": (1, 60)}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_LITTLE_MIB = 256

_REQUEST = {
    "path": {"type": "str", "required": True},
    "method": {"type": "str", "default": "GET", "choices": list(_METHODS)},
    "weight": {"type": "int", "default": 1},
    "headers": {"type": "dict", "default": {}},
    "body": {"type": "str", "default": ""},
    "json": {"type": "raw"},
    "form": {"type": "dict"},
    "status": {"type": "int"},
}
SPEC = {
    "app": {"type": "str"},
    "requests": {"type": "list", "elements": "dict", "options": _REQUEST, "default": [{"path": "/"}]},
    "clients": {"type": "int", "default": 32},
    "seconds": {"type": "int", "default": 10},
    "most": {"type": "int", "default": 500_000},
    "timeout": {"type": "int", "default": 10},
    "url": {"type": "str"},
    "address": {"type": "str"},
    "from": {"type": "str"},
    "ladder": {"type": "list", "elements": "str", "default": list(RUNGS)},
    "ladder_writes": {"type": "bool", "default": False},
    "static": {"type": "str", "default": ""},
    "browser": {
        "type": "dict",
        "options": {
            "page": {"type": "str", "default": "/"},
            "click": {"type": "str", "default": "body"},
            "on": {"type": "str", "default": "localhost"},
            "visits": {"type": "int", "default": 3},
        },
    },
    "report": {"type": "str"},
}


def settle(
    given: dict, apps: dict, hosts: list[str], limited: bool, known: list[str], addresses: dict
) -> tuple[dict, list[str]]:
    """What is to be measured, and every error. ``apps`` are those of the play, ``hosts`` its hosts, ``known`` the inventory's."""
    validated = ArgumentSpecValidator(SPEC).validate(given)
    if validated.error_messages:
        return {}, [f"slipway_bench: {message}" for message in validated.error_messages]
    asked, errors = validated.validated_parameters, []

    def refuse(key: str, expected: str, found, write: str) -> None:
        errors.append(f"slipway_bench.{key}: expected {expected}, found {found}; write {write}")

    if len(hosts) != 1 or not limited:
        errors.append(
            f"--limit: expected the one host that is to bear the load, found {', '.join(hosts)}; write --limit {hosts[0]}"
        )
    name = asked["app"]
    if name and name not in apps:
        refuse("app", f"one of {', '.join(apps)}", name, f"app: {next(iter(apps), 'hello')}")
    if not name and len(apps) != 1:
        refuse(
            "app",
            "the one app that is to bear the load",
            ", ".join(apps),
            "slipway_bench: {app: NAME}, or -e slipway_only=NAME",
        )
    for key, (least, most) in _BOUNDS.items():
        if not least <= asked[key] <= most:
            refuse(key, f"a number from {least} to {most}", asked[key], f"{key}: {SPEC[key]['default']}")
    if not 1 <= len(asked["requests"]) <= 50:
        refuse("requests", "1 to 50 of them", len(asked["requests"]), "requests: [{path: /}]")
    requests = []
    for number, request in enumerate(asked["requests"]):
        requests.append(_request(request))
        where = f"requests[{number}]"
        if not re.fullmatch("/[!-~]*", request["path"]):
            refuse(f"{where}.path", "a path that begins with / and holds no blank", request["path"], "path: /")
        if not 1 <= request["weight"] <= 100:
            refuse(f"{where}.weight", "a number from 1 to 100", request["weight"], "weight: 1")
        if sum(key in request and request[key] not in (None, "") for key in ("body", "json", "form")) > 1:
            refuse(where, "one of body, json and form", "several", "json: {boat: Wren}")
        if any(re.search(r"[\r\n]", f"{key}{value}") for key, value in request["headers"].items()):
            refuse(f"{where}.headers", "values of one line", "a line break", "headers: {Accept: text/html}")
    unknown = [rung for rung in asked["ladder"] if rung not in RUNGS]
    if unknown:
        refuse(
            "ladder",
            f"some of {', '.join(RUNGS)}",
            ", ".join(unknown),
            "ladder: [development, server, nginx], or [] for none",
        )
    for key, host in (("from", asked["from"]), ("browser.on", (asked["browser"] or {}).get("on"))):
        if host and host != "localhost" and host not in known:
            refuse(key, "a host of the inventory", host, f"{key.rpartition('.')[2]}: {known[0] if known else 'load1'}")
    if asked["browser"] and not 1 <= asked["browser"]["visits"] <= 20:
        refuse("browser.visits", "a number from 1 to 20", asked["browser"]["visits"], "visits: 3")
    if errors:
        return {}, errors
    name = name or next(iter(apps))
    tls = bool(apps[name].get("tls"))
    # By its name from elsewhere, over loopback from the host itself.
    away = asked["from"] and asked["from"] != hosts[0]
    url = urlsplit(asked["url"] or "")
    if asked["url"] and (url.scheme not in ("http", "https") or not url.hostname):
        refuse("url", "an address such as https://www.example.com", asked["url"], "url: https://www.example.com")
        return {}, errors
    tls = url.scheme == "https" if asked["url"] else tls
    server = _SERVERS.get(apps[name].get("server"), "Gunicorn")
    port = url.port or (443 if tls else 80)
    domains = [url.hostname] if asked["url"] else list(apps[name]["domains"])
    host_address = asked["address"] or addresses.get(hosts[0]) or hosts[0]
    return {
        "app": name,
        "host": hosts[0],
        "from": asked["from"] or hosts[0],
        "away": bool(away),
        "domains": domains,
        "wsgi": apps[name]["wsgi"],
        "tls": tls,
        "port": port,
        "url": f"{'https' if tls else 'http'}://{domains[0].replace('*', 'bench')}{'' if port == (443 if tls else 80) else f':{port}'}",
        "address": host_address if away else "127.0.0.1",
        "browser": _browser(asked["browser"], hosts[0], host_address),
        "requests": requests,
        "writes": asked["ladder_writes"],
        "ladder": [
            {"name": rung, "title": RUNGS[rung].format(server=server)} for rung in RUNGS if rung in asked["ladder"]
        ],
        "report": f"bench-{name}-{hosts[0]}" if asked["report"] is None else asked["report"],
        **{key: asked[key] for key in ("clients", "seconds", "most", "timeout", "static")},
    }, []


def _browser(asked: dict | None, host: str, address: str) -> dict:
    """What a browser is to do, and where it finds the host."""
    return {**asked, "address": "127.0.0.1" if asked["on"] == host else address} if asked else {}


def _request(given: dict) -> dict:
    """A request as it goes out."""
    headers = {str(name): str(value) for name, value in given["headers"].items()}
    body = given["body"]
    if given["json"] is not None:
        body = json.dumps(given["json"])
        headers.setdefault("Content-Type", "application/json")
    elif given["form"]:
        body = urlencode(given["form"])
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    return {**{key: given[key] for key in ("path", "method", "weight", "status")}, "headers": headers, "body": body}


def announcement(plan: dict) -> str:
    """The load that will be made, for a person, before it is made."""
    whole = sum(request["weight"] for request in plan["requests"])
    shares = [
        f"{100 * request['weight'] // whole}% {request['method']} {request['path']}" for request in plan["requests"]
    ]
    lines = [
        f"{plan['app']} on {plan['host']} will be asked by {plan['clients']} clients of {plan['from']} at once for {plan['seconds']} s, "
        f"{plan['most']} times at most: {', '.join(shares)}."
    ]
    if plan["ladder"]:
        titles = ", ".join(rung["title"] for rung in plan["ladder"])
        rests = "all of that" if plan["writes"] else "what of it is GET"
        lines.append(f"Then {rests} as long from each of these, started for it beside what serves: {titles}.")
    if plan["browser"]:
        lines.append(
            f"A browser on {plan['browser']['on']} (Chromium, which is installed if there is none) opens {plan['browser']['page']} "
            f"{2 * plan['browser']['visits']} times, half of them under the same load, for {browser_seconds(plan)} s."
        )
    return "\n".join(lines)


def browser_seconds(plan: dict) -> int:
    """How long the load lasts that a browser is measured under: its start and its visits."""
    return min(60, 10 + 5 * plan["browser"]["visits"]) if plan["browser"] else 0


def harm(plan: dict, found: dict) -> list[str]:
    """Why the load may do harm on this host, which takes the user's word then."""
    reasons = []
    if found["visitors"]:
        reasons.append(f"{found['visitors']} requests for it came from others within the last ten minutes")
    elif found["visitors"] is None:
        reasons.append("Nginx's log does not tell whether others use it")
    if methods := writing(plan["requests"]):
        reasons.append(f"requests with {' and '.join(methods)} write to the app's own data")
    if found["machine"]["available_mib"] < _LITTLE_MIB and plan["ladder"]:
        reasons.append(
            f"{found['machine']['available_mib']} MiB of memory are free, and the ladder starts the app a second time"
        )
    return reasons
