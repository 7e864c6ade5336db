#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: tune
short_description: Find an app's best worker class, number of workers and threads by measuring them in its idle slot
version_added: 1.2.0
author:
  - slipway contributors (@slipway)
description:
  - Runs the live release with the live settings in the idle slot, but for the worker class, the number of workers and that of threads,
    and asks it on its private socket. What serves is neither asked nor changed, and comes first - servers and load have the lowest
    priority there is, and end when memory runs out.
  - Climbs from the settings that serve along one setting after the other, measures the best few again for longer, and recommends
    the leanest of those that give the most requests a second and keep the limits. With the action's O(report) the recommendation is
    written as YAML, what it rests on as JSON and as a page with a plot.
  - It holds the app's lock meanwhile, as a deploy does. Afterwards the idle slot is as it was. When the run is killed, the next deploy puts
    the slot in order, and a server that was left ends by itself. Each measurement is a line of the journal, C(journalctl -t slipway).
  - Reports a change where it asked by other methods than GET and HEAD, since these write to the app's own data.
  - The settings are those of the server that serves, Gunicorn, uWSGI or Granian; the other two are not in its release.
options:
  search:
    description: How to search, and for what. The playbook takes it from C(slipway_tune).
    type: dict
    suboptions:
      requests:
        description: What to ask for. An answer of 400 or above, or none, is an error, and settings that have any are not recommended.
        type: list
        elements: dict
        default: [{path: /}]
        suboptions:
          path:
            description: Path, with a query if there is one.
            type: str
            required: true
          method:
            description: Method. One that writes does write, into the app's own data.
            type: str
            choices: [GET, HEAD, POST, PUT, PATCH, DELETE]
            default: GET
          weight:
            description: How often, beside the others.
            type: int
            default: 1
          headers:
            description: Further headers, such as a cookie.
            type: dict
            default: {}
          body:
            description: The request's body.
            type: str
            default: ''
          json:
            description: The body as a value, sent as JSON.
            type: raw
      clients:
        description: How many ask at once, each again when it was answered.
        type: int
        default: 32
      seconds:
        description: How long the best few are asked, the others half as long.
        type: int
        default: 4
      most:
        description: Requests after which a measurement ends earlier.
        type: int
        default: 20000
      minutes:
        description: Minutes after which the best so far is taken.
        type: int
        default: 5
      p99:
        description: Milliseconds that the slowest hundredth of answers may take while all clients ask. No bound when not given.
        type: int
      memory:
        description:
          - Memory in MiB that the server may take. When not given half of what is free, and what the unit is bound to (C(MemoryMax))
            if that is less.
        type: int
      classes:
        description:
          - Classes of workers to try. When not given the live one and, where that is V(gthread), V(sync), and V(gevent) if the release has
            it installed. An app that has V(sync) or V(gevent) may need it, so that nothing else is tried unless it is named here.
        type: list
        elements: str
        choices: [sync, gthread, gevent, asgi]
      max_workers:
        description: Most workers to try. When not given three for each processor and two to spare.
        type: int
      max_threads:
        description: Most threads of a worker to try.
        type: int
        default: 64
      nice:
        description:
          - How far servers and load give way to what serves, as C(nice) counts. V(0) where nothing serves users yet and other work
            keeps the host from idling, which would otherwise leave nothing to measure with.
        type: int
        default: 19
      most_busy:
        description: Percent of the host's processors at work above which it is refused.
        type: int
        default: 50
  sticky:
    description: Whether it may have one worker alone. When not given, as Socket.IO wants it where C(python-engineio) is installed.
    type: bool
  health:
    description: What a server must answer before it is measured.
    type: dict
    suboptions:
      path:
        description: Path to ask for, V(/) when not given.
        type: str
      status:
        description: Expected status. Without it, V(200) for any path but V(/), for that any below 500.
        type: int
      text:
        description: Text that the answer must hold.
        type: str
        default: ''
      host:
        description: Host header of all requests.
        type: str
        default: localhost
      timeout:
        description: Seconds to wait for a server to become healthy.
        type: int
        default: 60
  cutover:
    description: The app's key of that name. V(restart) says that the host does not hold two servers, so it is refused.
    type: str
    choices: [slots, restart]
    default: slots
  confirm:
    description: Do it even where it may harm.
    type: bool
    default: false
  report:
    description: >-
      Path on the controller, to which C(.yml), C(.json) and C(.html) are added. Nothing is written when it is empty.
    type: str
    default: ''
