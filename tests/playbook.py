"""Run the collection's playbooks as a user does, on the hosts of the scenarios."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
INVENTORY = ROOT / "molecule" / "inventory"
# What test processes share: their connections to the hosts, of which Ansible's runs use none, and locks.
SHARED = ROOT / ".cache" / "tests"
SSH = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-o", f"ControlPath={SHARED}/%n"]


class Played(NamedTuple):
    ok: bool
    output: str

    @property
    def changed(self) -> int:
        """Tasks that changed something, on all hosts together."""
        return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", self.output))


def play(playbook: str | Path, *arguments: str, cwd: Path = ROOT, inventory: Path = INVENTORY, **variables) -> Played:
    """``ansible-playbook`` with ``variables`` in a file, its output as one text. Bounded to five minutes.

    As a user who types it in ``cwd``, with what lies there: a checkout's ansible.cfg, or installed collections.
    """
    with playing(playbook, *arguments, cwd=cwd, inventory=inventory, **variables) as process:
        output, _ = process.communicate(timeout=300)
    return Played(process.returncode == 0, output)


@contextlib.contextmanager
def playing(
    playbook: str | Path, *arguments: str, cwd: Path = ROOT, inventory: Path = INVENTORY, **variables
) -> Iterator[subprocess.Popen]:
    """The same while it runs, in a process group of its own, which is killed when the block ends before it."""
    others = ("ANSIBLE_CO", "ANSIBLE_SSH_EXTRA")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    environment |= {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(variables, file)
        file.flush()
        command = ["ansible-playbook", "-i", str(inventory), f"--extra-vars=@{file.name}", str(playbook), *arguments]
        with subprocess.Popen(
            command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
