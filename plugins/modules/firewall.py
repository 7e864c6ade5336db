#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: firewall
short_description: Let in what a host offers, and nothing else, by a table of nftables
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - Keeps the table C(inet slipway) as it should be, in its file and in the kernel, and has it loaded at boot. No other table is touched.
  - The port of the SSH connection that runs this module stays open, whatever O(ssh_ports) says. O(ssh_from) without the address that it
    comes from is refused.
  - A new table is loaded in one step, and taken off again after O(confirm_within) seconds unless O(state=confirmed) is asked for by a
    connection made since.
options:
  state:
    description:
      - V(present) loads the table, V(absent) takes it off, with its files.
      - V(confirmed) says that a new connection came through it.
    type: str
    choices: [present, absent, confirmed]
    default: present
  allow:
    description: What the host offers.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What it is, for who reads the rules.
        type: str
        required: true
      protocol:
        description: Its protocol.
        type: str
        choices: [tcp, udp, vrrp]
        default: tcp
      ports:
        description: Its ports; none for V(vrrp).
        type: list
        elements: int
        default: []
      from:
        description: Addresses and networks that may come, everyone when not given, nobody when empty.
        type: list
        elements: str
  ssh_ports:
    description: Ports of SSH besides that of this connection.
    type: list
    elements: int
    default: [22]
  ssh_from:
    description: Addresses and networks that SSH is open for, everyone when empty.
    type: list
    elements: str
    default: []
  interfaces:
    description: Interfaces from which everything is let in, such as V(podman*).
    type: list
    elements: str
    default: []
  header:
    description: First lines of the file, as comments.
    type: str
    default: "# Written by slipway."
  unit:
    description: Text of the unit C(slipway-firewall.service).
    type: str
    default: ""
  confirm_within:
    description: Seconds after which a new table is taken off again. V(0) for never.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes without making any.
  diff_mode:
    support: full
    description: Shows the rules before and after.
"""

EXAMPLES = r"""
- name: Let in the web alone
  slipway.flask.firewall:
    allow:
      - {name: web, ports: [80, 443]}
    unit: "{{ lookup('ansible.builtin.template', 'service.j2') }}"
"""

RETURN = r"""
ssh_ports:
  description: The ports that SSH is open on.
  returned: when present
  type: list
  elements: int
  sample: [22]
unconfirmed:
  description: Whether the table is taken off again unless it is confirmed.
  returned: always
  type: bool
  sample: true
