# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The idle slot as a place to try settings in: the live release and its settings, but for those that are tried."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import select
import signal
import time
from collections.abc import Callable, Iterator

from ansible_collections.slipway.flask.plugins.module_utils.atomic import File, point, write
from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.health import Probe
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout, other_than
from ansible_collections.slipway.flask.plugins.module_utils.measure import measure
from ansible_collections.slipway.flask.plugins.module_utils.proc import children, family, memory, session_gives_way
from ansible_collections.slipway.flask.plugins.module_utils.search import Candidate
from ansible_collections.slipway.flask.plugins.module_utils.slots import App
from ansible_collections.slipway.flask.plugins.module_utils.systemd import Late, run, systemctl

# A server's config file: what says its class of workers, their number and that of their threads, and what a trial has in its end.
CONFIGS = ("gunicorn.conf.py", "uwsgi.ini", "granian.conf.py")
# Of the host's memory, what a load never takes.
_SPARE = 0.05


class Trials(App):
    """One app's idle slot. What serves is read, and neither asked nor changed."""

    def __init__(self, layout: Layout, health: dict, longest: float, nice: int = 19) -> None:
        super().__init__(layout, "", "", "", "")
        self.live = self.live_slot()
        if not self.live or not self.stands(self.live):
            raise CutoverError("expected an app that serves, found none running; run slipway.flask.site")
        self.slot, self.release = other_than(self.live), self.release_of(self.live)
        self.candidate: Candidate | None = None
        self.health, self.longest, self.nice = health, longest, nice
        self.served = self.found(self.live)
        settings = layout.settings(self.live)
        self.config_path = next((p for name in CONFIGS if (p := os.path.join(settings, name)) in self.served), "")
        if not self.config_path:
            raise CutoverError(
                f"expected one of {', '.join(CONFIGS)} in {settings}, found none; run slipway.flask.deploy"
            )

    # What is live

    @property
    def main(self) -> int:
        """Process of the live slot's server."""
        return int(self.units()[self.layout.service(self.live)].get("MainPID") or 0)

    @property
    def config_name(self) -> str:
        """Name of the server's config file."""
        return os.path.basename(self.config_path)

    def current(self) -> Candidate:
        """The settings that serve."""
        worker_class, threads = settings_of(self.config_name, self.served[self.config_path].text)
        return Candidate(worker_class, max(1, len(children().get(self.main, ()))), threads)

    def memory_of_live(self) -> int:
        return memory(family(self.main))

    # The slot

    def wanted(self, slot: str) -> dict[str, File]:
        """The live slot's files, with what is tried after all else in the server's."""
        wanted = {}
        names = {
            os.path.basename(self.layout.service(self.live)): self.layout.service(slot),
            os.path.basename(self.layout.socket(self.live)): self.layout.socket(slot),
        }
        for path, file in self.served.items():
            folder, name = os.path.split(path)
            settings = self.layout.settings(self.live)
            text = file.text
            if folder == settings and name == "env":
                text = text.replace(f'SLIPWAY_SLOT="{self.live}"', f'SLIPWAY_SLOT="{slot}"')
            if path == self.config_path and self.candidate:
                text = changed(self.config_name, text, self.candidate)
            if name in names:
                path = os.path.join(folder, names[name])
            elif folder == settings or folder.startswith(settings + os.sep):
                path = self.layout.settings(slot) + path[len(settings) :]
            wanted[path] = file._replace(text=text)
        return wanted

    @contextlib.contextmanager
    def borrowed(self) -> Iterator[None]:
        """The slot is free for trials meanwhile, and then as it was. Should this run be killed, the next deploy puts it in order."""
        if self.busy(self.slot):
            raise CutoverError(f"slot {self.slot} is not idle; run slipway.flask.deploy, which puts it in order")
        before, link = self.found(self.slot), self.layout.link(self.slot)
        target = os.readlink(link) if os.path.islink(link) else ""
        try:
            self.prepare(self.slot)
            # A server that nobody looks after any more ends by itself.
            self._override(self.slot, f"Nice={self.nice}\nRestart=no\nRuntimeMaxSec={self.longest:.0f}\n")
            yield
        finally:
            self.stop(self.slot, 2)
            for path in set(self.found(self.slot)) - set(before):
                os.unlink(path)
            for path, file in before.items():
                write(path, file)
            if target:
                point(link, target)
            else:
                os.unlink(link)
            systemctl("daemon-reload")

    @contextlib.contextmanager
    def running(self, candidate: Candidate) -> Iterator[float]:
        """A server with these settings meanwhile, below the priority of what serves; gives the seconds that it took to come up."""
        self.candidate = candidate
        path = os.path.join(self.layout.settings(self.slot), self.config_name)
        write(path, self.wanted(self.slot)[path])
        probe = Probe(**{**self.health, "successes": 1})
        begun = time.monotonic()
        try:
            with self.trial(self.slot):
                self.start(self.slot, probe.timeout)
                vitals = self.vitals(self.slot)
                session_gives_way(int(self.units()[self.layout.service(self.slot)]["MainPID"]), self.nice)
                probe.wait(self.layout.socket_path(self.slot), vitals, begun + probe.timeout)
                yield time.monotonic() - begun
        finally:
            self._end()

    def _end(self) -> None:
        """Stop the server, not its socket."""
        service = self.layout.service(self.slot)
        try:
            systemctl("stop", service, timeout=3)
        except Late:
            run(["systemctl", "kill", "--signal=SIGKILL", service])
            systemctl("stop", service)
        run(["systemctl", "reset-failed", service])

    def measured(self, candidate: Candidate, requests: list[bytes], **load) -> dict:
        """How a server with these settings does under a load; what :func:`measure` returns, ``memory`` and ``boot``."""
        with self.running(candidate) as boot:
            path = self.layout.socket_path(self.slot)
            parent, spare = os.getpid(), _SPARE * meminfo()["MemTotal"]

            def alarm() -> bool:
                return os.getppid() != parent or meminfo()["MemAvailable"] < spare

            def work() -> dict:
                return measure(path, requests, alarm=alarm, least=4 * load["clients"], **load)

            longest = 3 * load["seconds"] + load["warm"] + load["patience"] + 10
            found = as_nobody(work, os.stat(path).st_gid, longest, self.nice)
            main = int(self.units()[self.layout.service(self.slot)].get("MainPID") or 0)
            return {**found, "memory": memory(family(main)), "boot": round(boot, 2)}


