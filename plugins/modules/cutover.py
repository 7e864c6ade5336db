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
  - Just after the flip the new slot is watched while the old one stands by. When its answers turn bad, the symlink flips back,
    and the module fails.
  - Each step is a line of the journal as it begins, C(journalctl -t slipway), and each outcome one of C(HOME/history.jsonl).
    A release that was refused or rolled back is never chosen for going back, and is removed after the next success.
  - Whatever a killed run left behind is repaired by the next run. A live slot that is damaged (a deleted socket, an edited
    file, a stopped unit) is repaired in the same way as it is replaced, by a cutover.
options:
  state:
    description:
      - V(live) makes the release the one that serves.
      - V(prepared) writes the idle slot's settings and runs O(before_switch) there, and starts nothing.
        A play runs it on one host of a fleet before V(live) on all.
      - V(rolled_back) goes back to a release that served before. It is V(live) but for O(check) and O(before_switch), which
        are not run, and for what O(release) may be.
      - V(returned) has the slot that ran before O(slot) serve again as it stands, with its release, its settings and its server. What
        belongs to settings is not needed then. Nothing happens when O(slot) is not the live one, or none ran before it.
    type: str
    choices: [live, prepared, rolled_back, returned]
    default: live
  slot:
    description: The slot to leave, with O(state=returned).
    type: str
    choices: [blue, green]
    version_added: 1.1.0
  release:
    description:
      - The release's ID, a folder below C(HOME/releases).
      - With O(state=rolled_back) also V(previous), the release that was live before, is still there and has not failed.
      - Needed but with O(state=returned).
    type: str
    default: ''
  service:
    description: Text of the slot's service unit. C(%i) stands for the slot. Needed but with O(state=returned).
    type: str
  socket:
    description: Text of the slot's socket unit. C(%i) stands for the slot. Needed but with O(state=returned).
    type: str
  umbrella:
    description: Text of the unit that an administrator names, C(flask-NAME.service). Needed but with O(state=returned).
    type: str
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
  unfit:
    description:
      - Distributions that these settings do not fit, by name, each with what to write instead. A release that has one installed
        is refused.
    type: dict
    default: {}
  needs:
    description:
      - Distributions that these settings need, by name, each with what to write instead. A release that lacks one is refused, as
        one may be that is to be gone back to and was built for another server.
    type: dict
    default: {}
  workers:
    description: The number of workers that was written, of which the host may be warned.
    type: dict
    suboptions:
      number:
        description: Number of worker processes, V(0) for one that is found out when the server starts.
        type: int
        default: 0
      worker_class:
        description: How a worker handles requests.
        type: str
        default: gthread
      memory:
        description: MiB that one needs.
        type: int
        default: 128
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
      paths:
        description:
          - Further paths that must answer as well, with the same status.
          - Name those that users ask for most; what each worker does but once for them (imports, templates) is then done.
        type: list
        elements: str
        default: []
      status:
        description: Expected status. Without it, V(200) for any path but V(/), for that any below 500.
        type: int
      text:
        description: Text that the body of the answer to O(health.path) must hold.
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
        description:
          - Good answers in a row that are needed for each path of each worker.
          - A worker's first answers are its slowest. Those of the probe are given before users come.
        type: int
        default: 3
      watch:
        description:
          - Seconds for which the new slot is asked again after the flip, while the old one stands by and takes over when
            the answers turn bad, or when none comes for 5 seconds.
          - The first second costs no time, since the old slot has to wait as long for the last connections.
        type: int
        default: 1
      sample:
        description:
          - A measured sample on either side of the cutover, of the slot that serves before it and of the one that serves after it,
            each on its private socket and one request after the other. It goes into C(HOME/history.jsonl). None when not given,
            since it takes its time, at most 10 seconds a side.
        type: dict
        suboptions:
          requests:
            description: Number of requests on each side.
            type: int
            default: 50
          paths:
            description: Paths to ask for in turn by GET, O(health.path) when not given.
            type: list
            elements: str
            default: []
  drain:
    description: Seconds that requests in flight in the old slot may take to end, counted from the flip.
    type: int
    default: 30
  keep_releases:
    description:
      - Complete releases to keep, newest first. Those that a slot points at are kept whatever the number, those that failed
        are not.
    type: int
    default: 5
  reversible:
    description:
      - Whether one may go back behind this release. V(false) for one whose O(before_switch) changed a database so that older
        releases cannot work with it.
    type: bool
    default: true
  mode:
    description:
      - V(slots) runs the new slot beside the old one, which needs memory for both.
      - V(restart) stops the old server before the new one starts. No request is lost and a release that does not come up gets
        none, but requests wait in the old slot's socket for as long as the old server needs to end what it has begun and the
        new one to become healthy, or the old one to come up again. O(check) still loads the app once beside the old server.
    type: str
    choices: [slots, restart]
    default: slots
  force:
    description: Go back even behind a release that was declared not reversible.
    type: bool
    default: false
