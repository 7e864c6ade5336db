# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd, asked by its own commands, each bounded in time: units, their journal, and the files that they read."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator

from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.proc import session_gives_way

# Keys of a service unit that say how its main process is started and kept, not in which sandbox it runs.
_LIFECYCLE = re.compile(
    r"(Type|NotifyAccess|Exec\w*|Restart\w*|Kill\w*|Timeout\w*|OOMPolicy|Standard\w*|RuntimeDirectory\w*|SyslogIdentifier)\Z"
)
_SYSTEMCTL_SECONDS = 120
_NICE = 10
# Seconds between the niceness of a command's session from its beginning on: on a busy host it gets done as well.
_EASE_SECONDS, _EASED = 0.5, (8, 6, 4, 2, 0)
# Statuses of a command that systemd could not start (systemd.exec(5)), and what it says of each step of that.
_NOT_STARTED, _WHY = range(200, 246), re.compile(r": Failed (?:to|at) ")
# Niceness counts within a session alone where the kernel shares its time out by session (sched(7)).
_GIVE_WAY = f'{{ echo {_NICE} > /proc/self/autogroup; }} 2> /dev/null; exec "$@"'


class Late(CutoverError):
    """A command did not end in time."""


def run(argv: list[str], timeout: float = _SYSTEMCTL_SECONDS) -> subprocess.CompletedProcess:
    """Run a command of the system, its output as text. A time-out (seconds) is :class:`Late`."""
    try:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=timeout, check=False, text=True, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Late(f"{' '.join(argv[:3])} did not end within {timeout:.0f} s") from None


def systemctl(*words: str, timeout: float = _SYSTEMCTL_SECONDS) -> str:
    """What systemctl prints; its complaint is a :class:`CutoverError`."""
    done = run(["systemctl", *words], timeout)
    if done.returncode:
        raise CutoverError(f"systemctl {' '.join(words)}: {done.stdout.strip()}")
    return done.stdout


def unit_states(names: list[str]) -> dict[str, dict[str, str]]:
    """State of units by name, in one call."""
    shown = systemctl("show", "--property=Id,ActiveState,UnitFileState,NRestarts,MainPID", *names)
    states = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n")]
    return {state.get("Id", ""): state for state in states}


def outdated(names: list[str]) -> bool:
    """Whether systemd knows one of these units otherwise than its files say."""
    return "yes" in systemctl("show", "--property=NeedDaemonReload", "--value", *names).split()


def enabled(unit: str, state: dict[str, str]) -> bool:
    """Whether it comes back after a reboot. systemd's own state may be older than its last reading of the units."""
    return state.get("UnitFileState") == "enabled" or not run(["systemctl", "is-enabled", "--quiet", unit]).returncode


def unit_faults(states: dict[str, dict[str, str]]) -> list[str]:
    """What keeps these units, each with its state, from serving now and after a reboot."""
    faults = []
    for unit, state in states.items():
        if state.get("ActiveState") not in ("active", "reloading"):
            faults.append(f"{unit} is {state.get('ActiveState')}")
        elif not enabled(unit, state):
            faults.append(f"{unit} is not enabled, so it would not come back after a reboot")
    return faults


def journal(unit: str, since: float) -> list[str]:
    """The last lines of a unit's journal since a time, in seconds of the epoch."""
    argv = ["journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=300", f"--since=@{since:.3f}"]
    return last_lines(run([*argv, f"--unit={unit}"]).stdout)


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


def run_with(properties: list[str], argv: list[str], timeout: float, gives_way: bool = False) -> str:
    """Run a one-off command as a unit with these properties; its output, or :class:`CutoverError`.

    One that ``gives_way`` leaves the processor to others at first. What works on a database must not: a lock that it holds while it
    gets no processor keeps those waiting that it gives way to.
    """
    unit, since, begun = f"slipway-{os.getpid()}-{time.monotonic_ns()}.service", time.time(), time.monotonic()
    command = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec"]
    command += [f"--nice={_NICE}"] if gives_way else []
    command += [f"--unit={unit}", *(f"--property={entry}" for entry in properties)]
    command += [f"--property=RuntimeMaxSec={timeout:.0f}", "--property=TimeoutStopSec=5", "--"]
    # Left alone, systemd looks for the program on a path of its own, and puts values in place of $NAME.
    words = ["/bin/sh", "-c", _GIVE_WAY, "sh", *argv] if gives_way else ["/usr/bin/env", *argv]
    with _eased(unit) if gives_way else contextlib.nullcontext():
        done = run([*command, *(word.replace("$", "$$") for word in words)], timeout + 30)
    if not done.returncode:
        return done.stdout
    if done.returncode in _NOT_STARTED and (why := [line for line in journal(unit, since) if _WHY.search(line)]):
        raise CutoverError(f"systemd could not start it in its sandbox (status {done.returncode})", why)
    late = time.monotonic() - begun >= timeout
    end = f"not done within {timeout:.0f} s" if late else f"ended with {done.returncode}"
    raise CutoverError(end, last_lines(done.stdout))


@contextlib.contextmanager
def _eased(unit: str) -> Iterator[None]:
    """The main process of a unit that gives way does so less and less while the block lasts."""
    over = threading.Event()

    def ease() -> None:
        leader = 0
        for nice in _EASED:
            if over.wait(_EASE_SECONDS):
                return
            with contextlib.suppress(CutoverError, ValueError):
                leader = leader or int(systemctl("show", "--value", "--property=MainPID", unit))
            if leader:
                session_gives_way(leader, nice)

    thread = threading.Thread(target=ease, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(1)


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


def environment_file(variables: dict[str, object]) -> str:
    """Text for systemd's EnvironmentFile=, any value quoted so that it arrives unchanged (systemd.exec(5))."""

    def quote(value: object) -> str:
        return '"' + re.sub(r'(["\\`$])', r"\\\1", str(value)) + '"'

    return "".join(f"{key}={quote(value)}\n" for key, value in sorted(variables.items()))
