# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller's half of the release module: it packs the app's tree and sends it to the hosts that lack the release.

Where hosts reach no package index, it sends the wheels too.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible_collections.slipway.flask.plugins.plugin_utils import source, wheelhouse

# A tree of at most so many bytes goes along with the question whether it is needed, which saves asking twice.
SMALL = 1 << 17


class ActionModule(ActionBase):
    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        origin, requirements = (
            arguments.pop("source", None) or {},
            arguments.pop("requirements", None) or {},
        )
        try:
            prepared = source.prepare(origin, requirements, self._loader.get_basedir(), cache_folder())
            arguments |= {
                "tree": {key: prepared[key] for key in ("kind", "describe", "digest", "scm_version", "requirements")},
                "plan": prepared["plan"],
                "requirement": prepared["requirement"],
            }
            if prepared["archive"] and os.path.getsize(prepared["archive"]) <= SMALL:
                arguments["packed"] = base64.b64encode(Path(prepared["archive"]).read_bytes()).decode()
            answer = self._build(arguments, task_vars)
            files = {"archive": prepared["archive"]} if answer.pop("needs_tree", False) else {}
            if wanted := answer.pop("needs_wheels", None):
                packed = wheelhouse.for_release(
                    prepared,
                    arguments.get("server") or [],
                    wheelhouse.Target(**wanted["target"]),
                    arguments.get("index") or {},
                )
                arguments["wheels_id"] = wheelhouse.identity(packed)
                files |= {"wheels": packed} if arguments["wheels_id"] not in wanted["there"] else {}
        except source.SourceError as error:
            return {**result, "failed": True, "msg": str(error)}
        if files or wanted:
            answer = self._send_and_build(files, arguments, task_vars)
        return {**result, **answer}

    def _send_and_build(self, files: dict[str, str], arguments: dict, task_vars: dict) -> dict:
        folder = self._make_tmp_path()
        try:
            sent = {
                name: self._transfer_file(path, self._connection._shell.join_path(folder, name))
                for name, path in files.items()
            }
            self._fixup_perms2((folder, *sent.values()))
            return self._build({**arguments, **sent}, task_vars)
        finally:
            self._remove_tmp_path(folder)

    def _build(self, arguments: dict, task_vars: dict) -> dict:
        return self._execute_module(
            module_name="slipway.flask.release",
            module_args=arguments,
            task_vars=task_vars,
        )


def cache_folder() -> str:
    """Where this run keeps what it packed; all its processes share it, and it goes with the run."""
    return os.path.join(C.DEFAULT_LOCAL_TMP, "slipway")
