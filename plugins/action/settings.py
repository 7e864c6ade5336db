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
            "apps": {"type": "raw", "default": {}},
            "only": {"type": "list", "elements": "str", "default": []},
            "sources": {"type": "bool", "default": True},
            "root": {"type": "path", "default": "/srv"},
            "balancers": {"type": "dict", "default": {}},
            "hosts": {"type": "dict", "default": {}},
            "like": {"type": "str", "default": ""},
            "trusted": {"type": "list", "elements": "str", "default": []},
        }
        arguments = self.validate_argument_spec(spec)[1]
        root, balancers, hosts = arguments["root"], arguments["balancers"], arguments["hosts"]
        apps, like, templar = arguments["apps"], task_vars, self._templar
        if arguments["like"]:
            # Not by hostvars of that host: where a value there asks for those of a third one, it would find none.
            hostvars = task_vars["hostvars"]
            like = {**hostvars.raw_get(arguments["like"]), "hostvars": hostvars}
            templar = templar.copy_with_new_env(available_variables=like)
            apps = templar.template(like.get("slipway_apps", {}))
        settings, errors = app_settings.settle(apps, self._fleet_wide(like, templar))
        errors += [
            f"{old}: is called {new} now, whichever server an app has; write {new}"
            for old, new in app_settings.moved().items()
            if old in like
        ]
        errors = errors or app_settings.fleet_errors(settings, balancers, hosts)
        pools = [app_settings.pool(name, app, root) for name, app in settings.items() if balancers and not errors]
        ended_here = {name: app for name, app in settings.items() if not balancers or app_settings.ends_on_host(app)}
        passed_certificates = [
            app_settings.certificate(name, app, root)
            for name, app in settings.items()
            if not errors and app["tls"] and name not in ended_here
        ]
        sites = [
            app_settings.site(name, app if name in ended_here else {**app, "tls": None}, root)
            for name, app in settings.items()
            if not errors
        ]
        certificates = [
            app_settings.certificate(name, app, root) for name, app in ended_here.items() if not errors and app["tls"]
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
            "balancers": balancers,
            "hosts": hosts,
            "proxies": [*arguments["trusted"], *balancers.values()],
            "proxy_protocol": any(pool["terminate"] == "host" for pool in pools),
            "pools": pools,
            "pool_certificates": passed_certificates,
            "root": arguments["root"],
            "pythons": sorted({app["python"] for app in settings.values()} - {""}),
        }

    @staticmethod
    def _fleet_wide(task_vars, templar) -> dict:
        """Roles' variables that the inventory sets for all apps of a host, by the app key that they are the default of."""
        found = {key: name for key, name in app_settings.fleet_variables().items() if name in task_vars}
        try:
            return {key: templar.template(task_vars[name]) for key, name in found.items()}
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
