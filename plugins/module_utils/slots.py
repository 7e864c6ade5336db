# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app's two slots: what each should hold, what it holds, and the steps that switch from one to the other."""

from __future__ import annotations

import contextlib
import grp
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator

from ansible_collections.slipway.flask.plugins.module_utils import assets, environment
from ansible_collections.slipway.flask.plugins.module_utils.atomic import File, name_of, point, read, write
from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.health import Vitals
from ansible_collections.slipway.flask.plugins.module_utils.layout import (
    SLOTS,
    UNITS,
    Layout,
    ReleaseLayout,
    other_than,
)
from ansible_collections.slipway.flask.plugins.module_utils.measure import Sample
from ansible_collections.slipway.flask.plugins.module_utils.proc import connections, giving_way
from ansible_collections.slipway.flask.plugins.module_utils.systemd import (
    Late,
    environment_file,
    journal,
    outdated,
    run,
    run_with,
    sandbox_of,
    systemctl,
    unit_faults,
    unit_states,
)

# Units' overrides there are gone after a reboot.
_RUNTIME_UNITS = "/run/systemd/system"
_PROXY = "/usr/lib/systemd/systemd-socket-proxyd --connections-max=4096"
# How much nicer a booting server is, and seconds in which it has become as nice as others: on a busy host it gets done as well.
_GIVING_WAY = (10, 2.0)
# What a slot that was refused gets to end by itself.
_GRACE_SECONDS = 2


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

    def has(self, distribution: str) -> bool:
        """Whether that is installed in the wanted release's environment."""
        there = environment.distributions(ReleaseLayout(self.layout.release(self.release)).site_packages)
        return environment.normal(distribution) in there

    # What is

    def found(self, slot: str) -> dict[str, File]:
        """Every settings file that the slot has, by path."""
        paths = [os.path.join(UNITS, name) for name in (self.layout.service(slot), self.layout.socket(slot))]
        for folder, dummy, names in os.walk(self.layout.settings(slot)):
            paths += [os.path.join(folder, name) for name in names]
        return {path: read(path) for path in paths if os.path.lexists(path)}

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
        units = (self.layout.socket(slot), self.layout.service(slot))
        faults += unit_faults({unit: states.get(unit, {}) for unit in units})
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
        return journal(self.layout.service(slot), since)

    # Steps

    def prepare(self, slot: str) -> None:
        """Give the idle slot its release and settings. Nothing of it runs afterwards."""
        wanted, found = self.wanted(slot), self.found(slot)
        for path in set(found) - set(wanted):
            os.unlink(path)
        settings = self.layout.settings(slot)
        for folder in (os.path.dirname(self.layout.etc), self.layout.etc, settings, os.path.join(settings, "files")):
            os.makedirs(folder, exist_ok=True)
            os.chmod(folder, 0o755)
        changed = {path for path, file in wanted.items() if found.get(path) != file}
        for path in changed:
            write(path, wanted[path])
        point(self.layout.link(slot), os.path.join("releases", self.release))
        units = [self.layout.service(slot), self.layout.socket(slot)]
        overridden = self._remove_override(slot)
        # A run that was killed may have written them unread. With many units, reading them takes the processor for long.
        if overridden or changed & {os.path.join(UNITS, unit) for unit in units} or outdated(units):
            systemctl("daemon-reload")

    def in_sandbox(self, slot: str, argv: list[str], timeout: float, gives_way: bool = False) -> str:
        """Run a one-off command as the app's user in the slot's sandbox; its output, or :class:`CutoverError`."""
        return run_with(sandbox_of(self.service, slot), argv, timeout, gives_way)

    def vitals(self, slot: str) -> Vitals:
        return Vitals(lambda: self.units().get(self.layout.service(slot), {}))

    def sampled(self, slot: str, sample: Sample) -> dict:
        """What a sample of the slot says."""
        main = int(self.units().get(self.layout.service(slot), {}).get("MainPID") or 0)
        return sample.take(self.layout.socket_path(slot), main)

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

    @contextlib.contextmanager
    def giving_way(self, slot: str) -> Iterator[Callable[[bool], None]]:
        """The slot's server leaves the processor to others while it boots; what this gives is told whether it has."""
        with giving_way(int(self.units()[self.layout.service(slot)]["MainPID"]), *_GIVING_WAY) as ease:
            yield ease

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
        """For the next boot. systemd reads its units anew when the other slot is stopped: that takes the processor for long."""
        systemctl("enable", "--no-reload", self.layout.socket(slot), self.layout.service(slot))

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
        group = name_of(grp.getgrgid, os.stat(target).st_gid)
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
        if not running or read(path) != umbrella:

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
