#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: status
short_description: Tell what of each app serves, since when, and what a rollback could go back to
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - Reads the host as it stands and changes nothing. It takes no lock, so it can run while a deploy or a M(slipway.flask.tune) does, and
    says so then.
options:
  apps:
    description: The apps' names, the keys of C(slipway_apps).
    type: list
    elements: str
    required: true
  only:
    description: Those of the apps to tell about, all when not given.
    type: list
    elements: str
    default: []
  root:
    description: The folder that holds the apps' homes.
    type: path
    default: /srv
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes without making any.
  diff_mode:
    support: none
    description: Changes nothing, so there is nothing to show.
"""

EXAMPLES = r"""
- name: Ask what serves
  slipway.flask.status:
    apps: "{{ slipway_apps | list }}"
  register: status

- name: Require that all is well
  ansible.builtin.assert:
    that: status.apps | map(attribute='faults') | flatten | length == 0
"""

RETURN = r"""
apps:
  description: What was found of each app, in the order of O(apps).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The app's name.
      type: str
      sample: hello
    slug:
      description: The name that its paths and units bear.
      type: str
      sample: hello
    live:
      description: What serves. Empty when nothing does.
      type: dict
      contains:
        release:
          description: ID of the release.
          type: str
          sample: 3f9c0a6be21d
        slot:
          description: The slot that runs it.
          type: str
          sample: green
        since:
          description: When requests began to go to this slot, in UTC.
          type: str
          sample: "2026-11-21T10:00:00Z"
        workers:
          description: Number of its worker processes.
          type: int
          sample: 3
        socket:
          description: Whether its socket is there and systemd listens on it.
          type: bool
          sample: true
    slots:
      description: State of each slot by name.
      type: dict
      contains:
        release:
          description: ID of the release that the slot points at, empty for none.
          type: str
        service:
          description: State of its service, as systemd names it.
          type: str
          sample: active
        socket:
          description: State of its socket, as systemd names it.
          type: str
          sample: active
        enabled:
          description: Whether both come back after a reboot.
          type: bool
        restarts:
          description: How often systemd had to start its server again.
          type: int
        workers:
          description: Number of its worker processes.
          type: int
    releases:
      description: The complete releases that are kept, newest first.
      type: list
      elements: dict
      contains:
        id:
          description: The release's ID.
          type: str
        created:
          description: When it was built, in UTC.
          type: str
        source:
          description: Where its code came from.
          type: str
        outcome:
          description: How its latest deploy ended, V(live), V(refused) or V(rolled back). Empty when it had none.
          type: str
        why:
          description: Why it failed. Empty when it did not.
          type: str
        reversible:
          description: Whether a rollback may go back behind it.
          type: bool
    last:
      description: The last deploy or rollback, as C(HOME/history.jsonl) has it. Empty when there was none.
      type: dict
      sample: {when: "2026-11-21T10:00:00Z", release: 3f9c0a6be21d, slot: green, outcome: live, previous: 0d1e2f3a4b5c, why: ""}
    change:
      description:
        - What the live release's deploy changed, as the samples on either side of its cutover say (C(health.sample)).
          Empty where it took none.
      type: dict
      contains:
        before:
          description:
            - What served before. C(release), C(requests), C(errors), C(p50) and C(p99) in milliseconds, C(memory) in bytes as it
              was then, and C(boot), the seconds that it once took to come up.
          type: dict
          sample: {release: 0d1e2f3a4b5c, requests: 50, errors: 0, p50: 3.1, p99: 9.7, memory: 96468992, boot: 1.3}
        after:
          description: The same of what serves.
          type: dict
          sample: {release: 3f9c0a6be21d, requests: 50, errors: 0, p50: 2.2, p99: 8.1, memory: 94371840, boot: 1.2}
    previous:
      description: ID of the release that a rollback goes back to. Empty when there is none.
      type: str
      sample: 0d1e2f3a4b5c
    under_way:
      description: What the app is locked for at this moment, such as a build, a cutover or a tune. Empty when it is not.
      type: str
      sample: cutover of hello to release 3f9c0a6be21d, since 2026-11-21 10:00:00 +0000
    faults:
      description: What is not as a deploy leaves it, which the next one puts in order. Empty when all is well.
      type: list
      elements: str
      sample: ["flask-hello@green.service is failed"]
