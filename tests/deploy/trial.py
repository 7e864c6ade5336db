"""An app of the scenario `deploy`, as its tests deploy it."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import trees
import yaml
from load import Load
from playbook import ROOT, SSH, Played, play, playing
from served import Served

FULL = bool(os.environ.get("SLIPWAY_FULL"))
INVENTORY = ROOT / "molecule/deploy/inventory"
APPS = yaml.safe_load((INVENTORY / "group_vars/web.yml").read_text(encoding="utf-8"))["slipway_apps"]
INTERRUPT = Path(__file__).with_name("interrupt.py")
COMMAND = ["ssh", "-F", ROOT / ".cache/hosts/ssh_config", *SSH]
OTHER = {"blue": "green", "green": "blue"}
# All that may be left of a deploy, in one look.
STATE = """
cd /srv/{name}
for link in current blue green; do readlink $link || echo; done
systemctl show --value --property=ActiveState,UnitFileState {user}@{idle}.socket {user}@{idle}.service | tr -s '\\n' ' '; echo
flock --nonblock .lock true && echo free || echo held
[ -e current/release.json ] || echo current leads nowhere
for release in releases/*; do [ -e $release/release.json ] || echo partial $release; done
find /srv/{name} /etc/slipway/{name} /etc/systemd/system -name '*.new' -not -path '*/releases/*' -not -path '*/shared/*'
"""


def chosen(cases: dict, *short: str) -> dict:
    """All cases in a full run, else the named ones: those that no other scenario has, and of each kind one."""
    return {name: case for name, case in cases.items() if FULL or name in short}


_versions = itertools.count(time.time_ns())


class Ended(NamedTuple):
    """A playbook that was run, and how long it took."""

    played: Played
    seconds: float

    @property
    def ok(self) -> bool:
        return self.played.ok

    @property
    def output(self) -> str:
        return self.played.output


class Trial(Served):
    """An app that can be deployed with a fault in it."""

    @functools.cached_property
    def url(self) -> str:
        return super().url

    @property
    def workers(self) -> list[int]:
        return [int(pid) for pid in self.run("pgrep --parent %s || true", str(self.master)).split()]

    @property
    def processes(self) -> int:
        """How many processes the app's user has."""
        return int(self.run("pgrep --count --uid %s", self.user))

    @contextlib.contextmanager
    def counted(self) -> Iterator[list[int]]:
        """The same ten times a second while the block lasts, to be read after it."""
        counts: list[int] = []
        words = [*COMMAND, self.machine, f"while sleep 0.1; do pgrep --count --uid {self.user}; done"]
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield counts
            finally:
                process.kill()
                counts += map(int, process.stdout.read().split())

    def load(self, **options) -> Load:
        """Less than the host can carry: what happens under it is to be as quick as on a host of its own."""
        return super().load(**{"clients": 4, "pause": 0.02 if FULL else 0.05, **options})

    def words(self) -> list[str]:
        return ["--inventory", str(INVENTORY), "--limit", self.machine]

    def app(self, **keys) -> dict:
        return {**APPS[self.name], "source": {"path": str(trees.made(self.machine, self.name))}, **keys}

    def change(self, fault: str = "") -> None:
        """Make the tree another release."""
        trees.make(self.machine, self.name, fault, str(next(_versions)))

    def deploy(self, *words: str, **keys) -> Ended:
        """Run the playbook `deploy` for this app, some of its keys changed."""
        return self._timed("playbooks/deploy.yml", *words, slipway_apps={self.name: self.app(**keys)})

    def rollback(self, **variables) -> Ended:
        return self._timed("playbooks/rollback.yml", slipway_apps={self.name: self.app()}, **variables)

    def deploying(self, **keys):
        """The deploy while it runs."""
        return playing("playbooks/deploy.yml", *self.words(), slipway_apps={self.name: self.app(**keys)})

    def _timed(self, playbook: str, *words: str, **variables) -> Ended:
        start = time.monotonic()
        played = play(playbook, *self.words(), *words, **variables)
        return Ended(played, time.monotonic() - start)

    @property
    def release(self) -> str:
        return self.json("/whoami")["release"]

    @property
    def releases(self) -> list[str]:
        return self.run("ls /srv/%s/releases", self.name).split()

    def state(self) -> list[str]:
        """What is at fault around the live slot; empty when one whole release serves and nothing else is left."""
        slot = self.slot
        lines = self.run(STATE.format(name=self.name, user=self.user, idle=OTHER[slot])).splitlines()
        current, links, idle, lock, leftovers = lines[0], dict(zip(OTHER, lines[1:3])), lines[3], lines[4], lines[5:]
        release = os.path.basename(links[slot])
        found = {self.release for _ in range(5)}
        faults = [] if found == {release} else [f"{slot} is to run {release}, and {found} answer"]
        faults += [] if current == f"releases/{release}" else [f"current -> {current}, not {release}"]
        faults += [] if set(idle.split()) <= {"inactive", "disabled"} else [f"{OTHER[slot]}: {idle}"]
        faults += [] if lock == "free" else [f"lock: {lock}"]
        return faults + leftovers

    def moment(self) -> str:
        """Now, as journalctl takes it."""
        return self.run("date +@%s.%3N")

    def told(self, since: str) -> list[tuple[float, str]]:
        """What the journal tells of this app's cutovers, and when (seconds)."""
        lines = self.run("journalctl --quiet --identifier=slipway --output=short-unix --since=%s", since).splitlines()
        told = [(line.split()[0], *line.partition(f"]: {self.name}: ")[1:]) for line in lines]
        return [(float(when), text) for when, ours, text in told if ours]

    def steps(self, since: str) -> dict[str, float]:
        """The steps of its last cutover, and when each began."""
        return {text.rpartition(": step ")[2]: when for when, text in self.told(since) if ": step " in text}

    @contextlib.contextmanager
    def interrupted(self, step: str, how: str) -> Iterator[subprocess.Popen]:
        """Kill what takes the deploy's step, by a process that ends when it did."""
        words = [*COMMAND, self.machine, "sudo", "python3", "-", self.name, step, how]
        with (
            INTERRUPT.open("rb") as script,
            subprocess.Popen(words, stdin=script, stdout=subprocess.PIPE, text=True) as process,
        ):
            try:
                assert process.stdout.readline() == "waits\n"
                yield process
            finally:
                process.kill()