extends_documentation_fragment: [slipway.flask.app]
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
      watch: 10

- name: Have the slot serve again that ran before the green one
  slipway.flask.cutover:
    name: hello
    state: returned
    slot: green

- name: Go back to the release that served before
  slipway.flask.cutover:
    name: hello
    state: rolled_back
    release: previous
    service: "{{ lookup('ansible.builtin.template', 'service.j2') }}"
    socket: "{{ lookup('ansible.builtin.template', 'socket.j2') }}"
    umbrella: "{{ lookup('ansible.builtin.template', 'umbrella.j2') }}"
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
previous:
  description: ID of the release that served before the run, empty when none did.
  returned: success
  type: str
  sample: 0d1e2f3a4b5c
seconds:
  description: How long each step took.
  returned: when a cutover took place
  type: dict
  sample: {"check": 0.6, "start": 0.5, "probe": 0.3, "watch": 1.0, "drain": 0.2}
"""

import contextlib
import os
import re
import syslog
import time
from collections.abc import Iterator

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.flask.plugins.module_utils import sizing
from ansible_collections.slipway.flask.plugins.module_utils.atomic import read
from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.health import Probe
from ansible_collections.slipway.flask.plugins.module_utils.history import LIVE, REFUSED, ROLLED_BACK, History
from ansible_collections.slipway.flask.plugins.module_utils.layout import SLOTS, UNITS, Layout, other_than
from ansible_collections.slipway.flask.plugins.module_utils.lock import Busy, locked
from ansible_collections.slipway.flask.plugins.module_utils.measure import Sample
from ansible_collections.slipway.flask.plugins.module_utils.rollback import choose
from ansible_collections.slipway.flask.plugins.module_utils.signals import Interrupted, attended, heed_signals
from ansible_collections.slipway.flask.plugins.module_utils.slots import App

HEALTH = {
    "path": {"type": "str"},
    "paths": {"type": "list", "elements": "str", "default": []},
    "status": {"type": "int"},
    "text": {"type": "str", "default": ""},
    "host": {"type": "str", "default": "localhost"},
    "timeout": {"type": "int", "default": 60},
    "successes": {"type": "int", "default": 3},
    "watch": {"type": "int", "default": 1},
    "sample": {
        "type": "dict",
        "options": {
            "requests": {"type": "int", "default": 50},
            "paths": {"type": "list", "elements": "str", "default": []},
        },
    },
}
WORKERS = {
    "number": {"type": "int", "default": 0},
    "worker_class": {"type": "str", "default": "gthread"},
    "memory": {"type": "int", "default": sizing.WORKER_MEMORY},
}
ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "default": "/srv"},
    "state": {"type": "str", "choices": ["live", "prepared", "rolled_back", "returned"], "default": "live"},
    "slot": {"type": "str", "choices": list(SLOTS)},
    "release": {"type": "str", "default": ""},
    "service": {"type": "str"},
    "socket": {"type": "str"},
    "umbrella": {"type": "str"},
    "config": {"type": "dict", "default": {}},
    "env": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "files": {"type": "dict", "default": {}, "no_log": True},
    "unfit": {"type": "dict", "default": {}},
    "needs": {"type": "dict", "default": {}},
    "workers": {"type": "dict", "options": WORKERS, "apply_defaults": True},
    "check": {"type": "list", "elements": "str", "default": []},
    "before_switch": {"type": "list", "elements": "raw", "default": []},
    "before_switch_timeout": {"type": "int", "default": 900},
    "health": {"type": "dict", "options": HEALTH, "apply_defaults": True},
    "drain": {"type": "int", "default": 30},
    "keep_releases": {"type": "int", "default": 5},
    "reversible": {"type": "bool", "default": True},
    "mode": {"type": "str", "choices": ["slots", "restart"], "default": "slots"},
    "force": {"type": "bool", "default": False},
}
# A message of Python's that names an exception. Its class is no secret, its text may hold one.
_EXCEPTION = re.compile(r"(?:[a-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|NotFound))\b")


class Refused(Exception):
    """The run ends here and has failed. ``what`` holds no secret; ``detail`` is for the one who runs it alone."""

    def __init__(self, what: str, error: CutoverError, detail: str = "") -> None:
        exceptions = [match[1] for match in map(_EXCEPTION.match, error.journal) if match]
        self.why = f"{what}: {error}" + (f" ({exceptions[-1]})" if exceptions else "")
        self.detail, self.journal = detail, error.journal
        super().__init__(self.why)


class Run:
    """One run for an app. Each of its steps is a line of the journal as it begins, and seconds of the result."""

    def __init__(self, params: dict, app: App) -> None:
        self.params, self.app, self.seconds = params, app, {}
        self.history = History(app.layout.history)
        self.live, self.slot, self.outcome, self.tidied = app.live_slot(), "", REFUSED, []
        self.previous = app.release_of(self.live) if self.live else ""
        self.health = {key: value for key, value in params["health"].items() if key != "sample"}
        self.sample: dict[str, dict] = {}
        self.fits = True

    def tell(self, text: str) -> None:
        """A line of the journal: ``journalctl -t slipway``."""
        syslog.openlog("slipway", syslog.LOG_PID)
        syslog.syslog(f"{self.app.layout.name}: {text}")

    def step(self, name: str, work, *arguments):
        self.tell(f"cutover to {self.app.release}: step {name}")
        start = time.monotonic()
        try:
            return work(*arguments)
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0) + time.monotonic() - start, 2)

    @contextlib.contextmanager
    def stage(self, what: str, detail: str = "") -> Iterator[None]:
        """A part of the run that says what it means when it fails."""
        try:
            yield
        except (CutoverError, OSError) as error:
            raise Refused(
                what, error if isinstance(error, CutoverError) else CutoverError(str(error)), detail
            ) from error

    @property
    def goes_back(self) -> bool:
        return self.params["state"] == "rolled_back" or self.returns

    @property
    def returns(self) -> bool:
        return self.params["state"] == "returned"

    @property
    def serves(self) -> bool:
        return self.params["state"] != "prepared"

    def settles(self, reasons: list[str]) -> bool:
        """Whether what belongs to the live slot is recorded and put in order. Where there is nothing to return from, it is left alone."""
        return self.serves and bool(reasons or not self.returns)

    def choose(self) -> None:
        """In going back, have the release to go back to, or :class:`CutoverError`."""
        there, asked = self.app.complete(), self.params["release"]
        if self.returns:
            slot = self.live and (other_than(self.live) if self.leaves else self.live)
            self.app.release = self.app.release_of(slot) if slot else ""
            return
        self.app.release = choose(asked, self.previous, there, self.history, self.params["force"])

    def reasons(self) -> list[str]:
        """Why the live slot must be replaced."""
        if self.returns:
            return [f"back from slot {self.live}"] if self.leaves else []
        return self.app.faults(self.live) if self.live else ["nothing serves this app yet"]

    @property
    def leaves(self) -> bool:
        """Whether there is something to return from, and to."""
        return self.live == self.params["slot"] and self.app.release_of(other_than(self.live)) in self.app.complete()

    def fit(self) -> None:
        """Have a release that the settings fit, or :class:`Refused`."""
        self.fits = False
        for distribution, write in self.params["needs"].items():
            with self.stage(f"release {self.app.release} does not fit its settings"):
                if not self.app.has(distribution):
                    raise CutoverError(f"{distribution} is not installed; {write}")
        for distribution, write in self.params["unfit"].items():
            with self.stage(f"release {self.app.release} does not fit its settings"):
                if self.app.has(distribution):
                    raise CutoverError(f"{distribution} is installed; {write}")
        self.fits = True

    # The cutover

    def prepare(self, idle: str) -> None:
        """Write the idle slot and run what must run before anything of the new release serves."""
        if self.app.busy(idle):
            with self.stage(f"what runs in slot {idle} could not be stopped"):
                self.step("stop_leftover", self.app.retire, idle, self.params["drain"])
        if self.returns:
            return
        with self.stage(f"slot {idle} could not be written"):
            self.step("prepare", self.app.prepare, idle)
        for command in self.params["before_switch"] if not self.goes_back else []:
            argv = ["/bin/sh", "-c", command] if isinstance(command, str) else [str(word) for word in command]
            with self.stage("a command before the switch failed", f"The command was {command!r}."):
                self.step("before_switch", self.app.in_sandbox, idle, argv, self.params["before_switch_timeout"])

    def cut_over(self, idle: str) -> None:
        """The steps from a prepared idle slot to the slot that serves."""
        app, probe, socket = self.app, Probe(**self.health), self.app.layout.socket_path(idle)
        if self.params["check"] and not self.goes_back:
            check = [word.replace("%i", idle) for word in self.params["check"]]
            with self.stage(f"release {app.release} does not load"), attended():
                self.step("check", app.in_sandbox, idle, check, probe.timeout, True)
        if self.live:
            self.take_sample("before", self.live)
        vitals = app.vitals(idle)
        with self.stage(f"release {app.release} did not come up in slot {idle}"), self.room(idle), app.trial(idle):
            deadline = time.monotonic() + probe.timeout
            with attended():
                self.step("start", app.start, idle, probe.timeout)
                # What serves comes first.
                with app.giving_way(idle) if self.live and not self.alone else contextlib.nullcontext(_eased) as ease:
                    self.step("probe", probe.wait, socket, vitals, deadline, ease)
            # Enabled before the flip: whenever the host reboots, the slot that the symlink names comes back.
            self.step("enable", app.enable, idle)
            self.step("flip", app.flip, idle)
        if self.live:  # Or nothing could take over again.
            since = time.time()
            try:
                self.step("watch", probe.watch_over, socket, vitals)
            except CutoverError as error:
                error.journal = app.journal(idle, since)
                self.flip_back(idle, error)
        self.take_sample("after", idle)

    def take_sample(self, side: str, slot: str) -> None:
        """Measure what serves, if that is asked for. However it answers, that alone refuses no release."""
        if asked := self.params["health"].get("sample"):
            paths = asked["paths"] or [self.health.get("path") or "/"]
            sample = Sample(asked["requests"], paths, self.health.get("host") or "localhost")
            with contextlib.suppress(CutoverError, OSError):
                self.sample[side] = self.step(f"sample_{side}", self.app.sampled, slot, sample)

    @contextlib.contextmanager
    def room(self, idle: str) -> Iterator[None]:
        """In mode restart, the old server is stopped meanwhile, and what waits is handed to the one that then serves."""
        if not self.alone:
            yield
            return
        try:
            self.step("hold", self.app.hold, self.live, self.params["drain"])
            yield
        except BaseException:
            if not self.app.is_active(idle):
                self.step("resume", self.app.resume, self.live)
            raise
        self.step("forward", self.app.forward, self.live, idle)

    @property
    def alone(self) -> bool:
        return self.params["mode"] == "restart" and bool(self.live)

    def flip_back(self, slot: str, error: CutoverError) -> None:
        """Let the old slot take over again, and raise."""
        what = f"release {self.app.release} failed just after the switch"
        if not self.live or not self.app.stands(self.live):
            raise Refused(what, error, "No other slot stands by, so it was left as it is.")
        self.outcome = ROLLED_BACK
        with self.stage(f"{what}, and so did going back"):
            if self.alone:
                self.step("hold_back", self.app.hold, slot, self.params["drain"])
                self.step("resume", self.app.resume, self.live)
            self.step("flip_back", self.app.flip, self.live)
            if self.alone:
                self.step("forward_back", self.app.forward, slot, self.live)
            self.step("drain_back", self.app.retire, slot, self.params["drain"])
        raise Refused(what, error)

    def switch(self) -> dict:
        """Do it; what the module returns."""
        if self.goes_back:
            self.choose()
        elif self.app.release not in self.app.complete():
            raise CutoverError(f"release {self.app.release} is not on this host; build it with slipway.flask.release")
        reasons, self.slot, diff = self.reasons(), self.live, []
        if reasons:
            self.slot = other_than(self.live)
            diff = self.diff()
            self.fit()
            self.prepare(self.slot)
            if self.serves:
                self.cut_over(self.slot)
        if self.settles(reasons):
            with self.stage("the switch is done, but not all that belongs to it"):
                self.record()
                keep, failed = self.params["keep_releases"], self.history.failed()
                for name, told, work in self.app.disorder(self.slot, self.params["drain"], keep, failed):
                    self.step(name, work)
                    self.tidied.append(told)
        changed = bool(reasons or self.tidied)
        return {"changed": changed, "reasons": reasons, "diff": diff, **self.found(), "seconds": self.seconds}

    def diff(self) -> list[dict]:
        """What changes, as texts. With a slot that serves again as it stands, its release."""
        if not self.returns:
            return diff_of(self.app, self.live, self.slot)
        return [
            {
                "header": self.app.layout.home,
                "before": f"release {self.previous}\n",
                "after": f"release {self.app.release}\n",
            }
        ]

    def found(self) -> dict:
        return {"release": self.app.release, "slot": self.slot, "previous": self.previous, "tidied": self.tidied}

    def predict(self) -> dict:
        """What a run would return."""
        if self.goes_back:
            self.choose()
        reasons, self.slot = self.reasons(), self.live
        diff = []
        if reasons:
            self.slot = other_than(self.live)
            diff = self.diff()
        elif self.settles(reasons):
            keep, failed = self.params["keep_releases"], self.history.failed()
            self.tidied = [told for name, told, work in self.app.disorder(self.slot, 0, keep, failed)]
        return {"changed": bool(reasons or self.tidied), "reasons": reasons, "diff": diff, **self.found()}

    # What is remembered

    def record(self) -> None:
        """Remember that the release is live, unless it is known. A run that was killed after its flip is made up for so."""
        served = [entry for entry in self.history.entries() if entry["outcome"] == LIVE]
        last = served[-1] if served else {}
        known = (last.get("release"), last.get("slot")) == (self.app.release, self.slot)
        if known and self.app.release not in self.history.failed():
            return
        self.previous = self.previous if self.previous != self.app.release else last.get("release", "")
        self._add(LIVE, "")
        self.tell(f"release {self.app.release} serves from slot {self.slot}")

    def refuse(self, error: Refused) -> str:
        """Remember why the release does not serve; the message for the one who runs this."""
        app, live = self.app, self.app.live_slot()
        if live != self.slot:
            self._add(self.outcome, error.why)
        self.tell(f"release {app.release} was {self.outcome if live != self.slot else 'left'}: {error.why}")
        untouched = ", untouched" if self.outcome == REFUSED and live == self.live and not self.alone else ""
        serving = (
            f"Release {app.release_of(live)} {'still serves' if live == self.live else 'serves'} from slot {live}{untouched}."
            if live
            else "Nothing serves this app yet."
        )
        lines = ["Last lines:", *error.journal] if error.journal else []
        said = [f"{app.layout.name}: {error.why}.", *([error.detail] if error.detail else []), serving, *lines]
        return "\n".join(said)

    def _add(self, outcome: str, why: str) -> None:
        declared = self.params["reversible"] if not self.goes_back else self.history.reversible(self.app.release)
        try:
            self.history.add(
                release=self.app.release, slot=self.slot, outcome=outcome, previous=self.previous, reversible=declared,
                rollback=self.goes_back, why=" ".join(why.split())[:500], **self.measured(outcome),
                **({} if self.fits else {"fits": False}),
            )  # fmt: skip
        except OSError as error:
            self.tell(f"the history could not be written: {error}")

    def measured(self, outcome: str) -> dict:
        """How long a release that serves took to come up, and the samples that were asked for."""
        if outcome != LIVE or "probe" not in self.seconds:
            return {}
        boot = round(self.seconds.get("start", 0) + self.seconds["probe"], 2)
        return {"boot": boot, **({"sample": self.sample} if self.sample else {})}


def _eased(over: bool) -> None:
    """For a server that gives way to nobody."""


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


def action(params: dict, app: App) -> str:
    """What it does, for who finds the app locked."""
    name, state = app.layout.name, params["state"]
    if state == "returned":
        return f"return of {name} from slot {params['slot']}"
    return f"{'rollback' if state == 'rolled_back' else 'cutover'} of {name} to release {app.release}"


def main() -> None:
    needed = ["release", "service", "socket", "umbrella"]
    module = AnsibleModule(
        ARGUMENTS,
        supports_check_mode=True,
        required_if=[["state", state, needed] for state in ("live", "prepared", "rolled_back")]
        + [["state", "returned", ["slot"]]],
    )
    params = module.params
    layout = Layout(params["name"], params["root"])
    if params["state"] == "returned":
        # As it stands.
        with contextlib.suppress(OSError):
            params["umbrella"] = read(os.path.join(UNITS, layout.umbrella)).text
    app = App(
        layout,
        params["release"],
        params["service"],
        params["socket"],
        params["umbrella"],
        params["config"],
        params["env"],
        params["secrets"],
        params["files"],
    )
    asked = params["workers"]
    overload = sizing.overload(asked["number"], asked["worker_class"], asked["memory"])
    if overload:
        module.warn(f"{params['name']}: workers: {overload}")
    heed_signals()
    try:
        if module.check_mode:
            module.exit_json(**Run(params, app).predict())
        with locked(app.layout.lock, action(params, app)):
            run = Run(params, app)
            try:
                result = run.switch()
            except Refused as error:
                module.fail_json(msg=run.refuse(error))
            except Interrupted as error:
                run.tell(f"cutover to {app.release} was ended by {error}")
                module.fail_json(
                    msg=f"{app.layout.name}: ended by {error}. Run this again; what serves is one whole release."
                )
        module.exit_json(**result)
    except Busy as error:
        module.fail_json(msg=str(error))
    except (CutoverError, OSError) as error:
        module.fail_json(msg=f"{app.layout.name}: {error}")


if __name__ == "__main__":
    main()
