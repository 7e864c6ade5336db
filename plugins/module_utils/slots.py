# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app's two slots: what each should hold, what it holds, and the steps that switch from one to the other."""

from __future__ import annotations

import contextlib
import grp
import http.client
import os
import pwd
import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ansible_collections.slipway.flask.plugins.module_utils import assets
from ansible_collections.slipway.flask.plugins.module_utils.layout import SLOTS, UNITS, Layout

# Keys of a service unit that say how its main process is started and kept, not in which sandbox it runs.
_LIFECYCLE = re.compile(r"(Type|NotifyAccess|Exec\w*|Restart\w*|Kill\w*|Timeout\w*|Standard\w*|SyslogIdentifier)\Z")
_SYSTEMCTL_SECONDS = 120
# Units' overrides there are gone after a reboot.
_RUNTIME_UNITS = "/run/systemd/system"
_PROXY = "/usr/lib/systemd/systemd-socket-proxyd --connections-max=4096"
# What a slot that was refused gets to end by itself.
_GRACE_SECONDS = 2
# Deaths of processes that no healthy server has while it comes up.
_DEATHS = 3
# After the flip: bad answers in a row, or seconds without any, that are not taken for a hiccup.
_BAD_ANSWERS, _SILENCE_SECONDS = 3, 5


class CutoverError(Exception):
    """The new slot was refused. ``str()`` says why, ``journal`` holds its last lines."""

    def __init__(self, reason: str, journal: list[str] | None = None) -> None:
        super().__init__(reason)
        self.journal = journal or []


class Late(CutoverError):
    """A command did not end in time."""


class File(NamedTuple):
    """A settings file as it should be, or as it was found."""

    text: str
    mode: int
    owner: str
    group: str


def run(argv: list[str], timeout: float = _SYSTEMCTL_SECONDS) -> subprocess.CompletedProcess:
    """Run a command of the system, its output as text. A time-out (seconds) is :class:`Late`."""
    try:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=timeout, check=False, text=True, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Late(f"{' '.join(argv[:3])} did not end within {timeout:.0f} s") from None


def last_lines(text: str, count: int = 30) -> list[str]:
    """The last lines of a server's output, less the frames of tracebacks that are not the app's: they push out the cause."""
    kept, foreign = [], False
    for line in text.splitlines():
        if line.startswith('  File "'):
            foreign = any(part in line for part in ("/site-packages/", '"/usr/lib/python', '"<frozen '))
        elif not line.startswith("    "):
            foreign = False
        if not foreign:
            kept.append(line)
    return kept[-count:]


def environment_file(variables: dict[str, object]) -> str:
    """Text for systemd's EnvironmentFile=, any value quoted so that it arrives unchanged (systemd.exec(5))."""

    def quote(value: object) -> str:
        return '"' + re.sub(r'(["\\`$])', r"\\\1", str(value)) + '"'

    return "".join(f"{key}={quote(value)}\n" for key, value in sorted(variables.items()))


def sandbox_of(service: str, slot: str) -> list[str]:
    """The properties of a service unit that make its sandbox, for one-off commands that must run in the same."""
    section, properties = "", []
    for line in service.splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif (
            section == "[Service]"
            and "=" in line
            and not line.startswith(("#", ";"))
            and not _LIFECYCLE.match(line.split("=")[0])
        ):
            properties.append(line.replace("%i", slot))
    return properties


def connections(path: str, table: str = "/proc/net/unix") -> int:
    """Connections to a listening unix socket: those accepted and those still in its queue (proc(5))."""
    with open(table, encoding="utf-8", errors="replace") as lines:
        rows = (line.split(None, 7) for line in lines)
        # The listener itself has the flag __SO_ACCEPTCON.
        return sum(1 for row in rows if len(row) == 8 and row[7].rstrip("\n") == path and int(row[3], 16) != 0x10000)


