"""What is read of the kernel's tables."""

from __future__ import annotations

import os
import subprocess
import sys

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


def test_processes_give_way_for_a_while_with_all_their_threads():
    program = "import threading, time; threading.Thread(target=time.sleep, args=[60]).start(); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True) as leader:
        leader.stdout.readline()

        def niceness():
            return {os.getpriority(os.PRIO_PROCESS, int(thread)) for thread in os.listdir(f"/proc/{leader.pid}/task")}

        usual = niceness().pop()
        with proc.giving_way(leader.pid, 3):
            assert niceness() == {usual + 3}
        assert niceness() == {usual}
        with proc.giving_way(leader.pid, 3):
            leader.kill()
            leader.wait()
