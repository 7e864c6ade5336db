# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured of an app beside wrk's own figures: first bytes, memory and processors, and who else is there."""

from __future__ import annotations

import calendar
import contextlib
import os
import platform
import re
import socket
import ssl
import statistics
import threading
import time

from ansible_collections.slipway.flask.plugins.module_utils.errors import BenchError
from ansible_collections.slipway.flask.plugins.module_utils.layout import SLOTS, Layout, ReleaseLayout
from ansible_collections.slipway.flask.plugins.module_utils.proc import children
from ansible_collections.slipway.flask.plugins.module_utils.systemd import run, unit_states
from ansible_collections.slipway.flask.plugins.module_utils.wrk import Wrk

ACCESS_LOG = "/var/log/nginx/access.log"
_TAIL = 1 << 19
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
_LOCAL_CLIENT = re.compile(r"^\W*(127\.0\.0\.1|::1)\b|\"(127\.0\.0\.1|::1)\"")
_TICKS = os.sysconf("SC_CLK_TCK")


class Target:
    """Where an app is asked: its address, its name, and whether by TLS."""

    def __init__(self, address: str, port: int, host: str, tls: bool = False) -> None:
        self.address, self.port, self.host, self.tls = address, port, host, tls

    @property
    def url(self) -> str:
        usual = 443 if self.tls else 80
        return f"{'https' if self.tls else 'http'}://{self.host}{'' if self.port == usual else f':{self.port}'}/"

    def ask(self, request: dict, timeout: float) -> tuple[int, float, bytes]:
        """Status, milliseconds to the first byte over a new connection, and the whole answer."""
        headers = {"Host": self.url.split("/")[2], "Connection": "close", **request["headers"]}
        body = request["body"].encode()
        if body or request["method"] not in ("GET", "HEAD"):
            headers["Content-Length"] = str(len(body))
        head = f"{request['method']} {request['path']} HTTP/1.1\r\n" + "".join(
            f"{k}: {v}\r\n" for k, v in headers.items()
        )
        began = time.perf_counter()
        deadline = time.monotonic() + timeout
        with socket.create_connection((self.address, self.port), timeout) as plain, self._secure(plain) as connection:
            connection.sendall(head.encode() + b"\r\n" + body)
            answer = connection.recv(65536)
            took = time.perf_counter() - began
            part = answer
            while part and time.monotonic() < deadline:
                part = connection.recv(65536)
                answer += part
        status = re.match(rb"HTTP/1\.\d (\d{3})", answer)
        if not status:
            raise OSError(f"{self.address}:{self.port} closed the connection without an answer")
        return int(status[1]), 1000 * took, answer

    def _secure(self, plain: socket.socket):
        if not self.tls:
            return contextlib.nullcontext(plain)
        context = ssl.create_default_context()
        # It is this host that is measured, by whichever certificate.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(plain, server_hostname=self.host)


def check(target: Target, requests: list[dict], timeout: float) -> list[bytes]:
    """Ask for each thing once; the answers. One that is not as expected is a :class:`BenchError`: no load is made of errors."""
    answers = []
    for request in requests:
        name = f"{request['method']} {request['path']}"
        try:
            status, dummy, answer = target.ask(request, timeout)
        except OSError as error:
            raise BenchError(
                f"{name} got no answer of {target.url} at {target.address}:{target.port} ({error})"
            ) from None
        wanted = request.get("status")
        if status != wanted if wanted else status >= 400:
            raise BenchError(
                f"{name} answered {status}, expected {wanted or 'a status below 400'}; a load would measure errors alone. "
                "Write requests that the app answers, or their status"
            )
        answers.append(answer)
    return answers