"""

import json
import os
import stat
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.flask.plugins.module_utils.chosen import chosen
from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.history import LIVE, History
from ansible_collections.slipway.flask.plugins.module_utils.layout import SLOTS, Layout, other_than
from ansible_collections.slipway.flask.plugins.module_utils.lock import held_for
from ansible_collections.slipway.flask.plugins.module_utils.proc import children
from ansible_collections.slipway.flask.plugins.module_utils.systemd import unit_faults, unit_states

ARGUMENTS = {
    "apps": {"type": "list", "elements": "str", "required": True},
    "only": {"type": "list", "elements": "str", "default": []},
    "root": {"type": "path", "default": "/srv"},
}


class Found:
    """What stands of one app."""

    def __init__(self, layout: Layout, states: dict[str, dict[str, str]], workers: dict[int, set[int]]) -> None:
        self.layout = layout
        self.history = History(layout.history)
        self.services = {slot: states.get(layout.service(slot), {}) for slot in SLOTS}
        self.sockets = {slot: states.get(layout.socket(slot), {}) for slot in SLOTS}
        mains = {slot: int(state.get("MainPID") or 0) for slot, state in self.services.items()}
        # Process 0, which a stopped service has, is the kernel, and the parent of the first.
        self.workers = {slot: len(workers.get(main, ())) if main else 0 for slot, main in mains.items()}

    def describe(self) -> dict:
        live = self.live()
        releases = self.releases()
        there = [release["id"] for release in releases]
        busy = held_for(self.layout.lock)
        return {
            "name": self.layout.name,
            "slug": self.layout.slug,
            "live": live,
            "slots": {slot: self.slot(slot) for slot in SLOTS},
            "releases": releases,
            "last": next(reversed(self.history.entries()), {}),
            "change": self.history.change(live["release"]) if live else {},
            "previous": self.history.previous(live["release"], there) if live else "",
            "under_way": busy,
            "faults": self.faults(live, busy),
        }

    def live(self) -> dict:
        """The slot whose socket Nginx connects to."""
        target = _target(self.layout.active)
        for slot in SLOTS:
            if target == self.layout.socket_path(slot):
                return {
                    "release": os.path.basename(_target(self.layout.link(slot))),
                    "slot": slot,
                    "since": _utc(os.lstat(self.layout.active).st_mtime),
                    "workers": self.workers[slot],
                    "socket": self.listens(slot),
                }
        return {}

    def listens(self, slot: str) -> bool:
        try:
            there = stat.S_ISSOCK(os.stat(self.layout.socket_path(slot)).st_mode)
        except OSError:
            there = False
        return there and self.sockets[slot].get("ActiveState") == "active"

    def slot(self, slot: str) -> dict:
        pair = (self.services[slot], self.sockets[slot])
        return {
            "release": os.path.basename(_target(self.layout.link(slot))),
            "service": pair[0].get("ActiveState", ""),
            "socket": pair[1].get("ActiveState", ""),
            "enabled": all(state.get("UnitFileState") == "enabled" for state in pair),
            "restarts": int(pair[0].get("NRestarts") or 0),
            "workers": self.workers[slot],
        }

    def releases(self) -> list[dict]:
        """The complete ones, newest first."""
        failed = self.history.failed()
        latest = {e["release"]: e for e in self.history.entries() if (e["release"] in failed) != (e["outcome"] == LIVE)}
        found = []
        for name in os.listdir(self.layout.releases) if os.path.isdir(self.layout.releases) else ():
            try:
                with open(os.path.join(self.layout.release(name), "release.json"), encoding="utf-8") as file:
                    record = json.load(file)
            except (OSError, ValueError):
                continue  # Its build was cut short, or goes on.
            entry = latest.get(name, {})
            found.append(
                {
                    "id": name,
                    "created": record.get("created", ""),
                    "source": record.get("source", ""),
                    "outcome": entry.get("outcome", ""),
                    "why": entry.get("why", ""),
                    "reversible": entry.get("reversible", True),
                }
            )
        return sorted(found, key=lambda release: release["created"], reverse=True)

    def faults(self, live: dict, busy: str) -> list[str]:
        """What is not as a deploy leaves it."""
        if not live:
            if not os.path.isdir(self.layout.home):
                return ["it was never deployed here"]
            return [f"nothing serves it: {self.layout.active} leads to no slot"]
        slot = live["slot"]
        faults = unit_faults(
            {self.layout.socket(slot): self.sockets[slot], self.layout.service(slot): self.services[slot]}
        )
        if not os.path.exists(self.layout.socket_path(slot)):
            faults.append(f"{self.layout.socket_path(slot)} is missing")
        if self.services[slot].get("ActiveState") == "active" and not live["workers"]:
            faults.append(f"{self.layout.service(slot)} has no worker")
        if not busy:
            # In a cutover these two are on their way, and a tune has the other slot run.
            if os.path.basename(_target(self.layout.current)) != live["release"]:
                faults.append(f"{self.layout.current} does not lead to the live release")
            if self.services[other_than(slot)].get("ActiveState") not in ("inactive", "failed"):
                faults.append(f"the {other_than(slot)} slot, which serves nothing, runs too")
        return faults


def _target(link: str) -> str:
    """Where a symlink leads, '' when there is none."""
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    if not module.params["apps"]:
        module.fail_json(msg="slipway_apps: expected at least one app of this host, found none")
    try:
        names = chosen(module.params["apps"], module.params["only"])
        layouts = [Layout(name, module.params["root"]) for name in names]
        states = unit_states([unit(slot) for app in layouts for slot in SLOTS for unit in (app.service, app.socket)])
    except (ValueError, CutoverError) as error:
        module.fail_json(msg=str(error))
    workers = children()
    module.exit_json(changed=False, apps=[Found(layout, states, workers).describe() for layout in layouts])


if __name__ == "__main__":
    main()
