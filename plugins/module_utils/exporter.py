# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nginx's log, systemd and the kernel tell of a host's apps, in Prometheus' format.

    slipway-metrics /etc/slipway/metrics.json

The metrics role puts this file on the host as a program. It needs no rights but to read the log, and knows nothing of the server that an
app runs in: what it counts are a unit's processes and its socket's connections.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone

SLOTS = ("blue", "green")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TURN = 1  # seconds between two looks at the log and the workers
STATES = 5  # seconds after which systemd is asked again
CERTIFICATES = 600  # seconds after which certificates are looked at again
SYSTEMCTL_TIMEOUT = 10
HANDSHAKE_TIMEOUT = 5
# Nginx's workers go on with a file that was rotated away until each of them has been told.
LINGER = 60
CHUNK = 1 << 20

# The nginx role's two formats. A client's quotes come escaped, so that none of its words can pass for these.
JSON = re.compile(
    rb'^\{"time":"[^"\n]*","msec":[\d.]+,"app":"(?P<app>[^"\n]*)","release":"[^"\n]*","status":(?P<status>\d+),'
    rb'"bytes":(?P<bytes>\d+),"request_time":(?P<seconds>[\d.]+),"upstream_time":"(?P<upstream>[^"\n]*)"',
    re.MULTILINE,
)
TEXT = re.compile(
    rb'" (?P<status>\d+) (?P<bytes>\d+) "[^"\n]*" "[^"\n]*" host=\S* time=(?P<seconds>[\d.]+) upstream=(?P<upstream>[^\n]*?) '
    rb"id=\S* app=(?P<app>\S+) release="
)
_NUMBER = re.compile(rb"\d+(?:\.\d+)?")
# A certificate's validity: two times in a sequence, in either of their forms (RFC 5280, 4.1.2.5).
_VALIDITY = re.compile(
    rb"\x30[\x1e\x20\x22](?:\x17\x0d\d{12}Z|\x18\x0f\d{14}Z)(?:\x17\x0d(?P<short>\d{12})Z|\x18\x0f(?P<long>\d{14})Z)"
)


class Histogram:
    """How many values were at most as large as each of the bounds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(BUCKETS, value)] += 1
        self.sum += value


class Tail:
    """The whole lines that are added to a log from now on, through its rotations."""

    def __init__(self, path: str) -> None:
        self.path = path
        # File, beginning of a line without its end, when it was rotated away.
        self.files: list[list] = []
        self._open(os.SEEK_END)

    def read(self) -> Iterator[bytes]:
        """What was added since the last time, in pieces of whole lines."""
        for entry in list(self.files):
            yield from self._new(entry)
        if self._rotated():
            for entry in self.files:
                entry[2] = entry[2] or time.monotonic()
            self._open(os.SEEK_SET)
            if self.files:
                yield from self._new(self.files[-1])
        for entry in [one for one in self.files if one[2] and time.monotonic() - one[2] > LINGER]:
            entry[0].close()
            self.files.remove(entry)

    def close(self) -> None:
        for entry in self.files:
            entry[0].close()

    def _open(self, whence: int) -> None:
        with contextlib.suppress(OSError):
            stream = open(self.path, "rb", buffering=0)  # noqa: SIM115  (it stays open)
            stream.seek(0, whence)
            self.files.append([stream, b"", 0.0])

    def _rotated(self) -> bool:
        """Whether another file stands at the path than the one that is read."""
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        current = next((one[0] for one in reversed(self.files) if not one[2]), None)
        return current is None or os.fstat(current.fileno()).st_ino != there.st_ino

    @staticmethod
    def _new(entry: list) -> Iterator[bytes]:
        stream, rest, dummy = entry
        if os.fstat(stream.fileno()).st_size < stream.tell():  # It was emptied.
            stream.seek(0)
            rest = b""
        while piece := stream.read(CHUNK):
            lines, end, rest = (rest + piece).rpartition(b"\n")
            if end:
                yield lines + end
        entry[1] = rest


class Requests:
    """What the log's lines add up to, by app."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        self.lines: Counter[str] = Counter({"read": 0, "unknown": 0})
        self.statuses: Counter[tuple[str, str]] = Counter()
        self.bytes: Counter[str] = Counter()
        self.seconds: dict[str, Histogram] = {}
        self.upstream: dict[str, Histogram] = {}
        for name in names.values():
            self._know(name)

    def _know(self, name: str) -> None:
        self.seconds[name], self.upstream[name] = Histogram(), Histogram()
        for number in range(1, 6):
            # A counter that begins with its first event shows no rise by it.
            self.statuses[name, f"{number}xx"] = 0

    def add(self, lines: bytes) -> None:
        known = 0
        for pattern in (TEXT, JSON):
            for match in pattern.finditer(lines):
                known += 1
                slug = match["app"].decode(errors="replace")
                name = "" if slug in ("", "-") else self.names.get(slug, slug)
                if name not in self.seconds:
                    self._know(name)
                self.statuses[name, f"{match['status'].decode()[0]}xx"] += 1
                self.bytes[name] += int(match["bytes"])
                self.seconds[name].add(float(match["seconds"]))
                tries = _NUMBER.findall(match["upstream"])
                if tries:
                    self.upstream[name].add(sum(map(float, tries)))
        self.lines["read"] += known
        self.lines["unknown"] += lines.count(b"\n") - known


