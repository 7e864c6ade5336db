# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of the status_table module: it prints, which a callback would do in its own way, with quotes and escapes."""

from __future__ import annotations

import json
from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.slipway.flask.plugins.plugin_utils.status_table import status_table


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        spec = {
            "hosts": {"type": "dict", "required": True},
            "balancers": {"type": "dict", "default": {}},
            "file": {"type": "str", "default": ""},
        }
        arguments = self.validate_argument_spec(spec)[1]
        # A host that failed has no apps but a message, one that could not be reached has nothing.
        hosts = {
            host: {key: answer[key] for key in ("apps", "msg") if key in answer}
            for host, answer in arguments["hosts"].items()
        }
        balancers = {
            name: {key: answer[key] for key in ("hosts", "msg") if key in answer}
            for name, answer in arguments["balancers"].items()
        }
        table = status_table(hosts, balancers)
        Display().display(table)
        if arguments["file"]:
            path = Path(arguments["file"]).expanduser()
            told = {"hosts": hosts, **({"balancers": balancers} if balancers else {})}
            try:
                path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
            except OSError as error:
                told = f"expected a file of this machine that can be written, found {path} ({error.strerror})"
                return {**result, "failed": True, "msg": f"slipway_status_file: {told}"}
        return {**result, "changed": False, "table": table.splitlines()}
