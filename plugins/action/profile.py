# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller's half of the profile module: it sends py-spy's wheel where that is wanted, draws the graph and tells what is in it."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.slipway.flask.plugins.module_utils.stacks import hottest
from ansible_collections.slipway.flask.plugins.plugin_utils import wheelhouse
from ansible_collections.slipway.flask.plugins.plugin_utils.flame import flame_graph
from ansible_collections.slipway.flask.plugins.plugin_utils.telling import NotWrittenError, write
from ansible_collections.slipway.flask.plugins.plugin_utils.tree import SourceError


class ActionModule(ActionBase):
    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        arguments, folder = dict(self._task.args), None
        answer = self._look(arguments, task_vars)
        if wanted := answer.get("needs_wheel"):
            folder = self._make_tmp_path()
            try:
                answer = self._look({**arguments, "wheel": self._send(wanted, folder)}, task_vars)
            except SourceError as error:
                answer = {"failed": True, "msg": str(error)}
            finally:
                self._remove_tmp_path(folder)
        stacks = answer.pop("stacks", None)
        if answer.get("failed") or stacks is None:
            return {**result, **answer}
        answer["functions"] = hottest(stacks, int(arguments.get("top", 10)))
        host, name = task_vars["inventory_hostname"], arguments["name"]
        told = f"{answer['samples']} samples of {answer['threads']} threads, {answer['rate']} a second; release {answer['release']}"
        answer["file"] = arguments.get("file") or ""
        if answer["file"]:
            try:
                write(answer["file"], flame_graph(stacks, f"{name} on {host}", told), "slipway_profile_folder")
            except NotWrittenError as error:
                return {**result, "failed": True, "msg": str(error)}
        Display().display(table(f"{host}, {name}: {told}", answer["functions"], answer["file"]))
        return {**result, **answer}

    def _send(self, wanted: dict, folder: str) -> str:
        """The wheel's path on the host."""
        target, packages = wheelhouse.Target(**wanted["target"]), self._task.args.get("index") or {}
        packed = wheelhouse.for_installer(wanted["requirement"], target, packages)
        remote = self._transfer_file(packed, self._connection._shell.join_path(folder, "wheel.tar"))
        self._fixup_perms2((folder, remote))
        return remote

    def _look(self, arguments: dict, task_vars: dict) -> dict:
        return self._execute_module(module_name="slipway.flask.profile", module_args=arguments, task_vars=task_vars)


def table(title: str, functions: list[dict], file: str) -> str:
    """The hottest functions, for people."""
    rows = [f"{one['own']:6.1f} %  {one['total']:6.1f} %  {one['function']}" for one in functions]
    head = (
        [f"{'own':>8}  {'total':>8}  function"]
        if rows
        else ["nothing ran while it was looked; ask the app for something"]
    )
    return "\n".join([title, *head, *rows, *([f"flame graph: {file}"] if file else [])])