extends_documentation_fragment: [slipway.flask.app]
attributes:
  check_mode:
    support: full
    description: Checks whether it may run, and measures nothing.
  diff_mode:
    support: none
    description: Leaves the host as it was, so there is nothing to show.
"""

EXAMPLES = r"""
- name: Find better settings
  slipway.flask.tune:
    name: hello
    search:
      requests:
        - {path: /, weight: 3}
        - {path: /api/entries}
      p99: 300
      memory: 512
    report: tune/hello
  register: tuned
"""

RETURN = r"""
recommendation:
  description: Keys of the app's mapping. Empty where no settings keep the limits.
  returned: when something was measured
  type: dict
  sample: {worker_class: gthread, workers: 3, threads: 16}
current:
  description: The settings that serve.
  returned: success
  type: dict
  sample: {worker_class: gthread, workers: 3, threads: 4}
best:
  description: The settings to recommend, or those that came nearest to the limits, and what was measured of them.
  returned: when something was measured
  type: dict
gain:
  description: Rate of the best settings, the current one's being 1.
  returned: when both were measured
  type: float
  sample: 1.31
measured:
  description:
    - All that was measured, in order. C(worker_class), C(workers), C(threads), C(rate) (requests a second), C(p50), C(p95) and C(p99)
      (milliseconds), C(requests), C(errors), C(memory) (bytes), C(boot) (seconds until it was healthy) and C(broken), which limit it does
      not keep.
  returned: when something was measured
  type: list
  elements: dict
limits:
  description: Memory in bytes, and p99 in milliseconds.
  returned: success
  type: dict
  sample: {memory: 536870912, p99: 300}
grid:
  description: How many settings there are to choose from.
  returned: success
  type: int
  sample: 63
seconds:
  description: How long it took.
  returned: when something was measured
  type: float
  sample: 68.2
ended_early:
  description: Whether the time or the number of measurements was up before the search was at its end.
  returned: when something was measured
  type: bool
release:
  description: The release that was measured, the live one.
  returned: success
  type: str
