"""What every role owes its users, found by reading, without a host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.slipway.flask.plugins.plugin_utils import app_settings

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))


def read(path: str):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def options(role: str) -> dict[str, dict]:
    return read(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]


def tasks(block: list[dict]):
    """Every task, those of blocks included."""
    for task in block:
        yield task
        for key in ("block", "rescue", "always"):
            yield from tasks(task.get(key, []))


TASKS = [
    pytest.param(path, task, id=f"{path.parent.parent.name}/{path.name}: {task.get('name')}")
    for path in sorted(ROOT.glob("roles/*/tasks/*.yml"))
    for task in tasks(yaml.safe_load(path.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_specs_name_the_same_variables_and_values(role):
    """An option that has neither a default nor is required may be left undefined; its default is written as null."""
    specified = {name: entry.get("default") for name, entry in options(role).items() if not entry.get("required")}
    assert read(f"roles/{role}/defaults/main.yml") == specified


@pytest.mark.parametrize("role", ROLES)
def test_public_variables_carry_the_role_s_name_and_internal_ones_begin_with_underscores(role):
    assert [name for name in options(role) if not name.startswith(f"{role}_")] == []
    path = ROOT / f"roles/{role}/vars/main.yml"
    internal = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    assert [name for name in internal if not name.startswith(f"__{role}_")] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_never_names_a_group_of_hosts(role):
    words = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "roles" / role).rglob("*.yml"))]
    assert not re.search(r"groups\[|group_names|groups\.", "\n".join(words))


@pytest.mark.parametrize("role", ROLES)
def test_some_scenario_runs_the_role(role):
    """The site's playbook counts: the default scenario runs it whole."""
    named = ["playbooks/site.yml", "playbooks/tasks/*.yml", "molecule/*/converge.yml", "roles/*/tasks/*.yml"]
    texts = [path.read_text(encoding="utf-8") for pattern in named for path in ROOT.glob(pattern)]
    # An app's key server names the role.
    servers = [f"slipway.flask.{server}\n" for server in app_settings.SERVERS]
    assert f"slipway.flask.{role}\n" in "\n".join([*texts, *servers])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_has_tests_and_runs_what_users_run(scenario):
    """A playbook of the collection, or roles of it."""
    assert list((ROOT / "tests" / scenario).glob("test_*.py"))
    converge = (ROOT / "molecule" / scenario / "converge.yml").read_text(encoding="utf-8")
    assert "import_playbook: ../../" in converge or "role: slipway.flask." in converge


@pytest.mark.parametrize(("path", "task"), TASKS)
def test_a_task_says_what_becomes_true(path, task):
    prefix = "" if path.stem == "main" else f"{path.stem} | "
    assert re.match(re.escape(prefix) + r"[A-Z][a-z]", task.get("name", "")), "expected: file | Do thing"


@pytest.mark.parametrize(("path", "task"), TASKS)
def test_what_a_task_registers_is_internal_or_documented(path, task):
    name, role = task.get("register", "__"), path.parents[1]
    readme = (role / "README.md").read_text(encoding="utf-8")
    assert name.startswith("__") or (name.startswith(f"{role.name}_") and f"{name}." in readme)
