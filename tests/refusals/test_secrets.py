"""A secret's value is in no output, log, process list or file that others may read, whatever comes of the deploy."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import yaml
from playbook import ROOT, play

testinfra_hosts = ["ansible://debian12"]

MARK = "Xq7-mark-of-a-secret-9Zt"
INVENTORY = yaml.safe_load((ROOT / "molecule/inventory/group_vars/web.yml").read_text(encoding="utf-8"))
WATCH = """systemd-run --quiet --collect --unit=watch --property=RuntimeMaxSec=300 --property=StandardOutput=file:/run/seen \
    /bin/sh -c 'while sleep 0.03; do ps -ewwo args=; done'"""
UNWATCH = "systemctl stop watch; sort -u /run/seen; rm /run/seen"
# The pattern does not match itself in a list of processes or a log of commands.
HOLDING_IT = "runuser -u %s -- grep -rlsI -D skip 'Xq7-mar[k]-of' /etc /home /opt /run /srv /tmp /var || true"


class Deploy(NamedTuple):
    outcome: str
    output: str
    processes: str
    journal: str


@pytest.fixture(scope="module", params=["succeeds", "fails", "is refused"])
def deploy(host, limit, request, app):
    """What could be seen of a deploy with the secret, run as verbosely as people do when they look for a fault."""
    hello = {**INVENTORY["slipway_apps"]["hello"], "source": {"path": str(ROOT / "sample_app")}}
    apps = {
        "succeeds": {**hello, "secrets": {"HELLO_SECRET_KEY": MARK}},
        "fails": app("raise RuntimeError('no such planet')\n", secrets={"KEY": MARK}, files={"key.txt": MARK}),
        "is refused": [{**hello, "secrets": {"HELLO_SECRET_KEY": MARK}}],
    }
    since = host.check_output("date +%s")
    host.check_output(WATCH)
    done = play("site.yml", limit, "-vvv", "--diff", slipway_apps={"hello": apps[request.param]})
    processes = host.check_output(UNWATCH)
    assert done.ok == (request.param == "succeeds"), done.output
    journal = host.check_output(f"journalctl --quiet --all --output=verbose --since=@{since}")
    return Deploy(request.param, done.output, processes, journal)


def test_output(deploy):
    assert "TASK [" in deploy.output
    assert MARK not in deploy.output


def test_processes(deploy):
    assert "gunicorn" in deploy.processes
    assert MARK not in deploy.processes


def test_journal(deploy):
    assert "MESSAGE=" in deploy.journal
    assert MARK not in deploy.journal


def test_files(host, deploy):
    assert host.check_output(HOLDING_IT, "nobody") == ""
    holding = host.check_output(HOLDING_IT, "root").splitlines()
    assert holding or deploy.outcome == "is refused"
    assert [path for path in holding if not path.startswith("/etc/slipway/hello/")] == []
