"""An app's keys, the roles' variables and the playbooks that join them never drift apart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.slipway.flask.plugins.plugin_utils import app_settings

ROOT = Path(__file__).resolve().parents[2]
GIVEN = {
    name: str(value)
    for step in ("build", "serve")
    for task in yaml.safe_load((ROOT / "playbooks" / "tasks" / f"{step}.yml").read_text(encoding="utf-8"))
    for name, value in task.get("vars", {}).items()
}


@pytest.mark.parametrize(("key", "variable"), sorted(app_settings.variables().items()))
def test_a_key_reaches_its_variable(key, variable):
    assert f"apps[slipway_app].{key}" in GIVEN.get(variable, "").replace("| default({})", "")


@pytest.mark.parametrize("role", ["app", "server", *app_settings.SERVERS])
def test_no_variable_of_a_role_is_beyond_the_reach_of_an_app(role):
    specs = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text(encoding="utf-8"))
    # The servers' roles say what they run.
    assert set(specs["argument_specs"]["main"]["options"]) - {"server_program"} == {
        name for name in GIVEN if name.startswith(f"{role}_")
    }


def test_the_tables_of_the_readmes_are_those_of_the_specs():
    checked = subprocess.run(
        [sys.executable, ROOT / "script" / "docs", "--check"], capture_output=True, text=True, timeout=60, check=False
    )
    assert checked.returncode == 0, checked.stderr
