#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: bench
short_description: Measure how an app answers on its host, as it serves or as it would be served otherwise
version_added: 1.2.0
author:
  - slipway contributors (@slipway)
description:
  - Makes one bounded load with C(wrk), and measures memory, processors and the time to the first byte meanwhile.
  - What serves is asked, and never changed. Each other way of serving is started for the measurement by transient units, as the app's
    user in its sandbox with its own release, settings and environment, and is gone when the module ends.
  - Clients ask in a closed loop, each one for the next thing when it has its answer.
  - Reports a change where it asked by other methods than GET and HEAD, since these write to the app's own data.
options:
  measure:
    description:
      - V(look) makes no load. It tells what serves on which host, and whether others use it.
      - V(serving) is the app as it serves, by way of Nginx.
      - V(outside) is the same, asked from this host and served by another, of which nothing is looked at here.
      - V(watch) makes no load. It measures memory and processors of what serves for O(seconds), while another host asks.
      - V(development) is Flask's own development server.
      - V(server) is the app's server with its settings, asked directly on loopback.
      - V(nginx) is that behind Nginx, V(cache) with answers kept for a second, and V(static) a static file of the release.
    type: str
    choices: [look, serving, outside, watch, development, server, nginx, cache, static]
    required: true
  address:
    description: Address that what serves is asked at.
    type: str
    default: 127.0.0.1
  port:
    description: Port that what serves is asked at.
    type: int
    default: 80
  tls:
    description: Whether it is asked by TLS. Whose certificate it is does not matter.
    type: bool
    default: false
  domains:
    description: The app's host names, the first of which is asked for.
    type: list
    elements: str
    required: true
  wsgi:
    description: What the app is served as, which the development server needs.
    type: str
    default: ''
  requests:
    description:
      - What is asked for, as M(slipway.flask.bench_plan) packed it, since headers and bodies may hold what no log of the host should.
      - A load beside what serves takes those that have the method GET.
    type: str
    default: ''
  writes:
    description: Whether ways beside what serves are asked by other methods than GET, too. They have the app's own data.
    type: bool
    default: false
  static:
    description: Path of the static file; when not given the one that is nearest in size to the first answer.
    type: str
    default: ''
  clients:
    description: Connections that ask at the same time.
    type: int
    default: 32
  seconds:
    description: Seconds that a load lasts.
    type: int
    default: 10
  most:
    description: Most requests of one load, which then ends.
    type: int
    default: 500000
  timeout:
    description: Seconds after which an answer counts as lost.
    type: int
    default: 10
extends_documentation_fragment: [slipway.flask.app]
attributes:
  check_mode:
    support: partial
    description: Can run in check mode.
    details: Makes no load in check mode and returns nothing but what O(measure=look) does.
  diff_mode:
    support: none
    description: Changes nothing but what the app itself does with requests that write, so there is nothing to show.
"""

EXAMPLES = r"""
- name: Load what serves for ten seconds
  slipway.flask.bench:
    name: hello
    measure: serving
    domains: [www.example.com]
    requests: "{{ slipway_plan.packed }}"
"""

RETURN = r"""
found:
  description: What serves, and on what.
  returned: O(measure=look)
  type: dict
  contains:
    slot:
      description: The live slot.
      type: str
    release:
      description: ID of its release.
      type: str
    visitors:
      description: Requests for the app in the last ten minutes that did not come from the host itself. Nothing where no log tells.
      type: int
    machine:
      description: Processors, memory in MiB, system and versions.
      type: dict
measured:
  description: What was measured. Empty where it could not be, and V(why) says why.
  returned: any other O(measure)
  type: dict
  contains:
    requests:
      description: Answers that came.
      type: int
    seconds:
      description: How long it took.
      type: float
    rate:
      description: Answers a second.
      type: float
    latency_ms:
      description: Milliseconds that answers took as wrk counts them, C(mean), C(stdev), C(p50), C(p90), C(p95), C(p99) and C(max).
      type: dict
    errors:
      description: Errors as wrk counts them, C(connect), C(read), C(write), C(timeout), and C(status) for answers from 400.
      type: dict
    failed:
      description: All errors together.
      type: int
    bytes:
      description: Bytes of all answers.
      type: int
    capped:
      description: Whether O(most) ended it.
      type: bool
    first_byte_ms:
      description: Milliseconds to the first byte over a new connection, C(quiet) and under C(load), each C(p50), C(p95), C(max), C(count).
      type: dict
    used:
      description: By C(app), C(nginx) and C(wrk), C(memory_mib) at most (shares of what is common), C(cpus) on average and C(processes).
      type: dict
    asked:
      description: What was asked for.
      type: list
      elements: str
    wrk:
      description: Version of the wrk that asked, with O(measure=serving) and O(measure=outside).
      type: str
    kept:
      description: Of O(measure=cache), which of it was kept.
      type: list
      elements: str
used:
  description: The same as V(used) of what is measured, less wrk's share.
  returned: O(measure=watch)
  type: dict
why:
  description: Why it could not be measured.
  returned: when a way beside what serves could not be measured
  type: str