class Server:
    """The server in one slot of an app, and how often its workers went."""

    def __init__(self, app: dict, slot: str) -> None:
        self.labels = {"app": app["name"], "slot": slot}
        self.unit = f"{app['unit']}@{slot}.service"
        self.socket = f"{app['run']}/{slot}.sock"
        self.link = f"{app['home']}/{slot}"
        self.state: dict[str, str] = {}
        self.main = 0
        self.workers: set[int] = set()
        self.exits = 0
        self.unsure = 0

    def take(self, state: dict[str, str]) -> None:
        """What systemd says of the unit."""
        main = int(state.get("MainPID") or 0)
        if self.unsure:
            # A server that stops lets its workers go, and that of itself is no fault.
            self.exits += self.unsure if main == self.main and state.get("ActiveState") == "active" else 0
            self.unsure = 0
        if main != self.main:
            self.main, self.workers = main, children(main)
        self.state = state

    def look(self) -> None:
        """Count the workers that went since the last look."""
        if self.main:
            now = children(self.main)
            self.unsure += len(self.workers - now)
            self.workers = now

    def memory(self) -> int:
        """Bytes. What its processes hold where systemd does not count, and then what they share more than once."""
        counted = self.state.get("MemoryCurrent", "")
        # systemd says 2^64 - 1 for what it does not know.
        if counted.isdigit() and int(counted) < 1 << 63:
            return int(counted)
        return sum(map(resident, {self.main, *self.workers} - {0}))

    def boot_seconds(self) -> float:
        """What its start took, as far as the server told systemd when it was ready."""
        begun, ready = (
            int(self.state.get(f"{name}TimestampMonotonic") or 0) for name in ("InactiveExit", "ActiveEnter")
        )
        return max(0.0, (ready - begun) / 1e6)


def children(pid: int, proc: str = "/proc") -> set[int]:
    """A process's children (proc(5)), those of all its threads."""
    found: set[int] = set()
    if pid:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"{proc}/{pid}/task"):
                with (
                    contextlib.suppress(OSError),
                    open(f"{proc}/{pid}/task/{thread}/children", encoding="ascii") as file,
                ):
                    found.update(map(int, file.read().split()))
    return found


