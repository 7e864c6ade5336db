# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of the bench_report module: it prints the table, and writes the report and its figures."""

from __future__ import annotations

import json
import time

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.slipway.flask.plugins.plugin_utils.bench_report import page
from ansible_collections.slipway.flask.plugins.plugin_utils.bench_table import results, table
from ansible_collections.slipway.flask.plugins.plugin_utils.telling import NotWrittenError, write


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        spec = {
            "plan": {"type": "dict", "required": True},
            "found": {"type": "dict", "required": True},
            "serving": {"type": "dict", "required": True},
            "watched": {"type": "dict", "default": {}},
            "ladder": {"type": "list", "elements": "dict", "default": []},
            "browser": {"type": "dict", "default": {}},
        }
        asked = self.validate_argument_spec(spec)[1]
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        serving = asked["serving"]
        # What was asked from another host was watched on its own; of that other host, wrk alone matters.
        used = {**asked["watched"], "wrk": serving["used"]["wrk"]} if asked["watched"] else serving["used"]
        whole = results(
            asked["plan"], asked["found"], {**serving, "used": used}, asked["ladder"], asked["browser"], when
        )
        told, written = table(whole), []
        if asked["plan"]["report"]:
            for ending, text in ((".json", json.dumps(whole, indent=2) + "\n"), (".html", page(whole))):
                try:
                    path = write(f"{asked['plan']['report']}{ending}", text, "slipway_bench.report")
                except NotWrittenError as error:
                    return {**result, "failed": True, "msg": str(error)}
                written.append(str(path.absolute()))
        Display().display("\n\n".join([told, *(["Written: " + ", ".join(written)] if written else [])]))
        return {**result, "changed": False, "table": told.splitlines(), "written": written, "results": whole}
