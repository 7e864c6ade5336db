# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of the status_table module: it prints."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.slipway.flask.plugins.plugin_utils.status_table import status_table
from ansible_collections.slipway.flask.plugins.plugin_utils.telling import answers, tell


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
        hosts, balancers = answers(arguments["hosts"], "apps"), answers(arguments["balancers"], "hosts")
        found = {"hosts": hosts, **({"balancers": balancers} if balancers else {})}
        return {**result, **tell(status_table(hosts, balancers), found, arguments["file"], "slipway_status_file")}
