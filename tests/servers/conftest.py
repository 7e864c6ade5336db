from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from kinds import KINDS, Kind, Moved


def pytest_generate_tests(metafunc) -> None:
    """Every test for each kind of server that it is about, all of one kind together."""
    if "kind" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("only")
        names = mark.args if mark else KINDS
        metafunc.parametrize("kind", [KINDS[name] for name in names], ids=names, scope="session")


def pytest_configure(config) -> None:
    config.addinivalue_line("markers", "only(*names): the kinds of server that a test is about")
    config.addinivalue_line("markers", "slow: for one host of each kind")


_moved: dict[str, Moved] = {}


@pytest.fixture
def served(host, kind: Kind, request) -> Moved:
    """The app with this kind of server, moved to it under load from the one that it had."""
    machine = host.backend.get_hostname()
    slow = request.node.get_closest_marker("slow")
    if os.environ.get("SLIPWAY_FULL") is None and machine != kind.machine and (slow or not kind.everywhere):
        pytest.skip(f"done on {kind.machine}")
    if machine not in _moved or _moved[machine].kind != kind:
        _moved[machine] = Moved(host, kind)
        _moved[machine].move()
    return _moved[machine]