def settings_of(config: str, text: str) -> tuple[str, int]:
    """Class of workers and threads of each that a server's config file asks for."""

    def last(pattern: str, default: str) -> str:
        return [default, *re.findall(pattern, text, re.MULTILINE)][-1]

    if config == "gunicorn.conf.py":
        worker_class = last(r'^worker_class = "?(\w+)"?$', "sync")
    else:
        worker_class = "gevent" if re.search(r"^gevent = ", text, re.MULTILINE) else ""
    threads = int(last(r"^(?:threads|THREADS) = (\d+)$", "1"))
    worker_class = worker_class or ("gthread" if threads > 1 else "sync")
    return worker_class, threads if worker_class == "gthread" else 1


def changed(config: str, text: str, candidate: Candidate) -> str:
    """A server's config file with other settings, and without a line in the journal for each request of a load."""
    if config == "gunicorn.conf.py":
        lines = ["", f'worker_class = "{candidate.worker_class}"', f"workers = {candidate.workers}"]
        return "\n".join([text, *lines, f"threads = {candidate.threads}", "max_requests = 0", "accesslog = None", ""])
    values = {"workers": str(candidate.workers), "threads": str(candidate.threads)}
    if config == "uwsgi.ini":
        values |= {"max-requests": "0", "max-requests-delta": "0"}
        text += "disable-logging = true\n"
    else:
        values = {name.upper(): value for name, value in values.items()}
        text = text.replace('"log_access": True', '"log_access": False')
    for name, value in values.items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
    return text


def as_nobody(work: Callable[[], dict], group: int, longest: float, nice: int = 19) -> dict:
    """What the work returns, done by a process that may do nothing but connect to the sockets of a group."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(reader)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            if os.geteuid() == 0:
                os.nice(nice)
                with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as file:
                    file.write(str(nice))
                os.setgroups([])
                os.setgid(group)
                os.setuid(pwd.getpwnam("nobody").pw_uid)
            os.write(writer, json.dumps(work()).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as answer:
            if not select.select([answer], [], [], longest)[0]:
                raise CutoverError(f"the load did not end within {longest:.0f} s")
            text = answer.read()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    if not text:
        raise CutoverError("the load ended without a result")
    return json.loads(text)


# What a load would harm


def meminfo(path: str = "/proc/meminfo") -> dict[str, int]:
    """The host's memory in bytes, by the kernel's names (proc(5))."""
    with open(path, encoding="ascii") as file:
        return {line.split(":")[0]: 1024 * int(line.split()[1]) for line in file}


def busy_share(seconds: float = 1.0, path: str = "/proc/stat") -> float:
    """Which part of the host's processors worked in the seconds to come, from 0 to 1."""

    def ticks() -> tuple[int, int]:
        with open(path, encoding="ascii") as file:
            counts = [int(word) for word in file.readline().split()[1:9]]
        return sum(counts), counts[3] + counts[4]

    (every, idle), dummy = ticks(), time.sleep(seconds)
    later, still = ticks()
    return round(1 - (still - idle) / max(1, later - every), 3)
