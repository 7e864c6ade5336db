"""What tests of several modules need."""

from __future__ import annotations

import os
import pwd
import time

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import index, users
from ansible_collections.slipway.flask.plugins.module_utils.home import make_home
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout, ReleaseLayout
from ansible_collections.slipway.flask.plugins.module_utils.steps import Steps


@pytest.fixture
def hurry(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


@pytest.fixture
def layout(tmp_path, monkeypatch):
    """An app's home, all of whose users are the one who runs the tests."""
    me = pwd.getpwuid(os.geteuid())
    monkeypatch.setattr(users, "account", lambda name: me)
    layout = Layout("hello", str(tmp_path))
    make_home(layout)
    return layout


@pytest.fixture
def folders(layout):
    """Makes the folders of a release, with files of the given paths in them."""

    def folders(*files):
        release = ReleaseLayout(layout.release("3f9c0a6be21d"))
        for folder in (release.path, release.src, release.venv, release.public, release.tmp):
            os.makedirs(folder, exist_ok=True)
        for file in ("venv/lib/python3.13/site-packages/pip/__init__.py", *files):
            path = os.path.join(release.path, file)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(file)
        return release

    return folders


@pytest.fixture
def steps_of():
    """Makes what runs the steps of a release, whose time begins now."""

    def steps_of(release, scm_version="", timeout=20):
        packages = {name: option["default"] for name, option in index.OPTIONS.items()}
        steps = Steps(release, packages, scm_version, timeout)
        steps.begin()
        return steps

    return steps_of
