"""What tests of several modules need."""

from __future__ import annotations

import os
import pwd
import time

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import users
from ansible_collections.slipway.flask.plugins.module_utils.home import make_home
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout


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
