#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: profile
short_description: See where the live workers of an app spend their time, as a flame graph
version_added: 1.2.0
author:
  - slipway contributors (@slipway)
description:
  - Looks into the processes of the live slot a few times a second for some seconds, by py-spy, and draws a flame graph on the controller.
  - The app is neither changed, nor paused, nor restarted. py-spy reads its memory, runs nothing of it, and runs itself in a sandbox,
    as a user of its own with no right but that to read other processes' memory, below the priority of all that serves.
  - py-spy is installed from a ready-made wheel into C(/opt/slipway/py-spy-VERSION), one version at a time.
options:
  seconds:
    description: How long to look.
    type: int
    default: 15
  rate:
    description:
      - How often to look, in a second. V(0) for as often as costs no more than a few percent of the host's processors, which
        depends on the number of threads that there are to look into, from 1 to 100.
    type: int
    default: 0
  idle:
    description: Whether threads count that wait, for a database, for a remote service or for work, beside those that compute.
    type: bool
    default: false
  file:
    description: File on the controller for the flame graph, an SVG. None is written when it is empty.
    type: str
    default: ''
  top:
    description: How many functions to tell of.
    type: int
    default: 10
  version:
    description: Version of py-spy.
    type: str
    default: 0.4.3
  wheelhouse:
    description: Whether the controller downloads py-spy's wheel and sends it, for a host that reaches no package index.
    type: bool
    default: false
  wheel:
    description: The packed wheel on the host; filled in by the action.
    type: path
    default: ''
extends_documentation_fragment: [slipway.flask.app, slipway.flask.index]
attributes:
  check_mode:
    support: full
    description: Says whether py-spy would be installed, and looks at nothing.
  diff_mode:
    support: full
    description: Names the version of py-spy before and after.
"""

EXAMPLES = r"""
- name: See where the time goes
  slipway.flask.profile:
    name: hello
    seconds: 30
    file: hello.svg
"""

RETURN = r"""
functions:
  description: The functions that the most time was spent in, the first most.
  returned: success
  type: list
  elements: dict
  contains:
    function:
      description: Its name, file and first line.
      type: str
      sample: is_prime (hello/work.py:29)
    own:
      description: Percent of the time in which it ran itself.
      type: float
      sample: 61.2
    total:
      description: Percent of the time in which it or what it called ran.
      type: float
      sample: 61.2
samples:
  description: How many stacks were seen.
  returned: success
  type: int
  sample: 841
rate:
  description: How often a second it was looked.
  returned: success
  type: int
  sample: 10
threads:
  description: How many threads there were to look into.
  returned: success
  type: int
  sample: 15
slot:
  description: The live slot.
  returned: success
  type: str
  sample: green
release:
  description: The release that it runs.
  returned: success
  type: str
  sample: 3f9c0a6be21d
file:
  description: The file that was written, empty when none was.
  returned: success
  type: str
  sample: profile/www1-hello.svg
"""

import os
import platform

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.flask.plugins.module_utils import index
from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.interpreter import target
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout
from ansible_collections.slipway.flask.plugins.module_utils.proc import family, threads
from ansible_collections.slipway.flask.plugins.module_utils.slots import App
from ansible_collections.slipway.flask.plugins.module_utils.stacks import stacks_of
from ansible_collections.slipway.flask.plugins.module_utils.systemd import run_with
from ansible_collections.slipway.flask.plugins.module_utils.tools import ToolError, install, installed

TOOL = "py-spy"
VERSION = "0.4.3"
ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "default": "/srv"},
    "seconds": {"type": "int", "default": 15},
    "rate": {"type": "int", "default": 0},
    "idle": {"type": "bool", "default": False},
    "file": {"type": "str", "default": ""},
    "top": {"type": "int", "default": 10},
    "version": {"type": "str", "default": VERSION},
    "wheelhouse": {"type": "bool", "default": False},
    "wheel": {"type": "path", "default": ""},
    "index": {"type": "dict", "options": index.OPTIONS, "apply_defaults": True},
}
LONGEST = 300
# Threads of which each processor of the host is to look into in a second: measured, one takes 0.3 ms.
THREADS_A_SECOND = 80
SANDBOX = [
    "DynamicUser=yes",
    "AmbientCapabilities=CAP_SYS_PTRACE",
    "CapabilityBoundingSet=CAP_SYS_PTRACE",
    "NoNewPrivileges=yes",
    "Nice=19",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "PrivateNetwork=yes",
    "RestrictAddressFamilies=AF_UNIX",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "RestrictNamespaces=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service process_vm_readv",
]
MARK = "--- stacks"
# What py-spy says of itself comes first.
SCRIPT = f'"$@" --output /tmp/raw >/tmp/said 2>&1; end=$?; cat /tmp/said; echo; echo "{MARK}"; cat /tmp/raw 2>/dev/null; exit $end'


def pace(count: int, cpus: int) -> int:
    """How often a second so many threads can be looked into without being felt."""
    return max(1, min(100, THREADS_A_SECOND * cpus // max(1, count)))


def record(program: str, main: int, rate: int, seconds: int, idle: bool) -> str:
    """The stacks that were seen, a line each with their number."""
    words = [program, "record", "--pid", str(main), "--subprocesses", "--nonblocking", "--function", "--format", "raw"]
    words += ["--rate", str(rate), "--duration", str(seconds), *(["--idle"] if idle else [])]
    output = run_with(SANDBOX, ["/bin/sh", "-c", SCRIPT, "sh", *words], seconds + 60)
    return output.partition(f"{MARK}\n")[2]


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    params = module.params
    layout = Layout(params["name"], params["root"])
    if not 1 <= params["seconds"] <= LONGEST:
        module.fail_json(
            msg=f"seconds: expected a number from 1 to {LONGEST}, found {params['seconds']}; write seconds: 15"
        )
    if not 0 <= params["rate"] <= 1000:
        module.fail_json(msg=f"rate: expected a number from 0 to 1000, found {params['rate']}; write rate: 0")
    before, version = installed(TOOL), params["version"]
    diff = {"before": f"py-spy {before or 'not'} installed\n", "after": f"py-spy {version} installed\n"}
    if module.check_mode:
        module.exit_json(changed=before != version, diff=diff)
    if before != version and params["wheelhouse"] and not params["wheel"]:
        host = target(platform.python_version())
        module.exit_json(changed=False, needs_wheel={"requirement": f"{TOOL}=={version}", "target": host})
    try:
        app = App(layout, "", "", "", "")
        slot = app.live_slot()
        pid = int(app.units().get(layout.service(slot), {}).get("MainPID") or 0) if slot else 0
        if not pid:
            module.fail_json(
                msg=f"{layout.name}: expected an app that serves, found none running; run slipway.flask.site"
            )
        program = os.path.join(install(TOOL, version, index.environment(params["index"]), params["wheel"]), "bin", TOOL)
        count = threads(family(pid))
        rate = params["rate"] or pace(count, os.cpu_count() or 1)
        stacks = stacks_of(record(program, pid, rate, params["seconds"], params["idle"]))
    except (ToolError, CutoverError, OSError) as error:
        last = "\n".join(getattr(error, "journal", []))
        module.fail_json(msg=f"{layout.name}: it could not be looked into: {error}\n{last}".strip())
    module.exit_json(
        changed=before != version, diff=diff, stacks=stacks, samples=sum(stacks.values()), rate=rate, threads=count,
        slot=slot, release=app.release_of(slot),
    )  # fmt: skip


if __name__ == "__main__":
    main()
