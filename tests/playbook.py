"""Run the collection's playbooks as a user does, on the hosts of the scenarios."""

from __future__ import annotations

import json
import os
import re
import subprocess
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


def play(
    playbook: str | Path, *arguments: str, cwd: Path = ROOT, collections: Path | None = None, **variables
) -> Played:
    """``ansible-playbook`` with ``variables`` as extra variables, its output as one text. Bounded to five minutes."""
    command = ["ansible-playbook", "-i", str(INVENTORY), str(playbook), *arguments]
    command += ["--extra-vars", json.dumps(variables)] if variables else []
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(collections or ROOT / ".collections")
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    return Played(done.returncode == 0, done.stdout)
