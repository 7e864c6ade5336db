"""A fleet that is a folder, for actions in place of those of the collection that touch hosts.

``FLEET/events`` has a line for each thing that was done; ``FLEET/lost/HOST`` is there of a host that cannot be reached;
``FLEET/hosts/HOST/APP`` has an app's live slot and the releases of both, ``FLEET/pools/BALANCER/HOST`` is the mark of one that is out.
``FLEET/faults``: what is to go wrong, by what is done: ``refuse`` it, ``lose`` the host, do it and ``fail after`` or ``lose after``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase


class Fault(AnsibleActionFail):
    """What a module says when it fails."""


class WorldAction(ActionBase):
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        self.fleet = Path(task_vars["fleet"])
        self.host = task_vars["inventory_hostname"]
        self.at = self._task.delegate_to or self.host
        self.check = self._task.check_mode
        self.faults = json.loads((self.fleet / "faults").read_text())
        return {**super().run(tmp, task_vars), **self.answer({**self._task.args}, task_vars)}

    def do(self, what: str, work=lambda: None) -> None:
        """Do it, unless the host is gone or something is to go wrong."""
        lost, how = self.fleet / "lost" / self.at, self.faults.get(what, "")
        if how == "lose":
            lost.touch()
        if lost.exists():
            raise AnsibleConnectionFailure(f"{self.at} is gone")
        if how == "refuse":
            raise Fault(f"{what}: refused")
        work()
        with (self.fleet / "events").open("a") as events:
            events.write(f"{what}\n")
        if how == "lose after":
            lost.touch()
            raise AnsibleConnectionFailure(f"{self.at} is gone")
        if how == "fail after":
            raise Fault(f"{what}: failed after it was done")


def write(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(value))
    new.replace(path)
