from __future__ import annotations

import pytest
from load import Load
from playbook import ROOT, Played, play
from served import Served

INVENTORY = ROOT / "molecule/tune/inventory"


class Asking(Load):
    """Strict clients that any app can answer."""

    def _client(self, number: int) -> None:
        pool = self._pool()
        while not self._stop.wait(self.pause):
            self._ask(pool, 200, "ok", "GET", "/healthz")


class Tuned(Served):
    """The scenario's app, as it is measured and profiled."""

    def play(self, playbook: str, *words: str, **variables) -> Played:
        return play(
            f"playbooks/{playbook}.yml", "--inventory", str(INVENTORY), "--limit", self.machine, *words, **variables
        )

    def asked(self) -> Asking:
        """Asked all the time while the block lasts."""
        return Asking(self.url, self.domain, clients=2, pause=0.02, slow=0)

    @property
    def other(self) -> str:
        return {"blue": "green", "green": "blue"}[self.slot]

    def stands(self) -> str:
        """All that a trial in the idle slot may change, as one text: both slots' files, links and units, and who serves."""
        return self.run(
            "cd /; find etc/slipway/%s etc/systemd/system/%s@* run/systemd/system -type f 2>/dev/null | sort | xargs sha256sum;"
            " ls -l srv/%s | grep -e '->' | sed 's/.* \\([a-z.]* ->\\)/\\1/'; systemctl show --property=ActiveState,UnitFileState,MainPID"
            " %s@blue.service %s@blue.socket %s@green.service %s@green.socket; pgrep --uid nobody --list-full || true",
            *[self.name, self.user, self.name, *[self.user] * 4],
        )  # fmt: skip


@pytest.fixture
def app(host) -> Tuned:
    return Tuned(host, "surface")


@pytest.fixture
def converged(app) -> None:
    """It serves with the inventory's settings, which an earlier run of the tests may have changed."""
    if app.run("grep --count '^threads = 4$' /etc/slipway/surface/%s/gunicorn.conf.py || true", app.slot) == "0":
        played = app.play("deploy")
        assert played.ok, played.output