def children(proc: str = "/proc") -> dict[int, set[int]]:
    """The living child processes of each process that has some (proc(5))."""
    found: dict[int, set[int]] = {}
    for name in filter(str.isdigit, os.listdir(proc)):
        try:
            with open(f"{proc}/{name}/stat", encoding="utf-8", errors="replace") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # It has just ended.
        if state not in "ZX":
            found.setdefault(int(parent), set()).add(int(name))
    return found


class Vitals:
    """Watches the processes of a slot's server. The master may live while its workers die and are replaced for ever."""

    def __init__(self, state: Callable[[], dict[str, str]]) -> None:
        self._state, self._main = state, 0
        self.workers: set[int] = set()
        # Looks at which workers were missed, and how many were while their master lived.
        self.losses = self.deaths = 0

    def problem(self) -> str:
        """Look once more: what is wrong with the server, '' when nothing is."""
        state = self._state()
        main, before = int(state.get("MainPID") or 0), self.workers
        self.workers = children().get(main, set()) if main else set()
        missed = len(before - self.workers)
        self.losses += bool(missed)
        self.deaths += missed if main == self._main else 0
        self._main = main
        if int(state.get("NRestarts") or 0) >= _DEATHS:
            return "its server keeps dying"
        return "its workers keep dying" if self.deaths >= _DEATHS else ""


class Probe:
    """Asks a slot on its private socket whether the app is healthy."""

    def __init__(self, path=None, paths=None, status=None, text="", host="localhost",
                 timeout=60, successes=3, watch=1) -> None:  # fmt: skip
        self.path, self.text, self.host = path or "/", text, host
        self.paths = [self.path, *(paths or [])]
        self.timeout, self.successes, self.watch = timeout, successes, watch
        self.status = status

    def once(self, socket_path: str, path: str = "", patience: float = 10, alarm: Callable = lambda: False) -> str:
        """What is wrong with one answer, '' when nothing is. It is waited for ``patience`` seconds, or until the alarm."""
        path = path or self.path
        expected = self.status or (200 if path != "/" else None)
        connection = http.client.HTTPConnection(self.host, timeout=patience)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(patience)
        try:
            connection.sock.connect(socket_path)
            headers = {
                "Host": self.host,
                "X-Forwarded-Proto": "https",
                "User-Agent": "slipway-probe",
                "Connection": "close",
            }
            connection.request("GET", path, headers=headers)
            deadline = time.monotonic() + patience
            while not select.select([connection.sock], [], [], min(0.25, patience))[0]:
                if alarm() or time.monotonic() >= deadline:
                    return f"GET {path} got no answer"
            answer = connection.getresponse()
            body = answer.read(1 << 20).decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return f"GET {path} got no answer ({type(error).__name__}: {error})"
        finally:
            connection.close()
        if answer.status != expected if expected else answer.status >= 500:
            return f"GET {path} answered {answer.status}, expected {expected or 'a status below 500'}"
        if path == self.path and self.text not in body:
            return f"GET {path} answered {answer.status} without the text {self.text!r}"
        return ""

    def wait(self, socket_path: str, vitals: Vitals, deadline: float) -> None:
        """Return after enough good answers in a row; raise when time is up or the slot's processes keep dying.

        Enough is ``successes`` for each path and for each worker: one that answers well once may not do so twice.
        """
        good = asked = 0
        while True:
            path, before = self.paths[asked % len(self.paths)], vitals.losses
            fault = self.once(socket_path, path, min(10.0, max(1.0, deadline - time.monotonic())), vitals.problem)
            asked, problem = asked + 1, vitals.problem()
            good = 0 if fault or vitals.losses != before else good + 1
            if good >= self.successes * max(len(self.paths), len(vitals.workers)):
                return
            last = f"last: {fault or 'too few good answers in a row'}"
            if problem:
                raise CutoverError(f"{problem}; {last}")
            if time.monotonic() > deadline:
                raise CutoverError(f"not healthy within {self.timeout} s; {last}")
            time.sleep(0.25 if fault else 0.02)

    def watch_over(self, socket_path: str, vitals: Vitals) -> None:
        """Go on asking for ``watch`` seconds; raise when the answers stay bad or out, or processes keep dying."""
        end, bad, asked = time.monotonic() + self.watch, 0, 0
        while bad or time.monotonic() < end:
            began = time.monotonic()
            patience = min(_SILENCE_SECONDS, max(1.0, end - began))
            fault = self.once(socket_path, self.paths[asked % len(self.paths)], patience, vitals.problem)
            silent = bool(fault) and time.monotonic() - began >= patience
            if silent and patience < _SILENCE_SECONDS:
                return  # The watch is over, and all workers may have been busy with users.
            asked, bad, problem = asked + 1, bad + 1 if fault else 0, vitals.problem()
            if problem or silent or bad >= _BAD_ANSWERS:
                raise CutoverError(f"{problem or 'it no longer answers as it should'}; last: {fault or 'good'}")
            time.sleep(0.1)