class FirstByte:
    """Times to the first byte of an answer, each over a new connection, one at a time."""

    def __init__(self, target: Target, request: dict, timeout: float) -> None:
        self.target, self.request, self.timeout = target, request, timeout
        self.times: list[float] = []
        self.failed = 0
        self._stop = threading.Event()

    def once(self) -> None:
        try:
            self.times.append(self.target.ask(self.request, self.timeout)[1])
        except OSError:
            self.failed += 1

    def quiet(self, count: int, seconds: float) -> dict:
        end = time.monotonic() + seconds
        self.once()  # The first one after a while finds everything cold.
        self.times.clear()
        while len(self.times) + self.failed < count and (not self.times or time.monotonic() < end):
            self.once()
            time.sleep(0.02)
        return self.summary()

    @contextlib.contextmanager
    def meanwhile(self):
        def repeat() -> None:
            while not self._stop.wait(0.05):
                self.once()

        thread = threading.Thread(target=repeat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(self.timeout + 1)

    def summary(self) -> dict:
        times = sorted(self.times)
        if not times:
            return {"count": 0, "failed": self.failed}
        return {
            "count": len(times),
            "failed": self.failed,
            "p50": round(statistics.median(times), 3),
            "p95": round(times[min(len(times) - 1, int(0.95 * len(times)))], 3),
            "max": round(times[-1], 3),
        }


class Usage:
    """Memory and processors of groups of processes, each of a first process and its descendants."""

    def __init__(self, groups: dict[str, list[int]], every: float = 0.5) -> None:
        self.groups, self.every = groups, every
        self.memory = dict.fromkeys(groups, 0)
        self.processes = dict.fromkeys(groups, 0)
        self._stop = threading.Event()

    def __enter__(self) -> Usage:
        self.began, self.before = time.monotonic(), self._ticks()
        self.host_before = host_ticks()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *dummy) -> None:
        self.seconds, self.after = time.monotonic() - self.began, self._ticks()
        self.host_after = host_ticks()
        self._stop.set()
        self.thread.join(5)

    def summary(self) -> dict:
        used = {
            group: {
                "memory_mib": round(self.memory[group] / 1024, 1),
                "cpus": round(max(0, self.after[group] - self.before[group]) / _TICKS / self.seconds, 2),
                "processes": self.processes[group],
            }
            for group in self.groups
        }
        busy, total = (after - before for before, after in zip(self.host_before, self.host_after))
        return {**used, "host": {"busy": round(busy / total, 2) if total else 0.0}}

    def _watch(self) -> None:
        while True:
            for group, pids in self._members().items():
                self.memory[group] = max(self.memory[group], sum(map(pss, pids)))
                self.processes[group] = max(self.processes[group], len(pids))
            if self._stop.wait(self.every):
                return

    def _members(self) -> dict[str, list[int]]:
        tree = children()
        return {
            group: [pid for first in firsts for pid in family(first, tree)] for group, firsts in self.groups.items()
        }

    def _ticks(self) -> dict[str, int]:
        return {group: sum(map(ticks, pids)) for group, pids in self._members().items()}


def family(first: int, tree: dict[int, set[int]]) -> list[int]:
    """A process and all that descend from it."""
    return [first, *(pid for child in sorted(tree.get(first, ())) for pid in family(child, tree))] if first else []


def pss(pid: int) -> int:
    """KiB of memory of a process, with its share of what several have in common (proc(5)); 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii", errors="replace") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def ticks(pid: int) -> int:
    """Clock ticks that a process and its ended children took of the processors (proc(5)); 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return sum(map(int, file.read().rpartition(")")[2].split()[11:15]))
    except OSError:
        return 0