"""

import json
import re
import syslog
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.flask.plugins.module_utils import sizing
from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout
from ansible_collections.slipway.flask.plugins.module_utils.lock import Busy, locked
from ansible_collections.slipway.flask.plugins.module_utils.measure import request, writing
from ansible_collections.slipway.flask.plugins.module_utils.search import (
    Candidate,
    Limits,
    Search,
    Space,
    doubles,
    ladder,
)
from ansible_collections.slipway.flask.plugins.module_utils.signals import Interrupted, attended, heed_signals
from ansible_collections.slipway.flask.plugins.module_utils.trials import Trials, busy_share, meminfo

CLASSES = ["sync", "gthread", "gevent", "asgi"]
REQUEST = {
    "path": {"type": "str", "required": True},
    "method": {"type": "str", "choices": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], "default": "GET"},
    "weight": {"type": "int", "default": 1},
    "headers": {"type": "dict", "default": {}, "no_log": True},
    "body": {"type": "str", "default": ""},
    "json": {"type": "raw"},
}
HEALTH = {
    "path": {"type": "str"},
    "status": {"type": "int"},
    "text": {"type": "str", "default": ""},
    "host": {"type": "str", "default": "localhost"},
    "timeout": {"type": "int", "default": 60},
}
SEARCH = {
    "requests": {"type": "list", "elements": "dict", "options": REQUEST, "default": [{"path": "/"}]},
    "clients": {"type": "int", "default": 32},
    "seconds": {"type": "int", "default": 4},
    "most": {"type": "int", "default": 20000},
    "minutes": {"type": "int", "default": 5},
    "p99": {"type": "int"},
    "memory": {"type": "int"},
    "classes": {"type": "list", "elements": "str", "choices": CLASSES},
    "max_workers": {"type": "int"},
    "max_threads": {"type": "int", "default": 64},
    "nice": {"type": "int", "default": 19},
    "most_busy": {"type": "int", "default": 50},
}
ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "default": "/srv"},
    "search": {"type": "dict", "options": SEARCH, "apply_defaults": True},
    "sticky": {"type": "bool"},
    "health": {"type": "dict", "options": HEALTH, "apply_defaults": True},
    "cutover": {"type": "str", "choices": ["slots", "restart"], "default": "slots"},
    "confirm": {"type": "bool", "default": False},
    "report": {"type": "str", "default": ""},
}
BOUNDS = {
    "clients": (1, 1000), "seconds": (1, 60), "most": (10, 1_000_000), "minutes": (1, 60), "max_threads": (1, 1000),
    "max_workers": (1, 256), "p99": (1, 600_000), "memory": (16, 1 << 24), "most_busy": (0, 100), "nice": (0, 19),
}  # fmt: skip
PATIENCE = 10


def errors_of(params: dict) -> list[str]:
    """What is wrong with the settings of the search."""
    errors = []
    for key, (least, most) in BOUNDS.items():
        if params[key] is not None and not least <= params[key] <= most:
            errors.append(f"slipway_tune.{key}: expected a number from {least} to {most}, found {params[key]}")
    for one in params["requests"]:
        if not re.fullmatch("/[!-~]*", one["path"]):
            errors.append(
                f"slipway_tune.requests: expected a path that begins with / and holds no blank, found {one['path']!r}"
            )
        if not 1 <= one["weight"] <= 100:
            errors.append(f"slipway_tune.requests: expected a weight from 1 to 100, found {one['weight']}")
        if any(re.search(r"[\r\n]", f"{name}{value}") for name, value in one["headers"].items()):
            errors.append("slipway_tune.requests: expected headers without line breaks")
    if not params["requests"]:
        errors.append("slipway_tune.requests: expected at least one, found none; write requests: [{path: /}]")
    return errors


def turns(requests: list[dict], host: str) -> list[bytes]:
    """The requests as they go over the wire, each as often as its weight says and spread evenly."""
    spread = []
    for one in requests:
        body, headers = one["body"], {}
        if one["json"] is not None:
            body, headers = json.dumps(one["json"]), {"Content-Type": "application/json"}
        content = request(one["path"], host, one["method"], {**headers, **one["headers"]}, body)
        spread += [((number + 0.5) / one["weight"], content) for number in range(one["weight"])]
    return [content for dummy, content in sorted(spread, key=lambda pair: pair[0])]


def space(params: dict, trials: Trials) -> Space:
    """What may be tried with this app on this host."""
    live = trials.current().worker_class
    classes = params["classes"] or [live]
    if not params["classes"] and live == "gthread":
        greenlets = trials.config_name == "gunicorn.conf.py" and trials.has("gevent")
        classes = ["gthread", "sync", *(["gevent"] if greenlets else [])]
    if trials.config_name != "gunicorn.conf.py" and (live == "gevent") != ("gevent" in classes):
        raise CutoverError(f"slipway_tune.classes: of this server {live} can be tried and not {', '.join(classes)}")
    if (live == "asgi") != ("asgi" in classes) or ("asgi" in classes and len(set(classes)) > 1):
        raise CutoverError(
            f"slipway_tune.classes: an ASGI app runs under asgi alone, no other does, found {', '.join(classes)} for one under {live}"
        )
    if "gevent" in classes and not trials.has("gevent"):
        raise CutoverError(
            "slipway_tune.classes: expected classes that the release has, found gevent, which is not installed in it"
        )
    most = params["max_workers"] or 3 * sizing.cpus() + 2
    alone = trials.has("python-engineio") if params["sticky"] is None else params["sticky"]
    return Space(tuple(classes), (1,) if alone else ladder(most), doubles(params["max_threads"]))


def limits(params: dict, trials: Trials) -> Limits:
    """What the server may take. ``memory`` is the user's, or half of what is free and no more than the unit may have."""
    free, text = meminfo()["MemAvailable"], "\n".join(file.text for file in trials.served.values())
    most = free // 2
    for number, unit in re.findall(r"^MemoryMax=([\d.]+)([KMGT%])$", text, re.MULTILINE):
        shift = {"K": 10, "M": 20, "G": 30, "T": 40}
        bound = float(number) * (1 << shift[unit] if unit in shift else meminfo()["MemTotal"] / 100)
        most = min(most, int(bound))
    return Limits(params["memory"] << 20 if params["memory"] else most, params["p99"])


def harms(params: dict, trials: Trials, kept: Limits) -> list[str]:
    """Why a load may harm what is on this host."""
    found = []
    if params["cutover"] == "restart":
        found.append("cutover is restart, so the host is not to hold two servers of it")
    free, takes = meminfo()["MemAvailable"], trials.memory_of_live()
    if free // 2 < max(takes, min(kept.memory, 64 << 20)):
        found.append(f"{free >> 20} MiB of memory are free, and the app takes {takes >> 20}")
    busy = busy_share()
    if 100 * busy > params["most_busy"]:
        found.append(f"its processors are busy by {100 * busy:.0f} %, more than {params['most_busy']}")
    return found