"""

import contextlib
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.flask.plugins.module_utils import atomic
from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.firewall import (
    TABLE,
    FirewallError,
    lets_in,
    ruleset,
    ssh_connection,
)
from ansible_collections.slipway.flask.plugins.module_utils.systemd import run, systemctl

NFT = "/usr/sbin/nft"
RULES = "/etc/slipway/firewall.nft"
UNIT = "/etc/systemd/system/slipway-firewall.service"
SERVICE = "slipway-firewall.service"
# What the kernel told when the table was loaded, against which it is held later.
LOADED = "/run/slipway-firewall.loaded"
UNDO = "slipway-firewall-undo"

ARGUMENTS = {
    "state": {"type": "str", "choices": ["present", "absent", "confirmed"], "default": "present"},
    "allow": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "protocol": {"type": "str", "choices": ["tcp", "udp", "vrrp"], "default": "tcp"},
            "ports": {"type": "list", "elements": "int", "default": []},
            "from": {"type": "list", "elements": "str"},
        },
    },
    "ssh_ports": {"type": "list", "elements": "int", "default": [22]},
    "ssh_from": {"type": "list", "elements": "str", "default": []},
    "interfaces": {"type": "list", "elements": "str", "default": []},
    "header": {"type": "str", "default": "# Written by slipway."},
    "unit": {"type": "str", "default": ""},
    "confirm_within": {"type": "int", "default": 60},
}


def text_of(path: str) -> str:
    """What the file holds, nothing when it is not there."""
    with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
    return ""


def in_kernel() -> str:
    """The table as it is in force, nothing when it is not."""
    if not os.path.exists(NFT):
        return ""
    listed = run([NFT, "--stateless", "list", "table", *TABLE])
    return "" if listed.returncode else listed.stdout


def service_states() -> tuple[bool, bool]:
    """Whether the service is active, and enabled."""
    shown = systemctl("show", "--property=ActiveState,UnitFileState", SERVICE).splitlines()
    return "ActiveState=active" in shown, "UnitFileState=enabled" in shown


def difference(name: str, before: str, after: str) -> list[dict]:
    if before == after:
        return []
    return [{"before_header": name, "after_header": name, "before": before, "after": after}]


def present(module: AnsibleModule) -> dict:
    params = module.params
    connection = ssh_connection(os.getpid())
    ssh_ports = sorted({*params["ssh_ports"], *([connection[1]] if connection else [])})
    rules = ruleset(params["header"], params["allow"], ssh_ports, params["ssh_from"], params["interfaces"])
    if connection and not lets_in(connection[0], params["ssh_from"]):
        raise FirewallError(
            f"firewall_ssh_from: expected a network that has {connection[0]} in it, from where this run comes, found "
            f"{', '.join(params['ssh_from'])}; add {connection[0]}"
        )
    (active, enabled), kernel = service_states(), in_kernel()
    diff = difference(RULES, text_of(RULES), rules) + difference(UNIT, text_of(UNIT), params["unit"])
    if not diff:
        diff = difference("nft list table inet slipway", kernel, text_of(LOADED) or rules)
    if not (active and enabled):
        diff += difference(SERVICE, "", "enabled\nstarted\n")
    result = {"changed": bool(diff), "diff": diff, "ssh_ports": ssh_ports, "unconfirmed": False}
    if not diff or module.check_mode:
        return result
    put(rules, params["unit"])
    if params["confirm_within"]:
        undo_after(params["confirm_within"])
        result["unconfirmed"] = True
    systemctl("enable", "--quiet", SERVICE)
    systemctl("reload" if active else "start", SERVICE)
    return result


def put(rules: str, unit: str) -> None:
    """Both files, once nft finds no fault with the rules. Raises FirewallError when it does."""
    os.makedirs(os.path.dirname(RULES), mode=0o755, exist_ok=True)
    tried = f"{RULES}.tried"
    atomic.write(tried, atomic.File(rules, 0o644, "root", "root"))
    checked = run([NFT, "--check", "--file", tried])
    if checked.returncode:
        os.unlink(tried)
        raise FirewallError(f"Nothing was changed, since nft refuses the rules:\n{checked.stdout.strip()}")
    os.replace(tried, RULES)
    atomic.write(UNIT, atomic.File(unit, 0o644, "root", "root"))
    systemctl("daemon-reload")


def undo_after(seconds: int) -> None:
    """Have systemd take the table off, unless it is told otherwise: nobody may be able to come in and do it."""
    confirm()
    words = f"{NFT} delete table {' '.join(TABLE)}; systemctl disable {SERVICE}; rm -f {LOADED}"
    command = ["systemd-run", "--quiet", "--collect", f"--unit={UNDO}", f"--on-active={seconds}"]
    armed = run([*command, "--timer-property=AccuracySec=1s", "/bin/sh", "-c", words])
    if armed.returncode:
        raise FirewallError(f"Nothing was loaded, since it could not be undone: {armed.stdout.strip()}")


def confirm() -> bool:
    """Keep the table; whether it had to be said."""
    waiting = run(["systemctl", "is-active", "--quiet", f"{UNDO}.timer"]).returncode == 0
    if waiting:
        systemctl("stop", f"{UNDO}.timer")
    return waiting


def absent(module: AnsibleModule) -> dict:
    kernel, paths = in_kernel(), [path for path in (RULES, UNIT, LOADED) if os.path.exists(path)]
    diff = difference("nft list table inet slipway", kernel, "")
    for path in paths:
        diff += difference(path, text_of(path), "")
    result = {"changed": bool(diff), "diff": diff, "unconfirmed": False}
    if not diff or module.check_mode:
        return result
    confirm()
    if UNIT in paths:
        systemctl("disable", "--quiet", "--now", SERVICE)
    if in_kernel():
        deleted = run([NFT, "delete", "table", *TABLE])
        if deleted.returncode:
            raise FirewallError(f"nft delete table {' '.join(TABLE)}: {deleted.stdout.strip()}")
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    systemctl("daemon-reload")
    return result


def confirmed(module: AnsibleModule) -> dict:
    if not module.check_mode:
        return {"changed": confirm(), "unconfirmed": False}
    return {"changed": False, "unconfirmed": False}


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    try:
        result = {"present": present, "absent": absent, "confirmed": confirmed}[module.params["state"]](module)
    except (FirewallError, CutoverError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
