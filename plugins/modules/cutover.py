#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: cutover
short_description: Switch an app to a release and settings without losing a request
version_added: 1.0.0
author:
  - slipway contributors (@slipway)
description:
  - An app has two slots, blue and green. Each has its own socket, its own settings and a link to the release that it runs.
    Nginx connects to C(HOME/active.sock), a symlink to the live slot's socket.
  - When the live slot already runs this release with these settings, nothing happens. Otherwise the idle slot gets both,
    is started beside the live one, and is probed on its private socket. Only when it answers does the symlink flip.
    The old slot then finishes the requests that it holds and stops.
  - When the new slot does not come up it is stopped again, the module fails with the reason and the slot's last journal lines,
    and the live slot has not been touched.
  - Whatever a killed run left behind is repaired by the next run. A live slot that is damaged (a deleted socket, an edited
    file, a stopped unit) is repaired in the same way as it is replaced, by a cutover.
options:
  name:
    description: The app's name, the key in C(slipway_apps).
    type: str
    required: true
  root:
    description: The folder that holds the apps' homes.
    type: path
    default: /srv
  state:
    description:
      - V(live) makes the release the one that serves.
      - V(prepared) writes the idle slot's settings and runs O(before_switch) there, and starts nothing.
        A play runs it on one host of a fleet before V(live) on all.
    type: str
    choices: [live, prepared]
    default: live
  release:
    description: The release's ID, a folder below C(HOME/releases).
    type: str
    required: true
  service:
    description: Text of the slot's service unit. C(%i) stands for the slot.
    type: str
    required: true
  socket:
    description: Text of the slot's socket unit. C(%i) stands for the slot.
    type: str
    required: true
  umbrella:
    description: Text of the unit that an administrator names, C(flask-NAME.service).
    type: str
    required: true
  config:
    description: The server's config files by name, kept in the slot's settings folder and readable by the app's user.
    type: dict
    default: {}
  env:
    description: Environment of the app.
    type: dict
    default: {}
  secrets:
    description: Environment of the app that only root may read on disk.
    type: dict
    default: {}
  files:
    description:
      - Config files of the app, absolute path or path in the app's tree to text.
      - Each slot has its own copy, which the app alone sees at that path, read-only.
    type: dict
    default: {}
  check:
    description:
      - Command that loads the app without serving, run as the app's user in its sandbox before the slot is started.
        C(%i) stands for the slot.
    type: list
    elements: str
    default: []
  before_switch:
    description: Commands to run as the app's user in its sandbox, with the new code and settings. A text goes to C(/bin/sh -c).
    type: list
    elements: raw
    default: []
  before_switch_timeout:
    description: Seconds that one of the O(before_switch) commands may take.
    type: int
    default: 900
  health:
    description: What the new slot must answer before it gets a user's request.
    type: dict
    suboptions:
      path:
        description: Path to ask for, V(/) when not given.
        type: str
      status:
        description: Expected status. Without it, V(200) when O(health.path) was given, else any below 500.
        type: int
      text:
        description: Text that the answer's body must hold.
        type: str
        default: ''
      host:
        description: Host header of the probe.
        type: str
        default: localhost
      timeout:
        description: Seconds to wait for the app to become healthy.
        type: int
        default: 60
      successes:
        description: Good answers in a row that are needed.
        type: int
        default: 3
  drain:
    description: Seconds that requests in flight in the old slot may take to end, counted from the flip.
    type: int
    default: 30
  keep_releases:
    description: Complete releases to keep, newest first. Those that a slot points at are kept whatever the number.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes without making any.
  diff_mode:
    support: full
    description: Shows the release, the slot and the settings before and after. Secrets and the app's files are named only.
"""

EXAMPLES = r"""
- name: Switch to the release that was just built
  slipway.flask.cutover:
    name: hello
    release: "{{ __app_release.id }}"
    service: "{{ lookup('ansible.builtin.template', 'service.j2') }}"
    socket: "{{ lookup('ansible.builtin.template', 'socket.j2') }}"
    umbrella: "{{ lookup('ansible.builtin.template', 'umbrella.j2') }}"
    config:
      gunicorn.conf.py: "{{ lookup('ansible.builtin.template', 'gunicorn.conf.py.j2') }}"
    secrets:
      SECRET_KEY: "{{ vault_secret_key }}"
    check: [venv/bin/python, -m, gunicorn, --check-config, --config, settings/gunicorn.conf.py]
    health:
      path: /readyz
