# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the certificate role's variables may say beyond their types."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.slipway.flask.plugins.plugin_utils.nginx_settings import DOMAIN, NAME, Rule, misfits

SERVED = "/etc/slipway/certificates"
# Below it the ACME client puts the files that its server asks for.
CHALLENGES = "/var/lib/slipway/acme"

DIRECTORY = Rule("https://[!-~]+", "the https address of an ACME directory", "https://acme.example.com/directory")
# What goes into a file of certbot's must not end its line.
EMAIL = Rule(r"([^\s@]+@[^\s@]+)?", "an address, or nothing", "admin@example.com")
TOKEN = Rule(r"[\w=+/.-]*", "letters, digits and -, as the CA gave it", "kid-1")


def errors(variables: dict) -> list[str]:
    """What is wrong with the role's ``variables``, given by name. Each error is led by its variable."""
    found, names = [], set()
    for index, request in enumerate(variables["certificate_requests"]):
        where = f"certificate_requests[{index}]"
        found += [f"{where}.{error}" for error in request_errors(request)]
        if request["name"] in names:
            found.append(f"{where}.name: {request['name']} is there already; give each certificate a name of its own")
        names.add(request["name"])
    kid, key = (f"certificate_acme_eab_{part}" for part in ("kid", "hmac_key"))
    if bool(variables[kid]) != bool(variables[key]):
        found.append(f"{kid}: expected both {kid} and {key}, found one of them; the CA gives the two together")
    if not re.fullmatch(TOKEN.pattern, variables[key], re.ASCII):
        found.append(f"{key}: expected {TOKEN.expected}; the value is not shown")
    return [
        *found,
        *misfits("certificate_acme_directory", [variables["certificate_acme_directory"]], DIRECTORY),
        *misfits("certificate_acme_email", [variables["certificate_acme_email"]], EMAIL),
        *misfits(kid, [variables[kid]], TOKEN),
    ]


def request_errors(request: dict) -> list[str]:
    """What is wrong with one element of certificate_requests. Each error is led by its key."""
    found = [*misfits("name", [request["name"]], NAME), *misfits("domains", request["domains"], DOMAIN)]
    if not request["domains"]:
        found.append(f"domains: expected at least one host name, found none; write for example {DOMAIN.example}")
    return found + provider_errors(request)


def provider_errors(request: dict) -> list[str]:
    """What a request's provider cannot do, or does not get."""
    return list({"files": _of_files, "acme": _of_acme, "selfsigned": _of_none}[request["provider"]](request))


def _of_files(request: dict) -> Iterator[str]:
    for key, example in (("certificate", "files/www.example.com.pem"), ("key", "files/www.example.com.key")):
        if not request.get(key):
            yield f"{key}: missing; a certificate of files needs its path on the controller; write for example {example}"


def _of_acme(request: dict) -> Iterator[str]:
    yield from _of_none(request)
    for domain in request["domains"]:
        if domain.startswith("*."):
            yield f"domains: {domain} is not to be had over port 80; write its names one by one, or use the provider files"
        elif "." not in domain or re.fullmatch(r"[0-9.]+", domain):
            yield f"domains: expected public host names for a certificate by ACME, found {domain!r}; write for example {DOMAIN.example}"


def _of_none(request: dict) -> Iterator[str]:
    for key in ("certificate", "key"):
        if request.get(key):
            yield f"{key}: not for the provider {request['provider']}; leave it out, or write provider: files"


def packages(requests: list[dict]) -> list[str]:
    """Packages of the distribution that the requests need."""
    return ["openssl"] + ["certbot"] * any(request["provider"] == "acme" for request in requests) if requests else []
