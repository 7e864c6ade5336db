"""What a host says of its Python."""

from __future__ import annotations

from ansible_collections.slipway.flask.plugins.module_utils.interpreter import interpreter


def test_a_missing_interpreter_has_no_version():
    assert interpreter("3.1") == ("/usr/bin/python3.1", "")
