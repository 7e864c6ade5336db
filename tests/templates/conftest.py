"""Render roles' templates as Ansible does, in milliseconds and without a host."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", autouse=True)
def plugins():
    """The collection's filters, by their full names."""
    init_plugin_loader([str(ROOT / ".collections")])


class Role:
    """A role's variables and those of roles that it stands on, with ``given`` over its defaults, and what its templates make of them."""

    def __init__(self, names: list[str], search: list[Path], given: dict) -> None:
        folders, loader = [ROOT / "roles" / name for name in names], DataLoader()
        variables = {"ansible_facts": {"os_family": "Debian"}, "role_path": str(folders[0])}
        for part in ("defaults", "vars"):
            for folder in folders:
                variables |= loader.load_from_file(str(folder / part / "main.yml"), trusted_as_template=True)
        variables |= {"ansible_search_path": [*map(str, folders), *map(str, search)], **given}
        self._templar = Templar(loader, variables)

    def value(self, expression: str):
        """What a Jinja expression gives among the role's variables."""
        return self._templar.template(trust_as_template("{{ " + expression + " }}"))

    def render(self, template: str) -> str:
        return self.value(f"lookup('ansible.builtin.template', {template!r})")


@pytest.fixture
def role(tmp_path):
    """Make a role with variables of one's own; templates of one's own go into ``tmp_path / "templates"``."""

    def role(*names: str, **given) -> Role:
        return Role(names, [tmp_path], given)

    return role
