# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller's half of the settings module: nothing of it runs on a host."""

from __future__ import annotations

from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase
from ansible_collections.slipway.flask.plugins.action.release import cache_folder
from ansible_collections.slipway.flask.plugins.module_utils.chosen import chosen
from ansible_collections.slipway.flask.plugins.plugin_utils import app_settings, source


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        spec = {
            "apps": {"type": "raw", "required": True},
            "only": {"type": "list", "elements": "str", "default": []},
            "sources": {"type": "bool", "default": True},
            "root": {"type": "path", "default": "/srv"},
        }
        arguments = self.validate_argument_spec(spec)[1]
        settings, errors = app_settings.settle(arguments["apps"], self._fleet_wide(task_vars))
        errors += [
            f"{old}: is called {new} now, whichever server an app has; write {new}"
            for old, new in app_settings.moved().items()
            if old in task_vars
        ]
        sites = [app_settings.site(name, app, arguments["root"]) for name, app in settings.items() if not errors]
        certificates = [
            app_settings.certificate(name, app, arguments["root"])
            for name, app in settings.items()
            if not errors and app["tls"]
        ]
        try:
            settings = {name: settings[name] for name in chosen(settings, arguments["only"]) if not errors}
        except ValueError as error:
            errors = errors or [str(error)]
        if arguments["sources"] and not errors:
            errors = [
                f"slipway_apps.{name}.{error}"
                for name, app in settings.items()
                for error in self._source_errors(app, task_vars)
            ]
        if errors:
            return {
                **result,
                "failed": True,
                "msg": "\n".join(["These settings cannot work; nothing was changed.", *errors]),
            }
        for app in settings.values():
            app["server_packages"] = app_settings.server_packages(app)
            del app["secrets"], app["files"]
        return {
            **result,
            "changed": False,
            "apps": settings,
            "sites": sites,
            "certificates": certificates,
            "root": arguments["root"],
            "pythons": sorted({app["python"] for app in settings.values()} - {""}),
        }

    def _fleet_wide(self, task_vars) -> dict:
        """Roles' variables that the inventory sets for all apps of a host, by the app key that they are the default of."""
        found = {key: name for key, name in app_settings.fleet_variables().items() if name in task_vars}
        try:
            return {key: self._templar.template(task_vars[name]) for key, name in found.items()}
        except AnsibleUndefinedVariable as error:
            raise AnsibleError(f"a variable of the roles cannot be resolved: {error}") from error

    def _source_errors(self, app: dict, task_vars) -> list[str]:
        """What keeps the app's source from being had, asked now, before anything changes."""
        try:
            source.prepare(
                app["source"],
                app["requirements"],
                self._loader.get_basedir(),
                cache_folder(),
            )
        except source.SourceError as error:
            return [str(error)]
        return []
