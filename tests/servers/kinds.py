"""The kinds of server that the scenario `servers` moves its app to, each with the same tests."""

from __future__ import annotations

import concurrent.futures
import time
from typing import NamedTuple

import urllib3
import yaml
from load import Load
from playbook import ROOT, Played, play
from served import Served

INVENTORY = ROOT / "molecule/servers/inventory"
APP = yaml.safe_load((INVENTORY / "group_vars/web.yml").read_text(encoding="utf-8"))["slipway_apps"]["served"]


class Kind(NamedTuple):
    """A server and its class of workers, how many requests that wait one worker has at once, the host of all its tests, and the app.

    On other hosts a kind that is ``everywhere`` has the quick ones.
    """

    name: str
    server: str
    worker_class: str
    at_once: int
    machine: str
    everywhere: bool = False
    wsgi: str = APP["wsgi"]


KINDS = {
    kind.name: kind
    for kind in (
        Kind("uwsgi-gthread", "uwsgi", "gthread", 4, "debian12", everywhere=True),
        Kind("granian-gthread", "granian", "gthread", 4, "debian13", everywhere=True),
        Kind("uwsgi-gevent", "uwsgi", "gevent", 100, "debian13"),
        Kind("gunicorn-gevent", "gunicorn", "gevent", 100, "debian12"),
        # One, as the wrapper runs one request at a time.
        Kind("gunicorn-asgi", "gunicorn", "asgi", 1, "debian13", wsgi="hello.asgi:create_app()"),
        Kind("gunicorn-sync", "gunicorn", "sync", 1, "debian13"),
        Kind("gunicorn-gthread", "gunicorn", "gthread", 4, "debian12"),
    )
}


class Moved(Served):
    """The app of the scenario on one host, with one kind of server."""

    def __init__(self, host, kind: Kind) -> None:
        super().__init__(host, "served")
        self.kind, self.counts, self.played = kind, {}, None

    def deploy(self, **keys) -> Played:
        """Run the playbook `deploy` with this kind of server, and some of the app's keys changed."""
        source = {"path": str(ROOT / "sample_app")}
        kind = self.kind
        app = {
            **APP,
            "source": source,
            "server": kind.server,
            "worker_class": kind.worker_class,
            "wsgi": kind.wsgi,
            **keys,
        }
        words = ["--inventory", str(INVENTORY), "--limit", self.machine]
        return play("playbooks/deploy.yml", *words, slipway_apps={self.name: app})

    def move(self) -> None:
        with self.load() as load:
            self.played = self.deploy()
        self.counts = load.counts()

    def load(self, **options) -> Load:
        """Less than the host can carry, and room for the short requests beside the long ones."""
        return super().load(**{"clients": 4, "pause": 0.02, "slow": 0.3, **options})

    def together(self, path: str, count: int) -> float:
        """Seconds that so many requests take that are sent at once."""
        pool = urllib3.connection_from_url(self.url, maxsize=count, retries=False, timeout=30)

        def ask(number: int) -> None:
            answer = pool.request("GET", path, headers={"Host": self.domain})
            assert answer.status == 200, answer.data

        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(count) as threads:
            list(threads.map(ask, range(count)))
        return time.monotonic() - start