def as_keys(candidate: Candidate) -> dict:
    """Keys of an app's mapping."""
    keys = {"worker_class": candidate.worker_class, "workers": candidate.workers}
    return {**keys, "threads": candidate.threads} if candidate.worker_class == "gthread" else keys


class Tuning:
    """One search."""

    def __init__(self, params: dict, trials: Trials) -> None:
        self.params, self.trials = params, trials
        self.contents = turns(params["requests"], params["health"]["host"])
        self.measured: list[dict] = []
        self.begun = time.monotonic()

    def tell(self, text: str) -> None:
        syslog.openlog("slipway", syslog.LOG_PID)
        syslog.syslog(f"{self.trials.layout.name}: tune: {text}")

    def measure(self, candidate: Candidate, share: float) -> dict:
        """What a candidate gives. One that does not come up has failed once."""
        self.tell(f"trying {candidate}")
        load = {"clients": self.params["clients"], "most": self.params["most"], "patience": PATIENCE, "warm": 0.5}
        try:
            found = self.trials.measured(
                candidate, self.contents, seconds=max(1.0, share * self.params["seconds"]), **load
            )
        except CutoverError as error:
            found = {"requests": 1, "errors": 1, "rate": 0.0, "p50": None, "p95": None, "p99": None, "memory": 0}
            found |= {"boot": None, "why": str(error)}
        self.tell(f"{candidate}: {found['rate']} requests/s, p99 {found['p99']} ms, {found['memory'] >> 20} MiB")
        self.measured.append({**as_keys(candidate), **found, "share": share})
        return found

    def over(self) -> bool:
        return time.monotonic() - self.begun > 60 * self.params["minutes"]

    def run(self, spaces: Space, kept: Limits) -> dict:
        """What the module returns."""
        search, current = Search(spaces, kept, self.measure, self.over), self.trials.current()
        best = search.run(current)
        for one in self.measured:
            one["broken"] = kept.broken(one)
        found, before = search.results[best], search.results.get(current)
        answer = {
            "recommendation": as_keys(best) if not found["broken"] else {},
            "best": {**as_keys(best), **found},
            "measured": self.measured,
            "seconds": round(time.monotonic() - self.begun, 1),
            "ended_early": search.ended_early,
        }
        if before and before["rate"]:
            answer["gain"] = round(found["rate"] / before["rate"], 2)
        return answer


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    params = {**module.params, **module.params["search"]}
    if errors := errors_of(params):
        module.fail_json(msg="\n".join(["This cannot be searched for; nothing was measured.", *errors]))
    layout = Layout(params["name"], params["root"])
    heed_signals()
    try:
        # Beyond the search's own bound one measurement, and the last few.
        trials = Trials(
            layout, params["health"], 60 * params["minutes"] + 6 * (params["seconds"] + PATIENCE + 60), params["nice"]
        )
        spaces, kept = space(params, trials), limits(params, trials)
        found = {
            "changed": False,
            "current": as_keys(trials.current()),
            "limits": {"memory": kept.memory, "p99": kept.p99},
            "grid": sum(1 for one in spaces.grid()),
            "release": trials.release,
        }
        harm = harms(params, trials, kept) if not params["confirm"] else []
        if harm:
            module.fail_json(
                msg=f"{layout.name}: a load may do harm here; nothing was measured.\n"
                + "\n".join(harm)
                + "\nWrite slipway_tune_confirm: true (the module's confirm) to do it all the same."
            )
        if module.check_mode:
            module.exit_json(**found)
        with locked(layout.lock, f"tune of {layout.name}"), attended(), trials.borrowed():
            found |= Tuning(params, trials).run(spaces, kept) | {"changed": bool(writing(params["requests"]))}
        module.exit_json(**found)
    except Interrupted as error:
        module.fail_json(msg=f"{layout.name}: ended by {error}. The idle slot is as it was.")
    except Busy as error:
        module.fail_json(msg=str(error))
    except (CutoverError, OSError) as error:
        last = "\n".join(getattr(error, "journal", []))
        module.fail_json(msg=f"{layout.name}: {error}\n{last}".strip())


if __name__ == "__main__":
    main()