class App:
    """One app on this host: its wanted release and settings, and what stands there."""

    def __init__(self, layout: Layout, release: str, service: str, socket_unit: str, umbrella: str,
                 config=None, env=None, secrets=None, files=None) -> None:  # fmt: skip
        self.layout, self.release = layout, release
        self.service, self.socket_unit, self.umbrella = service, socket_unit, umbrella
        self.config, self.env, self.secrets, self.files = config or {}, env or {}, secrets or {}, files or {}
        # Seconds of the clock that only goes forward. Unknown is taken for now: a run before this one may just have flipped.
        self.flipped = time.monotonic()

    # What should be

    def wanted(self, slot: str) -> dict[str, File]:
        """Every settings file of the slot, by path."""
        settings = self.layout.settings(slot)
        env = {"SLIPWAY_APP": self.layout.name, "SLIPWAY_RELEASE": self.release, "SLIPWAY_SLOT": slot, **self.env}
        wanted = {
            os.path.join(UNITS, self.layout.service(slot)): File(self.service, 0o644, "root", "root"),
            os.path.join(UNITS, self.layout.socket(slot)): File(self.socket_unit, 0o644, "root", "root"),
            os.path.join(settings, "env"): File(environment_file(env), 0o600, "root", "root"),
            os.path.join(settings, "secrets"): File(environment_file(self.secrets), 0o600, "root", "root"),
        }
        for name, text in self.config.items():
            wanted[os.path.join(settings, name)] = File(text, 0o640, "root", self.layout.user)
        for path, text in self.files.items():
            name = path.strip("/").replace("/", "~")
            wanted[os.path.join(settings, "files", name)] = File(text, 0o640, "root", self.layout.user)
        return wanted

    def is_private(self, path: str) -> bool:
        """Whether the file may hold secrets, so that a diff only names it."""
        return os.path.basename(path) == "secrets" or os.path.basename(os.path.dirname(path)) == "files"

    # What is

    def found(self, slot: str) -> dict[str, File]:
        """Every settings file that the slot has, by path."""
        paths = [os.path.join(UNITS, name) for name in (self.layout.service(slot), self.layout.socket(slot))]
        for folder, dummy, names in os.walk(self.layout.settings(slot)):
            paths += [os.path.join(folder, name) for name in names]
        return {path: _read(path) for path in paths if os.path.lexists(path)}

    def release_of(self, slot: str) -> str:
        """ID of the release that the slot points at, '' when none."""
        try:
            return os.path.basename(os.readlink(self.layout.link(slot)))
        except OSError:
            return ""

    def live_slot(self) -> str | None:
        """The slot whose socket Nginx connects to; where that link was lost, the slot that runs."""
        named = [slot for slot in SLOTS if self.is_active(slot)]
        states = self.units() if not named else {}
        running = [slot for slot in SLOTS if states.get(self.layout.service(slot), {}).get("ActiveState") == "active"]
        return next(iter(named + running), None)

    def is_active(self, slot: str) -> bool:
        try:
            return os.readlink(self.layout.active) == self.layout.socket_path(slot)
        except OSError:
            return False

    def units(self) -> dict[str, dict[str, str]]:
        """State of both slots' units and of the umbrella, in one call."""
        names = [unit(slot) for slot in SLOTS for unit in (self.layout.service, self.layout.socket)]
        return unit_states([*names, self.layout.umbrella])

    def stands(self, slot: str) -> bool:
        """Whether the slot runs and can be reached."""
        states = self.units()
        pair = [states.get(unit, {}) for unit in (self.layout.socket(slot), self.layout.service(slot))]
        return all(s.get("ActiveState") == "active" for s in pair) and os.path.exists(self.layout.socket_path(slot))

    def faults(self, slot: str) -> list[str]:
        """Why the slot is not the wanted one in good order; empty when it is."""
        faults = []
        if self.release_of(slot) != self.release:
            faults.append(f"release {self.release} instead of {self.release_of(slot) or 'none'}")
        wanted, found = self.wanted(slot), self.found(slot)
        faults += [
            f"{path} differs" for path in sorted(set(wanted) | set(found)) if wanted.get(path) != found.get(path)
        ]
        states = self.units()
        for unit in (self.layout.socket(slot), self.layout.service(slot)):
            state = states.get(unit, {})
            if state.get("ActiveState") not in ("active", "reloading"):
                faults.append(f"{unit} is {state.get('ActiveState')}")
            elif state.get("UnitFileState") != "enabled":
                faults.append(f"{unit} is {state.get('UnitFileState')}, so it would not come back after a reboot")
        if not os.path.exists(self.layout.socket_path(slot)):
            faults.append(f"{self.layout.socket_path(slot)} is missing")
        if not self.is_active(slot):
            faults.append(f"{self.layout.active} does not point at it")
        return faults

    def busy(self, slot: str) -> bool:
        """Whether anything of the slot runs or would run after a reboot."""
        states = self.units()
        pair = [states.get(unit, {}) for unit in (self.layout.socket(slot), self.layout.service(slot))]
        return any(
            s.get("ActiveState") not in ("inactive", "failed") or s.get("UnitFileState") == "enabled" for s in pair
        )

    def journal(self, slot: str, since: float) -> list[str]:
        argv = ["journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=300", f"--since=@{since:.3f}"]
        return last_lines(run([*argv, f"--unit={self.layout.service(slot)}"]).stdout)

    # Steps

    def prepare(self, slot: str) -> None:
        """Give the idle slot its release and settings. Nothing of it runs afterwards."""
        wanted = self.wanted(slot)
        for path in set(self.found(slot)) - set(wanted):
            os.unlink(path)
        settings = self.layout.settings(slot)
        for folder in (os.path.dirname(self.layout.etc), self.layout.etc, settings, os.path.join(settings, "files")):
            os.makedirs(folder, exist_ok=True)
            os.chmod(folder, 0o755)
        for path, file in wanted.items():
            write(path, file)
        point(self.layout.link(slot), os.path.join("releases", self.release))
        self._remove_override(slot)
        systemctl("daemon-reload")

    def in_sandbox(self, slot: str, argv: list[str], timeout: float) -> str:
        """Run a one-off command as the app's user in the slot's sandbox; its output, or :class:`CutoverError`."""
        command = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec"]
        command += [f"--property={entry}" for entry in sandbox_of(self.service, slot)]
        command += [f"--property=RuntimeMaxSec={timeout:.0f}", "--property=TimeoutStopSec=5", "--"]
        # Left alone, systemd looks for the program on a path of its own, and puts values in place of $NAME.
        begun = time.monotonic()
        done = run([*command, "/usr/bin/env", *(word.replace("$", "$$") for word in argv)], timeout + 30)
        if done.returncode:
            late = time.monotonic() - begun >= timeout
            end = f"not done within {timeout:.0f} s" if late else f"ended with {done.returncode}"
            raise CutoverError(end, last_lines(done.stdout))
        return done.stdout

    def vitals(self, slot: str) -> Vitals:
        return Vitals(lambda: self.units().get(self.layout.service(slot), {}))

    @contextlib.contextmanager
    def trial(self, slot: str) -> Iterator[None]:
        """When what is tried with the slot fails, stop it at once, and take its last journal lines along."""
        since = time.time()
        try:
            yield
        except BaseException as error:
            try:
                if isinstance(error, CutoverError):
                    # Now: the lines of the stop would push out those that say why.
                    error.journal = self.journal(slot, since)
            finally:
                if not self.is_active(slot):
                    self.stop(slot, _GRACE_SECONDS)
            raise

    def start(self, slot: str, timeout: float) -> None:
        systemctl("start", self.layout.socket(slot))
        started = run(["systemctl", "start", self.layout.service(slot)], timeout)
        if started.returncode:
            raise CutoverError("its server did not start: " + started.stdout.strip().split("\n")[0])

    def stop(self, slot: str, grace: float) -> None:
        """Stop the slot for good. What has not ended within ``grace`` seconds is killed."""
        units = [self.layout.socket(slot), self.layout.service(slot)]
        try:
            # Both in one transaction: a waiting connection would start the service again.
            systemctl("disable", "--now", *units, timeout=grace)
        except Late:
            run(["systemctl", "kill", "--signal=SIGKILL", self.layout.service(slot)])
            systemctl("disable", "--now", *units)
        run(["systemctl", "reset-failed", *units])
        if self._remove_override(slot):
            systemctl("daemon-reload")

    def enable(self, slot: str) -> None:
        systemctl("enable", self.layout.socket(slot), self.layout.service(slot))

    def flip(self, slot: str) -> None:
        """From here on every new connection of Nginx goes to the slot, and static files come from its release."""
        self.flipped = time.monotonic()
        point(self.layout.active, self.layout.socket_path(slot))
        point(self.layout.current, self._current(slot))

    def retire(self, slot: str, drain: float) -> None:
        """Let the slot finish what it holds, at most ``drain`` seconds, and stop it."""
        start = time.monotonic()
        # Nginx may have read the symlink just before the flip and connect just after it.
        time.sleep(max(0.0, min(1.0, self.flipped + 1 - start)))
        while connections(self.layout.socket_path(slot)) and time.monotonic() < start + drain:
            time.sleep(0.1)
        self.stop(slot, max(5.0, start + drain - time.monotonic()))

    # One slot at a time, where memory does not hold two

    def hold(self, slot: str, drain: float) -> None:
        """Stop the slot's server, which ends what it has begun. What comes meanwhile waits in its socket.

        The first of that asks systemd for the server, whose start waits for the app's lock: for the end of this run. So the
        slot serves again when this run is killed.
        """
        self._override(
            slot, f"ExecStartPre=\nExecStartPre=+/usr/bin/flock {self.layout.lock} true\nTimeoutStartSec=infinity\n"
        )
        try:
            systemctl("stop", self.layout.service(slot), timeout=drain + 5)
        except Late:
            run(["systemctl", "kill", "--signal=SIGKILL", self.layout.service(slot)])
            systemctl("stop", self.layout.service(slot))

    def resume(self, slot: str) -> None:
        """Let a slot that was held serve again, first what waits."""
        self._remove_override(slot)
        systemctl("daemon-reload")
        systemctl("restart", self.layout.service(slot))

    def forward(self, slot: str, other: str) -> None:
        """Hand what waits in the slot's socket to the other slot."""
        target = self.layout.socket_path(other)
        group = _name(grp.getgrgid, os.stat(target).st_gid)
        commands = f"ExecStartPre=\nExecStart=\nExecStart={_PROXY} {target}\nExecReload=\n"
        self._override(slot, f"{commands}SupplementaryGroups={group}\n")
        systemctl("restart", self.layout.service(slot))

    def _override_path(self, slot: str) -> str:
        return os.path.join(_RUNTIME_UNITS, f"{self.layout.service(slot)}.d", "slipway.conf")

    def _override(self, slot: str, service: str) -> None:
        path = self._override_path(slot)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, File(f"[Service]\n{service}", 0o644, "root", "root"))
        systemctl("daemon-reload")

    def _remove_override(self, slot: str) -> bool:
        """Whether there was one."""
        there = os.path.exists(self._override_path(slot))
        shutil.rmtree(os.path.dirname(self._override_path(slot)), ignore_errors=True)
        return there

    def disorder(
        self, live: str, drain: float, keep: int, failed: Iterable[str] = ()
    ) -> Iterator[tuple[str, str, Callable]]:
        """What is not in order around the live slot: the step that mends it, how it is told, and what does it.

        The other slot, the links, the umbrella, old releases. Each is looked for when those before it are done or left.
        """
        other, path = other_than(live), os.path.join(UNITS, self.layout.umbrella)
        if not os.path.islink(self.layout.current) or os.readlink(self.layout.current) != self._current(live):
            told = f"pointed {self.layout.current} at {self._current(live)}"
            yield "link", told, lambda: point(self.layout.current, self._current(live))
        if os.path.exists(self._override_path(live)):

            def release() -> None:
                self._remove_override(live)
                systemctl("daemon-reload")

            yield "release", f"removed what held the {live} slot", release
        umbrella = File(self.umbrella, 0o644, "root", "root")
        state = self.units().get(self.layout.umbrella, {})
        running = state.get("ActiveState") == "active" and state.get("UnitFileState") == "enabled"
        if not running or _read(path) != umbrella:

            def install() -> None:
                write(path, umbrella)
                systemctl("enable", "--now", self.layout.umbrella)  # It reads the unit anew.

            yield "umbrella", f"installed {self.layout.umbrella}", install
        if self.busy(other):
            yield "drain", f"stopped the {other} slot", lambda: self.retire(other, drain)
        for release in self.superfluous(keep, failed):
            yield "prune", f"removed release {release}", lambda gone=release: self._remove(gone)

    def _current(self, slot: str) -> str:
        return os.path.join("releases", self.release_of(slot))

    def complete(self) -> dict[str, float]:
        return self.layout.complete()

    def _remove(self, release: str) -> None:
        shutil.rmtree(self.layout.release(release))
        assets.gather(self.layout)

    def superfluous(self, keep: int, failed: Iterable[str] = ()) -> list[str]:
        """Releases that no slot points at: all but the newest ``keep`` that have not failed, and those cut short."""
        pointed = {self.release_of(slot) for slot in SLOTS} | {os.path.basename(os.path.realpath(self.layout.current))}
        good = [release for release in reversed(self.complete()) if release not in set(failed)]
        return sorted(set(os.listdir(self.layout.releases)) - pointed - set(good[:keep]))


