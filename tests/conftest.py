"""Make the checkout importable as ``ansible_collections.slipway.flask``, as Ansible itself sees it, and what tests share."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import sys
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".collections"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from playbook import SHARED, SSH

SHARED.mkdir(parents=True, exist_ok=True)
# Testinfra takes it from here: a command by a connection of its own takes ten times as long.
os.environ["ANSIBLE_SSH_EXTRA_ARGS"] = shlex.join(SSH)


class ByHost(LoadScopeScheduling):
    """Under pytest-xdist the tests of one host stay together and in order, side by side with those of another host."""

    def _split_scope(self, nodeid: str) -> str:
        host = re.search(r"\[(?:.*-)?ansible://(\w+)", nodeid)
        return host[1] if host else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log) -> ByHost:
    return ByHost(config, log)


def pytest_configure(config) -> None:
    config.addinivalue_line("markers", "alone: measures time, so that no other test may run meanwhile")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Tests of hosts share the machine; one that is marked waits until it has it for itself, and the next wait for it."""
    if "_testinfra_host" not in item.fixturenames:
        return (yield)
    alone = item.get_closest_marker("alone")
    with (SHARED / "gate").open("w") as gate, (SHARED / "machine").open("w") as machine:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        return (yield)
