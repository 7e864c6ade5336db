# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller's half of the tune module: it writes what was found, and tells it."""

from __future__ import annotations

import json

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.slipway.flask.plugins.plugin_utils import tune_report
from ansible_collections.slipway.flask.plugins.plugin_utils.telling import NotWrittenError, write

# What is evidence, of all that a module returns.
KEYS = ["recommendation", "best", "current", "gain", "measured", "limits", "grid", "seconds", "ended_early", "release"]


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        answer = self._execute_module(module_name="slipway.flask.tune", module_args=arguments, task_vars=task_vars)
        if "Unsupported parameters" in answer.get("msg", ""):
            answer["msg"] = answer["msg"].replace(" search.", " slipway_tune.")
        if answer.get("failed") or "measured" not in answer:
            return {**result, **answer}
        host, name = task_vars["inventory_hostname"], arguments["name"]
        found = {key: answer[key] for key in KEYS if key in answer}
        files = []
        if report := arguments.get("report"):
            texts = {
                ".yml": tune_report.as_yaml(found, host, name),
                ".json": json.dumps({"host": host, "app": name, **found}, indent=2) + "\n",
                ".html": tune_report.page(found, host, name),
            }
            for suffix, text in texts.items():
                try:
                    files.append(str(write(f"{report}{suffix}", text, "slipway_tune.report")))
                except NotWrittenError as error:
                    return {**result, **answer, "failed": True, "msg": str(error)}
        Display().display(tune_report.summary(found, host, name, files))
        return {**result, **answer}
