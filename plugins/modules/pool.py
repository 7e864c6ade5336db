#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: pool
short_description: Take a host out of a balancer's pool, or put it back
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - Runs on a balancer that the role C(balancer) made, by delegation. On a host that is none, or whose pool does not have the host yet,
    nothing happens.
  - A host that is out gets no new requests, those that it has end. Nginx is not reloaded.
options:
  host:
    description: Name of the host in the pool. Needed but with O(state=told).
    type: str
  state:
    description:
      - V(out) takes the host out and waits until it holds no request, at most O(timeout). It stays out until it is put back, through
        reboots of both. The last host that gets requests is not taken out, see O(turn) and O(force).
      - V(in) puts it back and waits until its Nginx and all apps have answered the balancer. When they have not within O(timeout), the
        module fails.
      - V(told) tells of all hosts and changes nothing.
    type: str
    choices: [in, out, told]
    required: true
  timeout:
    description: Seconds to wait.
    type: float
    default: 30
  wait:
    description: Whether to wait with O(state=in).
    type: bool
    default: true
  turn:
    description:
      - Whether the host is taken out for its turn in a deploy, and put back after it. The last host that gets requests then stays in,
        with a warning, since the cutover alone loses no request either. Without it the module fails.
      - A host that was drained by hand stays out until it is put back by hand.
      - The mark says so, too, by which the next deploy knows a host that one before it could not put back.
    type: bool
    default: false
  force:
    description: Take the last host out, too.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes without making any.
  diff_mode:
    support: none
    description: Whether the host is in the pool is all that there is to show.
"""

EXAMPLES = r"""
- name: Take this host out
  slipway.flask.pool:
    host: "{{ inventory_hostname }}"
    state: out
  delegate_to: "{{ item }}"
  loop: "{{ groups['balancer'] }}"
"""

RETURN = r"""
hosts:
  description: Each host's C(address), whether it is C(in) (gets requests), whether it was C(drained), and C(why) it gets none.
  returned: with O(state=told)
  type: dict
left:
  description: Hosts that are out since a deploy took them out for their turn.
  returned: with O(state=told)
  type: list
  elements: str
  sample: [www2]
held:
  description: Requests that the host still held when the time was up.
  returned: when it was taken out
  type: int
  sample: 0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.flask.plugins.module_utils import pool


def main() -> None:
    module = AnsibleModule(
        {
            "host": {"type": "str"},
            "state": {"type": "str", "choices": ["in", "out", "told"], "required": True},
            "timeout": {"type": "float", "default": 30},
            "wait": {"type": "bool", "default": True},
            "turn": {"type": "bool", "default": False},
            "force": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
        required_if=[["state", "in", ["host"]], ["state", "out", ["host"]]],
    )
    settings = pool.Settings.read()
    if module.params["state"] == "told":
        try:
            module.exit_json(changed=False, hosts=pool.state() if settings else {}, left=pool.left())
        except pool.PoolError as error:
            module.fail_json(msg=str(error), left=pool.left())
    host, out, timeout = module.params["host"], module.params["state"] == "out", module.params["timeout"]
    turn = module.params["turn"]
    if settings is None or host not in settings.hosts:
        module.exit_json(changed=False)
    if turn and pool.drained_by_hand(host):
        module.exit_json(changed=False, **({"held": 0} if out else {}))
    changed = (host in pool.marks()) != out
    try:
        if module.check_mode:
            if out and not module.params["force"]:
                pool.refuse_last(host)
            module.exit_json(changed=changed, **({"held": 0} if out else {}))
        if out:
            held = pool.drain(settings, host, timeout, module.params["force"], turn)
            if held:
                module.warn(f"{host} still held {held} requests after {timeout:g} s; they may go on.")
            module.exit_json(changed=changed, held=held)
        why = pool.undrain(host, timeout if module.params["wait"] else 0)
        if why and module.params["wait"]:
            module.fail_json(msg=f"{host} gets no requests yet, {timeout:g} s after it was put back: {why}")
        module.exit_json(changed=changed)
    except (pool.PoolError, OSError) as error:
        if turn and isinstance(error, pool.LastError):
            module.warn(f"{host} is the last host that gets requests, and keeps getting them in its turn.")
            module.exit_json(changed=False, held=0)
        module.fail_json(msg=f"{host}: {error}")


if __name__ == "__main__":
    main()