def other_than(slot: str | None) -> str:
    return SLOTS[1] if slot == SLOTS[0] else SLOTS[0]


def systemctl(*words: str, timeout: float = _SYSTEMCTL_SECONDS) -> str:
    done = run(["systemctl", *words], timeout)
    if done.returncode:
        raise CutoverError(f"systemctl {' '.join(words)}: {done.stdout.strip()}")
    return done.stdout


def unit_states(names: list[str]) -> dict[str, dict[str, str]]:
    """State of units by name, in one call."""
    shown = systemctl("show", "--property=Id,ActiveState,UnitFileState,NRestarts,MainPID", *names)
    states = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n")]
    return {state.get("Id", ""): state for state in states}


def point(link: str, target: str) -> None:
    """Make a symlink point at the target by rename, so that no one ever finds it missing."""
    temporary = f"{link}.new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, link)


def write(path: str, file: File) -> None:
    """Write a file whole or not at all, never readable by more than it should be."""
    temporary = f"{path}.new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(file.text)
        os.fchown(handle.fileno(), pwd.getpwnam(file.owner).pw_uid, grp.getgrnam(file.group).gr_gid)
        os.fchmod(handle.fileno(), file.mode)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, path)


def _read(path: str) -> File:
    status = os.lstat(path)
    with open(path, encoding="utf-8", errors="replace") as handle:
        text = handle.read()
    return File(text, status.st_mode & 0o7777, _name(pwd.getpwuid, status.st_uid), _name(grp.getgrgid, status.st_gid))


def _name(lookup: Callable, number: int) -> str:
    try:
        return lookup(number)[0]
    except KeyError:
        return str(number)
