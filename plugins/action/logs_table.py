# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of the logs_table module: it prints, which a callback would do in its own way, with quotes and escapes."""

from __future__ import annotations

import json
from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.slipway.flask.plugins.plugin_utils.logs_table import logs_table, merged


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        spec = {
            "hosts": {"type": "dict", "required": True},
            "lines": {"type": "int", "default": 100},
            "file": {"type": "str", "default": ""},
        }
        arguments = self.validate_argument_spec(spec)[1]
        # A host that failed has a message, one that could not be reached has nothing.
        hosts = {
            host: {key: answer[key] for key in ("entries", "complete", "msg") if key in answer}
            for host, answer in arguments["hosts"].items()
        }
        table = logs_table(hosts, arguments["lines"])
        Display().display(table)
        if arguments["file"]:
            path = Path(arguments["file"]).expanduser()
            entries = merged(hosts, arguments["lines"])
            silent = {host: answer.get("msg", "") for host, answer in hosts.items() if "entries" not in answer}
            try:
                path.write_text(json.dumps({"entries": entries, "silent": silent}, indent=2) + "\n", encoding="utf-8")
            except OSError as error:
                told = f"expected a file of this machine that can be written, found {path} ({error.strerror})"
                return {**result, "failed": True, "msg": f"slipway_logs_file: {told}"}
        return {**result, "changed": False, "table": table.splitlines()}
