#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: certificates
short_description: Have a host's certificates, and have them renewed
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - Each certificate stands with its key in C(/etc/slipway/certificates/NAME), a link that is replaced by one rename.
  - Given ones are all checked before anything changes.
  - Puts C(slipway-certificates) on the host, which C(units) run to renew what is near its end.
  - Reloads Nginx, if it runs and finds no fault with its files, when a certificate was replaced.
options:
  requests:
    description: The certificates of this host, all of them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the certificate.
        type: str
        required: true
      domains:
        description: What it is for.
        type: list
        elements: str
        required: true
      provider:
        description: Where it comes from.
        type: str
        choices: [selfsigned, files, acme]
        required: true
      fullchain:
        description: A given certificate and those of its CA, in PEM.
        type: str
      key:
        description: The key of O(requests[].fullchain), in PEM.
        type: str
  curve:
    description: Curve of new keys.
    type: str
    default: secp384r1
  acme:
    description: The account with an ACME server.
    type: dict
    default: {}
    suboptions:
      directory:
        description: Address of the server's directory.
        type: str
        default: ''
      email:
        description: Where the server may write to.
        type: str
        default: ''
      profile:
        description: Profile to ask for.
        type: str
        default: ''
      ca_bundle:
        description: Certificates that the server's own certificate is checked with, in PEM. The host's store when empty.
        type: str
        default: ''
      eab_kid:
        description: ID of the key that binds the account to one that exists elsewhere.
        type: str
        default: ''
      eab_hmac_key:
        description: That key.
        type: str
        default: ''
  units:
    description: Names and texts of the systemd units that run C(slipway-certificates). The timers among them are started.
    type: dict
    default: {}
  issue:
    description:
      - Whether to get what only comes by way of a running Nginx.
      - Otherwise such a certificate is RV(pending), and a placeholder is in its place if there was none.
    type: bool
    default: false
  clock:
    description:
      - The controller's time, in seconds since the epoch. Certificates are judged by it, and a host whose clock differs is told of.
    type: float
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes without making any. Given certificates are checked where the host has OpenSSL.
  diff_mode:
    support: full
    description: Names what would be replaced and why.
"""

EXAMPLES = r"""
- name: Have certificates of the host's own CA
  slipway.flask.certificates:
    requests:
      - name: hello
        domains: [hello.example.com]
        provider: selfsigned
"""

RETURN = r"""
certificates:
  description: What stands there now.
  returned: success
  type: list
  elements: dict
  sample:
    - name: hello
      provider: selfsigned
      names: [hello.example.com]
      issuer: O = slipway, CN = slipway on www1
      ends: 2027-02-19 12:00 UTC
      days: 90
      placeholder: false
pending:
  description: Names of those that are to be had once Nginx runs.
  returned: success
  type: list
  elements: str
  sample: [hello]
"""

import inspect
import json
import os
import shutil
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.flask.plugins.module_utils import certificates
from ansible_collections.slipway.flask.plugins.module_utils.certificates import CertificateError, Certificates

PROGRAM = Path("/usr/local/sbin/slipway-certificates")
REQUESTS = Path("/etc/slipway/certificates/requests.json")
UNITS = Path("/etc/systemd/system")
CLOCK_TOLERANCE = 3600  # seconds

_TEXT = {"type": "str", "default": ""}
ARGUMENTS = {
    "requests": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "domains": {"type": "list", "elements": "str", "required": True},
            "provider": {"type": "str", "choices": ["selfsigned", "files", "acme"], "required": True},
            "fullchain": {"type": "str"},
            "key": {"type": "str", "no_log": True},
        },
        "required_if": [["provider", "files", ["fullchain", "key"]]],
    },
    "curve": {"type": "str", "default": "secp384r1"},
    "acme": {
        "type": "dict",
        "default": {},
        "apply_defaults": True,
        "options": {
            "directory": _TEXT,
            "email": _TEXT,
            "profile": _TEXT,
            "ca_bundle": _TEXT,
            "eab_kid": _TEXT,
            "eab_hmac_key": {**_TEXT, "no_log": True},
        },
    },
    "units": {"type": "dict", "default": {}},
    "issue": {"type": "bool", "default": False},
    "clock": {"type": "float"},
}


def clock_warning(clock: float) -> str:
    """What to tell of a host whose clock differs from the controller's."""
    ahead = time.time() - clock
    if abs(ahead) < CLOCK_TOLERANCE:
        return ""
    return (
        f"This host's clock is {abs(ahead) / certificates.DAY:.1f} days {'ahead of' if ahead > 0 else 'behind'} the controller's. "
        "What it signs and renews goes by its own clock, so clients may refuse its certificates: set the clock, see `timedatectl`."
    )


