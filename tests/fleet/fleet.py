"""The fleet of the scenario, as its tests ask and move it."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from pathlib import Path

import urllib3
from fleetload import KEPT, PAGES, FleetLoad
from playbook import ROOT, Played, play, playing
from served import HOSTS, Served, wait_for

INVENTORY = ROOT / "molecule" / "fleet" / "inventory"
WEB = ["debian12", "debian13", "fleet3"]
BALANCERS = ["lb1", "lb2"]
CLIENTS = 3


class Fleet:
    """All hosts behind the Testinfra host ``balancer``."""

    def __init__(self, balancer) -> None:
        self.balancer = balancer
        self.run = balancer.check_output

    @functools.cached_property
    def url(self) -> str:
        return self.move("url", self.balancer.backend.get_hostname())

    def machine(self, name: str):
        """Testinfra's host of this name."""
        return self.balancer.get_host(f"ansible://{name}", ansible_inventory=str(INVENTORY), sudo=True)

    def on(self, name: str) -> Served:
        """The app on one of the hosts."""
        return Served(self.machine(name))

    @functools.cached_property
    def floating(self) -> str:
        """The address that the balancers share."""
        return ".".join([*urllib3.util.parse_url(self.url).host.split(".")[:3], "254"])

    def load(self, url: str = "", **options) -> FleetLoad:
        options = {"clients": CLIENTS, "pause": 0.05, "slow": 1.0, "pages": [*PAGES, KEPT], **options}
        return FleetLoad(url or self.url, "hello.example.com", **options)

    def play(self, playbook: str, *words: str, inventory: Path = INVENTORY, **variables) -> Played:
        return play(Path("playbooks", f"{playbook}.yml"), *words, inventory=inventory, **variables)

    def playing(self, playbook: str, **variables):
        """The same while it runs."""
        return playing(Path("playbooks", f"{playbook}.yml"), inventory=INVENTORY, **variables)

    def move(self, *words: str) -> str:
        """What script/hosts does and says."""
        done = subprocess.run([HOSTS, *words], capture_output=True, text=True, timeout=180, check=True)
        return done.stdout.strip()

    # The pool

    @property
    def pool(self) -> dict[str, dict]:
        return json.loads(self.run("cat /run/slipway-balancer/state.json"))["hosts"]

    @property
    def out(self) -> dict[str, str]:
        """Who gets no requests, and why."""
        return {name: seen["why"] for name, seen in self.pool.items() if not seen["in"]}

    def wait_out(self, name: str, seconds: float) -> None:
        wait_for(lambda: name in self.out, f"{name} is out", seconds)

    def wait_whole(self, seconds: float) -> None:
        wait_for(lambda: self.out == {}, "all hosts get requests", seconds)

    def moment(self) -> str:
        """Now, as journalctl takes it."""
        return self.run("date +@%s.%3N")

    def drained(self, since: str) -> list[str]:
        """Who was out by a mark, in this order; two at once are one entry with both."""
        lines = self.run("journalctl --quiet --output=cat --unit=slipway-balancer --since=%s", since).splitlines()
        found, now = [], []
        for name, how in re.findall(r"^(\S+) is (out: drained|in)$", "\n".join(lines), re.MULTILINE):
            if how == "in":
                now = [one for one in now if one != name]
            else:
                now.append(name)
                found.append(" and ".join(now))
        return found

    # The apps

    @property
    def releases(self) -> dict[str, str]:
        return {name: self.on(name).json("/whoami")["release"] for name in WEB}

    @property
    def prepared(self) -> list[str]:
        """The releases for which before_switch ran, on any host."""
        return [
            line
            for name in WEB
            for line in self.on(name).run("cat /srv/hello/shared/instance/before_switch || true").split()
        ]


def only_held_posts_are_lost(load: FleetLoad) -> None:
    """Those that a host held when it went: one of each client at most, and no GET."""
    gets, posts = ([line for line in load.lost if f": {method} " in line] for method in ("GET", "POST"))
    assert gets == []
    assert len(posts) <= CLIENTS, load.counts()
