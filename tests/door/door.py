"""Playbooks with the inventory of this scenario, for one host."""

from playbook import ROOT, Played
from playbook import play as play_shared


def play(playbook: str, app, *words: str, **variables) -> Played:
    """For the host of ``app``."""
    inventory = ["--inventory", str(ROOT / "molecule/door/inventory"), "--limit", app.machine]
    return play_shared(playbook, *inventory, *words, **variables)
