# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of the bench_plan module: nothing of it runs on a host."""

from __future__ import annotations

import base64
import json

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.slipway.flask.plugins.plugin_utils import bench_settings


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        spec = {
            "bench": {"type": "dict", "default": {}},
            "apps": {"type": "dict", "required": True},
            "found": {"type": "dict"},
            "confirm": {"type": "bool", "default": False},
        }
        arguments = self.validate_argument_spec(spec)[1]
        hosts = task_vars.get("ansible_play_hosts_all") or []
        known = task_vars.get("groups", {}).get("all", [])
        addresses = {host: task_vars["hostvars"][host].get("ansible_host") for host in hosts}
        limited = bool(task_vars.get("ansible_limit"))
        plan, errors = bench_settings.settle(arguments["bench"], arguments["apps"], hosts, limited, known, addresses)
        if errors:
            told = ["This cannot be measured; nothing was asked of any app.", *errors]
            return {**result, "failed": True, "msg": "\n".join(told)}
        told = bench_settings.announcement(plan)
        packed = base64.b64encode(json.dumps(plan["requests"]).encode()).decode()
        reasons = bench_settings.harm(plan, arguments["found"]) if arguments["found"] else []
        if arguments["found"]:
            Display().display(told)
        if reasons and not arguments["confirm"]:
            why = f"slipway_bench_confirm: expected true where a load may do harm, found nothing: {'; '.join(reasons)}"
            return {
                **result,
                "failed": True,
                "msg": f"{why}. Write -e slipway_bench_confirm=true to make it all the same.",
            }
        return {
            **result,
            "changed": False,
            # What may be secret in them is in the packed form alone.
            "plan": {
                **plan,
                "requests": [{key: each[key] for key in ("method", "path", "weight")} for each in plan["requests"]],
            },
            "packed": packed,
            "load": told.splitlines(),
            "harm": reasons,
            "browser_seconds": bench_settings.browser_seconds(plan),
        }