def resident(pid: int, proc: str = "/proc") -> int:
    """Bytes of memory that a process holds."""
    try:
        with open(f"{proc}/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def connections(table: str = "/proc/net/unix") -> Counter[tuple[str, str]]:
    """Connections to listening unix sockets, by path: those that wait and those that a server has accepted (proc(5))."""
    found: Counter[tuple[str, str]] = Counter()
    with contextlib.suppress(OSError), open(table, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            row = line.split(None, 7)
            # Until it is accepted a connection has no socket of its own, which the kernel calls connecting.
            if len(row) == 8 and row[5] in ("02", "03"):
                found[row[7].rstrip("\n"), "waiting" if row[5] == "02" else "accepted"] += 1
    return found


def states(units: Iterable[str]) -> dict[str, dict[str, str]]:
    """What systemd says of units, by name."""
    wanted = (
        "Id,ActiveState,MainPID,NRestarts,MemoryCurrent,ActiveEnterTimestampMonotonic,InactiveExitTimestampMonotonic"
    )
    try:
        done = subprocess.run(
            ["systemctl", "show", f"--property={wanted}", *units],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SYSTEMCTL_TIMEOUT, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return {}
    blocks = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in done.stdout.split("\n\n")]
    return {block.get("Id", ""): block for block in blocks}


def ends(certificate: bytes) -> float:
    """When a certificate (DER) ends, in seconds since the epoch."""
    match = _VALIDITY.search(certificate)
    if not match:
        raise ValueError("no validity in the certificate")
    # Two digits mean a year from 1950 to 2049.
    text = (match["long"] or (b"19" if match["short"] >= b"50" else b"20") + match["short"]).decode()
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc).timestamp()


def served(domain: str, port: int) -> float:
    """When the certificate that Nginx serves for a domain ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # How long it lasts is asked, not by whom it is signed.
    with (
        socket.create_connection(("127.0.0.1", port), timeout=HANDSHAKE_TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname=domain) as secure,
    ):
        return ends(secure.getpeercert(binary_form=True) or b"")


class Host:
    """All that is known, and told."""

    def __init__(self, settings: dict) -> None:
        self.apps = settings["apps"]
        self.certificates = settings["certificates"]
        self.tail = Tail(settings["log"])
        self.requests = Requests({app["slug"]: app["name"] for app in self.apps})
        self.servers = [Server(app, slot) for app in self.apps for slot in SLOTS]
        self.ends: dict[tuple[str, str], float] = {}
        self.asked = 0.0
        self.lock = threading.Lock()

    def turn(self) -> None:
        """Read what is new in the log, and look at the workers."""
        with self.lock:
            for lines in self.tail.read():
                self.requests.add(lines)
            for server in self.servers:
                server.look()
            unsure = any(server.unsure for server in self.servers)
            if unsure or time.monotonic() - self.asked >= STATES:
                self.ask()

    def ask(self) -> None:
        self.asked = time.monotonic()
        found = states([server.unit for server in self.servers]) if self.servers else {}
        for server in self.servers:
            if server.unit in found:
                server.take(found[server.unit])

    def follow(self) -> None:
        while True:
            self.turn()
            time.sleep(TURN)

    def follow_certificates(self) -> None:
        while True:
            for one in self.certificates:
                with contextlib.suppress(OSError, ValueError):
                    self.ends[one["name"], one["domain"]] = served(one["domain"], one["port"])
            missing = len(self.ends) < len(self.certificates)
            time.sleep(30 if missing else CERTIFICATES)

    # What it tells

    def text(self) -> str:
        self.turn()
        with self.lock:
            return "".join(self.families())

    def families(self) -> Iterator[str]:
        requests, waiting = self.requests, connections()
        yield family("slipway_log_lines_total", "counter", "Lines of Nginx's log, by whether they were understood.", [
            ({"outcome": outcome}, count) for outcome, count in requests.lines.items()
        ])  # fmt: skip
        yield family("slipway_requests_total", "counter", "Requests that Nginx answered, by app and class of status.", [
            ({"app": app, "status": status}, count) for (app, status), count in requests.statuses.items()
        ])  # fmt: skip
        yield family("slipway_response_bytes_total", "counter", "Bytes of the answers' bodies.", [
            ({"app": app}, requests.bytes[app]) for app in requests.seconds
        ])  # fmt: skip
        yield histograms(
            "slipway_request_duration_seconds", "What a request took, the client's own time included.", requests.seconds
        )
        yield histograms(
            "slipway_upstream_duration_seconds", "What the app took of a request that reached it.", requests.upstream
        )
        yield family(
            "slipway_live_info", "gauge", "Which release serves, and from which slot.", list(map(self.live, self.apps))
        )
        yield family("slipway_live_since_seconds", "gauge", "When requests began to go to the live slot.", [
            ({"app": app["name"]}, changed(f"{app['home']}/active.sock")) for app in self.apps
        ])  # fmt: skip
        running = [server for server in self.servers if server.main]
        for name, kind, told, value in (
            ("slipway_workers", "gauge", "Worker processes.", lambda one: len(one.workers)),
            ("slipway_memory_bytes", "gauge", "Memory of the server and its workers.", Server.memory),
            ("slipway_boot_seconds", "gauge", "What the server's last start took.", Server.boot_seconds),
        ):
            yield family(name, kind, told, [(server.labels, value(server)) for server in running])
        for name, told, value in (
            ("slipway_worker_exits_total", "Workers that ended while their server ran on.", lambda one: one.exits),
            (
                "slipway_server_restarts_total",
                "How often systemd had to start the server again.",
                lambda one: one.state.get("NRestarts") or 0,
            ),
        ):
            yield family(name, "counter", told, [(server.labels, value(server)) for server in self.servers])
        yield family("slipway_connections", "gauge", "Connections to the app: those that wait for a worker, and those that one has.", [
            ({**server.labels, "state": state}, waiting[server.socket, state])
            for server in self.servers for state in ("waiting", "accepted")
        ])  # fmt: skip
        yield family("slipway_certificate_end_seconds", "gauge", "When the certificate ends that Nginx serves.", [
            ({"name": name, "domain": domain}, end) for (name, domain), end in self.ends.items()
        ])  # fmt: skip
        yield family(
            "process_cpu_seconds_total", "counter", "Processor time of this exporter.", [({}, time.process_time())]
        )
        yield family(
            "process_resident_memory_bytes", "gauge", "Memory of this exporter.", [({}, resident(os.getpid()))]
        )

    def live(self, app: dict) -> tuple[dict[str, str], int]:
        """Whether a slot serves, with its release."""
        target = link(f"{app['home']}/active.sock")
        for server in self.servers:
            if server.labels["app"] == app["name"] and server.socket == target:
                labels = {**server.labels, "release": os.path.basename(link(server.link))}
                return labels, int(server.state.get("ActiveState") in ("active", "reloading"))
        return {"app": app["name"], "slot": "", "release": ""}, 0


def link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def changed(path: str) -> float:
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return 0


def labelled(labels: dict[str, str]) -> str:
    """Labels as Prometheus' text format has them."""
    escaped = {
        key: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for key, value in labels.items()
    }
    return "{" + ",".join(f'{key}="{value}"' for key, value in escaped.items()) + "}" if labels else ""


def family(name: str, kind: str, told: str, samples: list[tuple[dict[str, str], object]]) -> str:
    lines = [f"# HELP {name} {told}", f"# TYPE {name} {kind}"]
    return "\n".join([*lines, *(f"{name}{labelled(labels)} {value}" for labels, value in samples)]) + "\n"


def histograms(name: str, told: str, found: dict[str, Histogram]) -> str:
    lines = [f"# HELP {name} {told}", f"# TYPE {name} histogram"]
    for app, histogram in found.items():
        total = 0
        for bound, count in zip([*map(str, BUCKETS), "+Inf"], histogram.counts):
            total += count
            lines.append(f"{name}_bucket{labelled({'app': app, 'le': bound})} {total}")
        lines += [
            f"{name}_sum{labelled({'app': app})} {histogram.sum:.6f}",
            f"{name}_count{labelled({'app': app})} {total}",
        ]
    return "\n".join(lines) + "\n"


def serve(host: Host, address: str, port: int) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10
        server_version, sys_version = "slipway", ""

        def do_GET(self) -> None:
            found = self.path.partition("?")[0] == "/metrics"
            body = (host.text() if found else "What you look for is at /metrics.\n").encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words) -> None:
            """A scrape is no news."""

    class HTTPServer(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        daemon_threads = True

    with HTTPServer((address, port), Handler) as server:
        server.serve_forever()


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    host = Host(settings)
    host.ask()
    for target in (host.follow, host.follow_certificates):
        threading.Thread(target=target, daemon=True).start()
    serve(host, settings["address"], int(settings["port"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
