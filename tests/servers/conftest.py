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


def pytest_collection_modifyitems(config, items: list) -> None:
    """Leave out what another host does; SLIPWAY_FULL has every host do all."""

    def due(item) -> bool:
        kind, host = (item.callspec.params.get(name) for name in ("kind", "_testinfra_host"))
        if not kind or not host or os.environ.get("SLIPWAY_FULL"):
            return True
        everywhere = kind.everywhere and not item.get_closest_marker("slow")
        return everywhere or host.backend.get_hostname() == kind.machine

    left_out = [item for item in items if not due(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if due(item)]


_moved: dict[str, Moved] = {}


@pytest.fixture
def served(host, kind: Kind) -> Moved:
    """The app with this kind of server, moved to it under load from the one that it had."""
    machine = host.backend.get_hostname()
    if machine not in _moved or _moved[machine].kind != kind:
        _moved[machine] = Moved(host, kind)
        _moved[machine].move()
    return _moved[machine]
