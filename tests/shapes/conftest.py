from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ansible_collections.slipway.flask.plugins.module_utils.layout import slug
from served import Served

SETTINGS = yaml.safe_load(
    (Path(__file__).parents[2] / "molecule/shapes/inventory/group_vars/web.yml").read_text(encoding="utf-8")
)
APPS = SETTINGS["slipway_apps"]


@pytest.fixture
def settings() -> dict:
    """The scenario's variables as they are written."""
    return SETTINGS


@pytest.fixture
def served(host) -> Callable[[str], Served]:
    """The app of a name in slipway_apps."""
    return lambda name: Served(host, slug(name), APPS[name]["domains"][0])


@pytest.fixture(params=APPS)
def app(served, request) -> Served:
    """Every app, one after the other."""
    return served(request.param)


@pytest.fixture(scope="session")
def slugs() -> list[str]:
    return [slug(name) for name in APPS]


@pytest.fixture
def apps(served) -> list[Served]:
    """All apps at once."""
    return [served(name) for name in APPS]
