"""A served app, as the tests of the scenarios ask for it on the running host."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from load import Load

HOSTS = Path(__file__).resolve().parents[1] / "script" / "hosts"


def wait_for(condition: Callable, what: str, seconds: float = 20):
    """The condition's value once it is true; what raises is not true yet."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(AssertionError, LookupError, ValueError):
            if value := condition():
                return value
        assert time.monotonic() < deadline, f"expected within {seconds} s: {what}"
        time.sleep(0.2)


class Served:
    """The app ``name`` on a Testinfra ``host``."""

    def __init__(self, host, name: str = "hello", domain: str = "") -> None:
        self.host, self.name = host, name
        self.domain = domain or f"{name}.example.com"
        self.machine = host.backend.get_hostname()
        self.home, self.user = f"/srv/{name}", f"flask-{name}"

    def run(self, command: str, *words: str) -> str:
        return self.host.check_output(command, *words)

    # Over the network, through Nginx

    @property
    def url(self) -> str:
        return subprocess.run(
            [HOSTS, "url", self.machine], capture_output=True, text=True, timeout=30, check=True
        ).stdout.strip()

    def load(self, **options) -> Load:
        return Load(self.url, self.domain, **options)

    # On the host

    def get(self, path: str = "/", *options: str) -> tuple[int, str]:
        """Status and body that Nginx answers."""
        words = " ".join(f"'{option}'" for option in ("-H", f"Host: {self.domain}", *options))
        answer = self.run(
            f"curl --silent --show-error --max-time 20 --write-out '\\n%{{http_code}}' {words} 'http://127.0.0.1{path}'"
        )
        body, _, status = answer.rpartition("\n")
        return int(status), body

    def json(self, path: str) -> dict:
        status, body = self.get(path)
        assert status == 200, body
        return json.loads(body)

    @property
    def slot(self) -> str:
        return os.path.basename(self.run("readlink /srv/%s/active.sock", self.name)).removesuffix(".sock")

    @property
    def release(self) -> str:
        return os.path.basename(self.run("readlink /srv/%s/current", self.name))

    @property
    def service(self) -> str:
        return f"{self.user}@{self.slot}.service"

    @property
    def socket(self) -> str:
        return f"{self.user}@{self.slot}.socket"

    def show(self, unit: str, name: str) -> str:
        """A property of a unit, as systemd has it in force."""
        return self.run("systemctl show --value --property=%s %s", name, unit)

    @property
    def master(self) -> int:
        return int(self.show(self.service, "MainPID"))

    @property
    def workers(self) -> list[int]:
        """Process IDs of the live slot's workers."""
        return sorted(int(pid) for pid in self.host.run("pgrep --parent %s", str(self.master)).stdout.split())

    @property
    def nginx_workers(self) -> str:
        """Process IDs of Nginx's workers, which a reload replaces, less those that are on their way out."""
        return self.run("pgrep --uid www-data --full 'nginx: worker process$'")

    def journal(self, since: str) -> str:
        return self.run("journalctl --quiet --output=cat --identifier=%s --since=%s", self.name, since)

    def reached(self, since: str) -> str:
        """The lines of its server, which has `access_log`, on what it was asked for. One request more ends them, so that there are some."""
        ask = (
            "curl --silent --show-error --output /dev/null --unix-socket /run/%s/%s.sock http://localhost/the-last-one"
        )
        self.run(ask, self.user, self.slot)
        return wait_for(lambda: lines if "/the-last-one" in (lines := self.journal(since)) else "", "its access log")

    def now(self) -> str:
        return self.run("date '+%Y-%m-%d %H:%M:%S'")