def texts(settings: dict, units: dict) -> dict[Path, tuple[str, int]]:
    """The files beside the certificates, with their modes."""
    given = ("fullchain", "key")
    requests = [{key: value for key, value in one.items() if key not in given} for one in settings["requests"]]
    return {
        PROGRAM: ("#!/usr/bin/python3\n" + inspect.getsource(certificates), 0o755),
        REQUESTS: (json.dumps({**settings, "requests": requests}, indent=1, sort_keys=True) + "\n", 0o600),
        **{UNITS / name: (text, 0o644) for name, text in units.items()},
    }


def found(path: Path) -> tuple[str, int] | None:
    try:
        return path.read_text("utf-8"), path.stat().st_mode & 0o777
    except OSError:
        return None


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    os.umask(0o022)  # Nginx reads what an ACME server asks for.
    params = module.params
    requests = [{key: value for key, value in one.items() if value is not None} for one in params["requests"]]
    settings = {"requests": requests, "curve": params["curve"], "acme": params["acme"]}
    clock = params["clock"] or time.time()
    all_ = Certificates(settings, now=clock)
    if warning := clock_warning(clock):
        module.warn(warning)
    errors = all_.each(lambda one: given(module, one, clock), [one for one in requests if one["provider"] == "files"])
    if errors:
        module.fail_json(msg="\n".join(["These certificates cannot serve; nothing was changed.", *errors]))

    action = all_.renew if params["issue"] else all_.prepare
    lacking = {one["name"]: all_.lacks(one) for one in requests}
    to_do = [one for one in requests if lacking[one["name"]] and (params["issue"] or not waits(all_, one))]
    wanted = texts(settings, params["units"])
    changed = [path for path, content in wanted.items() if found(path) != content]
    if not module.check_mode:
        with certificates.alone():
            put(module, {path: wanted[path] for path in changed})
            errors = all_.each(action, to_do)
            take(module, all_, errors)
    replaced = [(one["name"], lacking[one["name"]] + "\n", "") for one in to_do]
    written = [(str(path), "", "written\n") for path in changed]
    module.exit_json(
        changed=bool(changed or to_do),
        certificates=all_.report(),
        pending=[one["name"] for one in requests if one["provider"] == "acme" and all_.lacks(one)],
        diff=[
            {"before_header": what, "after_header": what, "before": before, "after": after}
            for what, before, after in replaced + written
        ],
    )


def given(module: AnsibleModule, request: dict, clock: float) -> None:
    """Raises CertificateError unless a given pair can serve."""
    if module.check_mode and not shutil.which("openssl"):
        return
    certificate = certificates.check(request["fullchain"], request["key"], request["domains"], clock)
    if certificate.due(clock):
        module.warn(
            f"The certificate {request['name']} was given, and ends on {certificate.ends_on}; give a newer one soon."
        )


def waits(all_: Certificates, request: dict) -> bool:
    """Whether nothing can be done for it until Nginx runs."""
    return request["provider"] == "acme" and all_.pair(request["name"]) is not None


def put(module: AnsibleModule, files: dict[Path, tuple[str, int]]) -> None:
    for path, (text, mode) in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        certificates.write(path, text, mode)
    units = [path.name for path in files if path.parent == UNITS]
    if units:
        module.run_command(["systemctl", "daemon-reload"], check_rc=True)
    for timer in [name for name in units if name.endswith(".timer")]:
        module.run_command(["systemctl", "enable", "--now", timer], check_rc=True)


def take(module: AnsibleModule, all_: Certificates, errors: list[str]) -> None:
    """Have Nginx take what is new; ends the module when that or anything before went wrong."""
    try:
        all_.take()
    except CertificateError as error:
        said = f"Nginx did not take the new certificates: {error}"
        if module.params["issue"]:
            errors = [*errors, said]
        else:
            # What it finds fault with may be what is mended next. It takes them once it can, at the timer's next turn at the latest.
            module.warn(said)
    if errors:
        kept = "What served before serves on, and slipway-certificates.timer tries again every hour."
        module.fail_json(msg="\n".join(["Some certificates were not to be had.", *errors, kept]))


if __name__ == "__main__":
    main()
