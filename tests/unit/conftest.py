"""What tests of several modules need."""

from __future__ import annotations

import time

import pytest


@pytest.fixture
def hurry(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
