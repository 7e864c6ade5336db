# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of the logs_table module: it prints."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.slipway.flask.plugins.plugin_utils.logs_table import logs_table, merged
from ansible_collections.slipway.flask.plugins.plugin_utils.telling import answers, tell


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
        hosts, lines = answers(arguments["hosts"], "entries", "complete"), arguments["lines"]
        silent = {host: answer.get("msg", "") for host, answer in hosts.items() if "entries" not in answer}
        found = {"entries": merged(hosts, lines), "silent": silent}
        return {**result, **tell(logs_table(hosts, lines), found, arguments["file"], "slipway_logs_file")}
