"""Run the collection's playbooks as a user does, on the hosts of the scenarios."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
INVENTORY = ROOT / "molecule" / "inventory"


class Played(NamedTuple):
    ok: bool
    output: str

    @property
    def changed(self) -> int:
        """Tasks that changed something, on all hosts together."""
        return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", self.output))


def play(playbook: str | Path, *arguments: str, cwd: Path = ROOT, **variables) -> Played:
    """``ansible-playbook`` with ``variables`` in a file, its output as one text. Bounded to five minutes.

    As a user who types it in ``cwd``, with what lies there: a checkout's ansible.cfg, or installed collections.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_CO")}
    environment |= {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(variables, file)
        file.flush()
        command = ["ansible-playbook", "-i", str(INVENTORY), f"--extra-vars=@{file.name}", str(playbook), *arguments]
        done = subprocess.run(
            command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
        )  # fmt: skip
    return Played(done.returncode == 0, done.stdout)
