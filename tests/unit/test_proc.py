"""What is read of the kernel's tables."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import proc


@pytest.mark.parametrize(
    ("path", "count"),
    [("/run/a/blue.sock", 2), ("/run/a/green.sock", 0), ("/run/my app/blue.sock", 1), ("/run/a", 0)],
)
def test_connections_are_those_of_one_socket(tmp_path, path, count):
    (tmp_path / "unix").write_text(
        """Num       RefCount Protocol Flags    Type St Inode Path
ffff0001: 00000002 00000000 00010000 0001 01 10001 /run/a/blue.sock
ffff0002: 00000003 00000000 00000000 0001 03 10002 /run/a/blue.sock
ffff0003: 00000003 00000000 00000000 0001 03 10003 /run/a/blue.sock
ffff0004: 00000002 00000000 00010000 0001 01 10004 /run/a/green.sock
ffff0005: 00000003 00000000 00000000 0001 03 10005
ffff0006: 00000003 00000000 00000000 0001 03 10006 /run/a/blue.sock.old
ffff0007: 00000003 00000000 00000000 0001 03 10007 /run/my app/blue.sock
"""
    )
    assert proc.connections(path, str(tmp_path / "unix")) == count


def process(folder, pid, parent, state="S", name="gunicorn"):
    os.makedirs(folder / str(pid), exist_ok=True)
    (folder / str(pid) / "stat").write_text(f"{pid} ({name}) {state} {parent} 1 1 0\n")


def test_children_are_the_living_of_one_parent(tmp_path):
    process(tmp_path, 10, 1)
    process(tmp_path, 11, 10)
    process(tmp_path, 12, 10, name="a) R 7 (b")
    process(tmp_path, 13, 10, state="Z")
    process(tmp_path, 14, 11)
    os.makedirs(tmp_path / "15")
    os.makedirs(tmp_path / "self")
    assert proc.children(str(tmp_path)) == {1: {10}, 10: {11, 12}, 11: {14}}


PROGRAM = (
    "import threading, time; threading.Thread(target=time.sleep, args=[60]).start(); print(flush=True); time.sleep(60)"
)


@pytest.fixture
def leader():
    """A process that leads a session and has two threads."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, start_new_session=True) as leader:
        leader.stdout.readline()
        yield leader
        leader.kill()


def niceness(leader) -> set[int]:
    """Of all its threads and, where the kernel shares its time out by session, of its session."""
    found = {os.getpriority(os.PRIO_PROCESS, int(thread)) for thread in os.listdir(f"/proc/{leader.pid}/task")}
    with contextlib.suppress(OSError), open(f"/proc/{leader.pid}/autogroup", encoding="ascii") as file:
        found.add(int(file.read().split()[-1]))
    return found


def test_processes_give_way_less_and_less_with_all_their_threads_and_their_session(leader, monkeypatch):
    usual, now = os.getpriority(os.PRIO_PROCESS, leader.pid), time.monotonic()
    monkeypatch.setattr(proc.time, "monotonic", lambda: now)
    with proc.giving_way(leader.pid, 4, 10.0) as ease:
        for seconds, nice in ((0, 4), (2, 3), (5, 2), (9, 0), (20, 0)):
            monkeypatch.setattr(proc.time, "monotonic", lambda at=now + seconds: at)
            ease(False)
            assert niceness(leader) == {min(19, usual + nice)}
    assert niceness(leader) == {usual}


def test_processes_give_way_no_longer_than_is_needed(leader):
    usual = os.getpriority(os.PRIO_PROCESS, leader.pid)
    with proc.giving_way(leader.pid, 3, 60.0) as ease:
        assert niceness(leader) == {min(19, usual + 3)}
        ease(True)
        assert niceness(leader) == {usual}
    with proc.giving_way(leader.pid, 3, 60.0):
        pass
    assert niceness(leader) == {usual}


def test_one_that_ends_meanwhile_is_no_fault(leader):
    with proc.giving_way(leader.pid, 3, 60.0):
        leader.kill()
        leader.wait()


def test_a_process_gives_way_with_its_session_and_the_session_meanwhile():
    script = """
import os
from ansible_collections.slipway.flask.plugins.module_utils import proc
shown = lambda: (os.nice(0), int(open("/proc/self/autogroup").read().split()[-1]))
before = shown()
with proc.this_gives_way():
    assert shown() == (min(19, before[0] + 10), before[1] + 5), shown()
assert shown() == (min(19, before[0] + 10), before[1]), shown()
"""
    if os.path.exists("/proc/self/autogroup"):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", script], check=True, start_new_session=True, env=environment)