"""

RETURN = r"""
release:
  description: ID of the release that serves after the run.
  returned: success
  type: str
  sample: 3f9c0a6be21d
slot:
  description: The slot that serves after the run.
  returned: success
  type: str
  sample: green
tidied:
  description: What was put in order around the live slot.
  returned: success
  type: list
  elements: str
  sample: ["stopped the blue slot", "removed release 0d1e2f3a4b5c"]
reasons:
  description: Why a cutover was due, empty when none was.
  returned: success
  type: list
  elements: str
  sample: ["release 3f9c0a6be21d instead of 0d1e2f3a4b5c"]
seconds:
  description: How long each step took.
  returned: when a cutover took place
  type: dict
  sample: {"check": 0.6, "start": 0.5, "probe": 0.3, "drain": 1.1}
"""

import os
import syslog
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout
from ansible_collections.slipway.flask.plugins.module_utils.lock import Busy, locked
from ansible_collections.slipway.flask.plugins.module_utils.slots import App, CutoverError, Probe, other_than

HEALTH = {
    "path": {"type": "str"},
    "status": {"type": "int"},
    "text": {"type": "str", "default": ""},
    "host": {"type": "str", "default": "localhost"},
    "timeout": {"type": "int", "default": 60},
    "successes": {"type": "int", "default": 3},
}
ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "default": "/srv"},
    "state": {"type": "str", "choices": ["live", "prepared"], "default": "live"},
    "release": {"type": "str", "required": True},
    "service": {"type": "str", "required": True},
    "socket": {"type": "str", "required": True},
    "umbrella": {"type": "str", "required": True},
    "config": {"type": "dict", "default": {}},
    "env": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "files": {"type": "dict", "default": {}, "no_log": True},
    "check": {"type": "list", "elements": "str", "default": []},
    "before_switch": {"type": "list", "elements": "raw", "default": []},
    "before_switch_timeout": {"type": "int", "default": 900},
    "health": {"type": "dict", "options": HEALTH, "apply_defaults": True},
    "drain": {"type": "int", "default": 30},
    "keep_releases": {"type": "int", "default": 5},
}


def tell(text: str) -> None:
    """A line of the journal: ``journalctl -t slipway``."""
    syslog.openlog("slipway", syslog.LOG_PID)
    syslog.syslog(text)


class Stopwatch:
    """Tells the journal of each step as it begins; its seconds, for the result."""

    def __init__(self, app: App) -> None:
        self.doing = f"{app.layout.name}: cutover to {app.release}"
        self.seconds: dict[str, float] = {}

    def __call__(self, step: str, work, *arguments):
        tell(f"{self.doing}: step {step}")
        start = time.monotonic()
        try:
            return work(*arguments)
        finally:
            self.seconds[step] = round(time.monotonic() - start, 2)


def diff_of(app: App, live: str | None, slot: str) -> list[dict]:
    """What changes, as texts; of files that may hold secrets only the names."""
    before = {os.path.basename(path): (path, file) for path, file in app.found(live).items()} if live else {}
    after = {os.path.basename(path): (path, file) for path, file in app.wanted(live or slot).items()}
    serving = f"release {app.release_of(live)}\n" if live else ""
    diffs = [{"header": app.layout.home, "before": serving, "after": f"release {app.release}\n"}]
    for name in sorted(set(before) | set(after)):
        (path, old), (target, new) = before.get(name, ("", None)), after.get(name, ("", None))
        if old == new:
            continue
        texts = [file.text if file else "" for file in (old, new)]
        if app.is_private(path or target):
            texts = [text and f"({which}, not shown)\n" for text, which in zip(texts, ("old", "new"))]
        diffs.append({"before_header": path, "after_header": target, "before": texts[0], "after": texts[1]})
    return [diff for diff in diffs if diff["before"] != diff["after"]]


def refuse(module: AnsibleModule, app: App, live: str | None, what: str, error: CutoverError) -> None:
    """End the module with the cause, the journal and what still serves."""
    serving = (
        f"Release {app.release_of(live)} still serves from slot {live}, untouched."
        if live
        else "Nothing serves this app yet."
    )
    lines = "\n".join(error.journal)
    module.fail_json(
        msg=f"{app.layout.name}: {what}: {error}.\n{serving}" + (f"\nLast lines:\n{lines}" if lines else "")
    )


def prepare(module: AnsibleModule, app: App, live: str | None, idle: str, watch: Stopwatch) -> None:
    """Write the idle slot and run what must run before anything of the new release serves."""
    if app.busy(idle):
        watch("stop_leftover", app.retire, idle, module.params["drain"])
    watch("prepare", app.prepare, idle)
    for command in module.params["before_switch"]:
        argv = ["/bin/sh", "-c", command] if isinstance(command, str) else [str(word) for word in command]
        try:
            watch("before_switch", app.in_sandbox, idle, argv, module.params["before_switch_timeout"])
        except CutoverError as error:
            refuse(module, app, live, f"the command {command!r} before the switch failed", error)


def cut_over(module: AnsibleModule, app: App, live: str | None, idle: str, watch: Stopwatch) -> None:
    """The steps from a prepared idle slot to the slot that serves."""
    probe = Probe(**module.params["health"])
    if module.params["check"]:
        check = [word.replace("%i", idle) for word in module.params["check"]]
        try:
            watch("check", app.in_sandbox, idle, check, probe.timeout)
        except CutoverError as error:
            refuse(module, app, live, f"release {app.release} does not load", error)
    try:
        watch("start", app.start, idle, probe)
    except CutoverError as error:
        refuse(module, app, live, f"release {app.release} did not come up in slot {idle}", error)
    # Enabled before the flip: whenever the host reboots, the slot that the symlink names comes back.
    watch("enable", app.enable, idle)
    watch("flip", app.flip, idle)


def situation(app: App) -> tuple[str | None, list[str]]:
    """The live slot, and why it must be replaced."""
    live = app.live_slot()
    return live, app.faults(live) if live else ["nothing serves this app yet"]


def predict(module: AnsibleModule, app: App) -> None:
    """End the module with what a run would do."""
    live, reasons = situation(app)
    if reasons:
        idle = other_than(live)
        module.exit_json(changed=True, release=app.release, slot=idle, reasons=reasons, diff=diff_of(app, live, idle))
    tidied = app.tidy(live, 0, module.params["keep_releases"], check_mode=True) if serves(module) else []
    module.exit_json(changed=bool(tidied), release=app.release, slot=live, reasons=[], tidied=tidied)


def switch(module: AnsibleModule, app: App) -> None:
    """Do it, and end the module."""
    if not os.path.exists(os.path.join(app.layout.release(app.release), "release.json")):
        module.fail_json(
            msg=f"{app.layout.name}: release {app.release} is not on this host; build it with slipway.flask.release."
        )
    watch, (live, reasons) = Stopwatch(app), situation(app)
    slot, diff, tidied = live, [], []
    try:
        if reasons:
            idle = other_than(live)
            diff = diff_of(app, live, idle)
            prepare(module, app, live, idle, watch)
            if serves(module):
                cut_over(module, app, live, idle, watch)
                slot = idle
        if serves(module):
            tidied = watch("tidy", app.tidy, slot, module.params["drain"], module.params["keep_releases"])
    except CutoverError as error:
        refuse(module, app, live, "the cutover failed", error)
    changed = bool(reasons or tidied)
    module.exit_json(
        changed=changed,
        release=app.release,
        slot=slot,
        reasons=reasons,
        tidied=tidied,
        diff=diff,
        seconds=watch.seconds,
    )


def serves(module: AnsibleModule) -> bool:
    return module.params["state"] == "live"


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    params = module.params
    app = App(
        Layout(params["name"], params["root"]),
        params["release"],
        params["service"],
        params["socket"],
        params["umbrella"],
        params["config"],
        params["env"],
        params["secrets"],
        params["files"],
    )
    try:
        if module.check_mode:
            predict(module, app)
        with locked(app.layout.lock, f"cutover of {app.layout.name} to release {app.release}"):
            switch(module, app)
    except Busy as error:
        module.fail_json(msg=str(error))
    except CutoverError as error:
        module.fail_json(msg=f"{app.layout.name}: {error}")


if __name__ == "__main__":
    main()