def host_ticks() -> tuple[int, int]:
    """Ticks of all processors that were busy, and all ticks (proc(5))."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = list(map(int, file.readline().split()[1:9]))
    return sum(fields) - fields[3] - fields[4], sum(fields)


def load(target: Target, requests: list[dict], groups: dict[str, list[int]], plan: dict, nice: int = 0) -> dict:
    """One load, and all that is measured before and meanwhile. ``plan`` has clients, seconds, most and timeout."""
    check(target, requests, plan["timeout"])
    first = next((request for request in requests if request["method"] == "GET"), None)
    quiet = FirstByte(target, first, plan["timeout"]).quiet(20, 3) if first else {}
    under = FirstByte(target, first, plan["timeout"]) if first else None
    wrk = Wrk(target.url, target.address, target.port, requests, plan["clients"], plan["seconds"], plan["most"],
              plan["timeout"], nice)  # fmt: skip
    try:
        asking = under.meanwhile() if under else contextlib.nullcontext()
        with asking, Usage({**groups, "wrk": [wrk.process.pid]}) as usage:
            # Short of its end, so that wrk's own share is still there to be read.
            time.sleep(max(0.1, plan["seconds"] - 0.2))
        result = wrk.finish()
    finally:
        wrk.end()
    if not result["requests"]:
        raise BenchError(f"no request of the load was answered; errors: {result['errors']}")
    return {
        **result,
        "first_byte_ms": {"quiet": quiet, "load": under.summary() if under else {}},
        "used": usage.summary(),
    }


# Who is there


def live(layout: Layout) -> dict:
    """What serves: slot, release, and the first processes of the app and of Nginx."""
    try:
        target = os.readlink(layout.active)
    except OSError:
        raise BenchError(
            f"{layout.name}: expected an app that serves on this host, found none; run site.yml first"
        ) from None
    slot = next((slot for slot in SLOTS if layout.socket_path(slot) == target), SLOTS[0])
    states = unit_states([layout.service(slot), "nginx.service"])
    mains = {unit: int(state.get("MainPID") or 0) for unit, state in states.items()}
    if not mains.get(layout.service(slot)):
        raise BenchError(f"{layout.name}: expected {layout.service(slot)} to run, found it stopped; run site.yml first")
    return {
        "slot": slot,
        "release": os.path.basename(os.path.realpath(layout.link(slot))),
        "groups": {"app": [mains[layout.service(slot)]], "nginx": [mains.get("nginx.service", 0)]},
    }


def machine(layout: Layout, release: str) -> dict:
    """What runs and on what, by the words that they have for themselves."""
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        model = re.search(r"^model name\s*:\s*(.+)$", file.read(), re.MULTILINE)
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = {line.split(":")[0]: int(line.split()[1]) // 1024 for line in file}
    with contextlib.suppress(OSError), open("/etc/os-release", encoding="utf-8") as file:
        system = re.search(r'^PRETTY_NAME="?([^"\n]*)', file.read(), re.MULTILINE)
    venv = ReleaseLayout(layout.release(release))
    versions = {"kernel": platform.release(), "nginx": run(["nginx", "-v"], 10).stdout.strip().rpartition("/")[2]}
    versions["python"] = os.path.basename(os.path.dirname(venv.site_packages)).removeprefix("python")
    for name in os.listdir(venv.site_packages):
        found = re.fullmatch(r"(flask|gunicorn|gevent|pyuwsgi|granian)-([^-]+)\.dist-info", name, re.IGNORECASE)
        if found:
            versions[found[1].lower()] = found[2]
    return {
        "cpus": os.cpu_count() or 1,
        "cpu": model[1] if model else platform.machine(),
        "memory_mib": memory["MemTotal"],
        "available_mib": memory["MemAvailable"],
        "system": system[1] if system else platform.system(),
        "versions": dict(sorted(versions.items())),
    }


def visitors(domains: list[str], seconds: int, path: str = ACCESS_LOG, now: float | None = None) -> int | None:
    """Requests for the app that others than the host itself made in the last seconds; None where no log tells."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - _TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return None
    names = [re.escape(domain).replace(r"\*", r"[\w-]+") for domain in domains]
    named = re.compile(rf"(?<![\w.-])({'|'.join(names)})(?![\w-])", re.IGNORECASE)
    since = (time.time() if now is None else now) - seconds
    return sum(1 for line in lines if named.search(line) and not _LOCAL_CLIENT.search(line) and _when(line) >= since)


def _when(line: str) -> float:
    """Seconds of the epoch of a line of Nginx's log, in its usual or in ISO's form. Without one it counts as new."""
    usual = re.search(r"(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d\d)(\d\d)", line)
    iso = re.search(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|([+-]\d\d):?(\d\d))", line)
    if usual and usual[2] in _MONTHS:
        day, month, year, *clock = usual.groups()
        fields, zone = [int(year), _MONTHS.index(month) // 4 + 1, int(day), *map(int, clock[:3])], clock[3:]
    elif iso:
        fields, zone = [*map(int, iso.groups()[:6])], iso.groups()[6:]
    else:
        return float("inf")
    offset = 0
    if zone[0]:
        sign = -1 if zone[0].startswith("-") else 1
        offset = sign * (int(zone[0][1:]) * 3600 + int(zone[1]) * 60)
    return calendar.timegm((*fields, 0, 0, 0)) - offset
