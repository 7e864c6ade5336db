# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller's half of the installer module: it sends uv's wheel to a host that reaches no package index."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.slipway.flask.plugins.plugin_utils import wheelhouse
from ansible_collections.slipway.flask.plugins.plugin_utils.tree import SourceError


class ActionModule(ActionBase):
    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        answer = self._install(self._task.args, task_vars)
        if wanted := answer.get("needs_wheel"):
            folder = self._make_tmp_path()
            try:
                answer = self._install({**self._task.args, **self._send(wanted, folder)}, task_vars)
            finally:
                self._remove_tmp_path(folder)
        return {**result, **answer}

    def _send(self, wanted: dict, folder: str) -> dict[str, str]:
        """The module's arguments that say where the wheel is, or why there is none."""
        try:
            packed = wheelhouse.for_installer(
                wanted["requirement"], wheelhouse.Target(**wanted["target"]), self._task.args.get("index") or {}
            )
        except SourceError as error:
            return {"wheel_error": str(error)}
        remote = self._transfer_file(packed, self._connection._shell.join_path(folder, "wheel.tar"))
        self._fixup_perms2((folder, remote))
        return {"wheel": remote}

    def _install(self, arguments: dict, task_vars: dict) -> dict:
        return self._execute_module(module_name="slipway.flask.installer", module_args=arguments, task_vars=task_vars)