"""

import base64
import json
import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.flask.plugins.module_utils import bench, wrk
from ansible_collections.slipway.flask.plugins.module_utils.errors import BenchError, CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.ladder import NICE, RUNGS, Ladder, static_file
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout
from ansible_collections.slipway.flask.plugins.module_utils.measure import writing

# Of visitors, whom a load would harm.
_RECENTLY = 600
_LATE = 10

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "default": "/srv"},
    "measure": {"type": "str", "choices": ["look", "serving", "outside", "watch", *RUNGS], "required": True},
    "address": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 80},
    "tls": {"type": "bool", "default": False},
    "domains": {"type": "list", "elements": "str", "required": True},
    "wsgi": {"type": "str", "default": ""},
    "requests": {"type": "str", "default": "", "no_log": True},
    "writes": {"type": "bool", "default": False},
    "static": {"type": "str", "default": ""},
    "clients": {"type": "int", "default": 32},
    "seconds": {"type": "int", "default": 10},
    "most": {"type": "int", "default": 500000},
    "timeout": {"type": "int", "default": 10},
}


def look(layout: Layout, asked: dict) -> dict:
    found = bench.live(layout)
    return {
        "slot": found["slot"],
        "release": found["release"],
        "visitors": bench.visitors(asked["domains"], _RECENTLY),
        "machine": bench.machine(layout, found["release"]),
    }


def serving(layout: Layout, asked: dict) -> dict:
    target = bench.Target(asked["address"], asked["port"], host_of(asked["domains"]), asked["tls"])
    groups = bench.live(layout)["groups"] if asked["measure"] == "serving" else {}
    measured = bench.load(target, asked["requests"], groups, asked)
    return {**measured, "asked": names(asked["requests"]), "wrk": wrk.version()}


def watch(layout: Layout, seconds: int) -> dict:
    with bench.Usage(bench.live(layout)["groups"]) as usage:
        # The other host begins a little later, and what is idle before and after takes nothing.
        time.sleep(seconds + _LATE)
    used, share = usage.summary(), (seconds + _LATE) / seconds
    for group in used.values():
        group.update({key: round(share * value, 2) for key, value in group.items() if key == "cpus"})
        group.update({key: round(min(1, share * value), 2) for key, value in group.items() if key == "busy"})
    return used


def rung(layout: Layout, asked: dict) -> dict:
    found, name = bench.live(layout), asked["measure"]
    requests = [request for request in asked["requests"] if request["method"] == "GET" or asked["writes"]]
    if not requests:
        raise BenchError("requests: expected one with the method GET, found none; name one, or allow writes")
    ladder = Ladder(layout, found["slot"], found["release"], asked["wsgi"], host_of(asked["domains"]),
                    "https" if asked["tls"] else "http", asked["seconds"] + asked["timeout"] + 180)  # fmt: skip
    if name == "static":
        size = len(bench.Target(asked["address"], asked["port"], host_of(asked["domains"]), asked["tls"])
                   .ask(requests[0], asked["timeout"])[2])  # fmt: skip
        path = asked["static"] or static_file(ladder.release.public, size)
        if not path:
            raise BenchError("its release has no static file")
        requests = [{"path": path, "method": "GET", "weight": 1, "headers": {}, "body": "", "status": None}]
    with ladder.rung(name, requests[0]["path"], asked["timeout"]) as (target, groups):
        kept = []
        if name == "cache":
            bench.check(target, requests, asked["timeout"])
            answers = bench.check(target, requests, asked["timeout"])
            kept = [request["path"] for request, answer in zip(requests, answers) if b"X-Cache: HIT" in answer]
        # The first answers of a server that has just started are not what it gives.
        warm = {**asked, "seconds": max(1, min(2, asked["seconds"] // 4)), "clients": min(8, asked["clients"])}
        wrk.Wrk(target.url, target.address, target.port, requests, warm["clients"], warm["seconds"], asked["most"],
                asked["timeout"], NICE).finish()  # fmt: skip
        measured = bench.load(target, requests, groups, asked, NICE)
    return {**measured, "asked": names(requests), **({"kept": kept} if name == "cache" else {})}


def wrote(asked: dict) -> bool:
    """Whether what was asked wrote to the app's data: what serves gets all of it, other ways what they are allowed to."""
    everything = asked["measure"] in ("serving", "outside") or (asked["writes"] and asked["measure"] != "static")
    return everything and bool(writing(asked["requests"]))


def host_of(domains: list[str]) -> str:
    return domains[0].replace("*", "bench")


def names(requests: list[dict]) -> list[str]:
    return [f"{request['method']} {request['path']}" for request in requests]


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    asked = dict(module.params)
    asked["requests"] = json.loads(base64.b64decode(asked["requests"] or "W10="))
    layout = Layout(asked["name"], asked["root"])
    # Debian has nginx there, where not every user's path leads.
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin"
    try:
        if asked["measure"] == "look":
            module.exit_json(changed=False, found=look(layout, asked))
        elif module.check_mode:
            module.exit_json(changed=False, skipped=True, measured={}, msg="no load is made in check mode")
        elif asked["measure"] == "watch":
            module.exit_json(changed=False, used=watch(layout, asked["seconds"]))
        elif asked["measure"] in RUNGS:
            try:
                module.exit_json(changed=wrote(asked), measured=rung(layout, asked))
            except (BenchError, CutoverError, OSError) as error:
                # It may have been asked until then.
                module.exit_json(changed=wrote(asked), measured={}, why=str(error))
        module.exit_json(changed=wrote(asked), measured=serving(layout, asked))
    except (BenchError, CutoverError, OSError) as error:
        module.fail_json(msg=f"bench: {error}")


if __name__ == "__main__":
    main()
