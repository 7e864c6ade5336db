# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A balancer's pool: which hosts get requests, without a reload of Nginx.

The role ``balancer`` puts this file on the host as a program, ``slipway-balancer``, whose ``serve`` is a service. Nginx has every
host in its files. A host that is out is refused to it by the kernel: a rule of nftables answers each new connection of Nginx's user
with a reset, so that Nginx goes on to the next host before anything was sent. Connections that stand are left alone when a host is
drained; of a host that hangs or is gone they are closed, so that Nginx asks the next one instead of waiting.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import http.client
import ipaddress
import json
import os
import pwd
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

CONFIG = "/etc/slipway/balancer.json"
DRAINED = "/var/lib/slipway-balancer/drained"
STATE = "/run/slipway-balancer/state.json"
TABLE = "slipway_balancer"
# How /proc/net/tcp names connections that hold a request or are about to: established, being opened, closed by the other side.
_BUSY = {"01", "02", "08"}
_TICK = 0.05  # seconds between two looks at what is to be applied
_APPLIED = 3.0  # seconds within which the service applies a mark
_OTHERS = 60.0  # seconds for which one waits while others take hosts out
_TURN = "turn"  # what a mark says that a deploy made


class PoolError(Exception):
    """What went wrong, and what to do."""


class Settings:
    """What the role wrote. ``hosts``: name to address; ``apps``: name, host (header), path and tls of each."""

    def __init__(self, config: dict) -> None:
        self.hosts: dict[str, str] = config["hosts"]
        self.apps: list[dict] = config["apps"]
        self.port, self.tls_port = config.get("port", 80), config.get("tls_port", 443)
        self.user = config.get("user", "www-data")
        self.interval, self.timeout = float(config["interval"]), float(config["timeout"])
        self.fails, self.passes = int(config["fails"]), int(config["passes"])
        self.app_interval, self.app_timeout = float(config["app_interval"]), float(config["app_timeout"])

    @classmethod
    def read(cls, path: str = CONFIG) -> Settings | None:
        """None where this host is no balancer."""
        try:
            with open(path, encoding="utf-8") as file:
                return cls(json.load(file))
        except FileNotFoundError:
            return None


# Who is asked, and what


class Streak:
    """Good or bad, which takes several answers of the other kind in a row to change."""

    def __init__(self, fails: int, passes: int, good: bool = True) -> None:
        self.fails, self.passes, self.good, self.why = fails, passes, good, ""
        self._count = 0

    @property
    def sure(self) -> bool:
        """Whether the last answer was a good one too."""
        return self.good and not self._count

    def add(self, why: str) -> None:
        """``why`` is what was wrong, '' when nothing."""
        if bool(why) != self.good:
            self._count = 0
            self.why = why or ("" if self.good else self.why)
            return
        self._count += 1
        if self._count >= (self.fails if self.good else self.passes):
            self.good, self._count, self.why = not self.good, 0, why


def ask_nginx(address: str, port: int, timeout: float) -> str:
    """'' when the host's Nginx does anything at all with a request, else what was wrong."""
    try:
        with socket.create_connection((address, port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(b"GET /slipway-alive HTTP/1.0\r\n\r\n")
            connection.recv(1)
    except OSError as error:
        return f"no answer of its Nginx within {timeout} s" if isinstance(error, TimeoutError) else f"{error}"
    return ""


def ask_app(address: str, settings: Settings, app: dict) -> str:
    """'' when the app answers by way of the host's Nginx, and not with a fault of the server, else what was wrong."""
    try:
        with contextlib.closing(_connection(address, settings, app)) as connection:
            connection.request("GET", app["path"], headers={"Host": app["host"], "Connection": "close"})
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{app['name']}: no answer to GET {app['path']}: {type(error).__name__} {error}".strip()
    return f"{app['name']}: GET {app['path']} answered {status}" if status >= 500 else ""


def _connection(address: str, settings: Settings, app: dict) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(address, settings.port, timeout=settings.app_timeout)
    if app.get("tls"):
        # Its certificate is for the users' eyes: here the host is asked that the pool names.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection((address, settings.tls_port), settings.app_timeout)
        plain.sendall(b"PROXY UNKNOWN\r\n")
        connection.sock = context.wrap_socket(plain, server_hostname=app["host"])
    return connection


class Watched:
    """One host of the pool, asked by two threads: its Nginx often, its apps now and then."""

    def __init__(self, name: str, address: str, settings: Settings, alive: bool = True) -> None:
        self.name, self.address, self._settings = name, address, settings
        self.alive = Streak(settings.fails, settings.passes, alive)
        self.apps = {app["name"]: Streak(2, 1) for app in settings.apps}
        # When apps were last asked to the end, so that one who puts a host back may wait for the next time.
        self.asked = 0.0

    def start(self) -> None:
        for target in (self._watch_nginx, self._watch_apps):
            threading.Thread(target=target, daemon=True).start()

    def _watch_nginx(self) -> None:
        while True:
            begun = time.monotonic()
            self.alive.add(ask_nginx(self.address, self._settings.port, self._settings.timeout))
            time.sleep(max(0.02, self._settings.interval - (time.monotonic() - begun)))

    def _watch_apps(self) -> None:
        while True:
            begun = time.monotonic()
            for app in self._settings.apps:
                self.apps[app["name"]].add(ask_app(self.address, self._settings, app))
            self.asked = begun
            time.sleep(max(0.1, self._settings.app_interval - (time.monotonic() - begun)))


class Verdict(NamedTuple):
    """Of one host: whether it gets requests, and if not why; whether those it holds are lost; whether a fault may be coming."""

    get: bool
    why: str = ""
    gone: bool = False
    doubt: bool = False


def judge(hosts: Iterable[Watched], drained: set[str]) -> dict[str, Verdict]:
    """Who gets requests. What nobody has does not count: when all hosts fail, all are asked, and so with an app."""
    hosts = list(hosts)
    some_alive = any(host.alive.good for host in hosts if host.name not in drained)
    serving = [host for host in hosts if host.alive.good and host.name not in drained]
    nowhere = {name for host in hosts for name in host.apps if not any(one.apps[name].good for one in serving)}
    verdicts = {}
    for host in hosts:
        faults = [streak.why for name, streak in host.apps.items() if not streak.good and name not in nowhere]
        if not host.alive.good and (some_alive or host.name in drained):
            verdicts[host.name] = Verdict(False, host.alive.why, gone=True)
        elif host.name in drained:
            verdicts[host.name] = Verdict(False, "drained")
        elif faults:
            verdicts[host.name] = Verdict(False, "; ".join(faults))
        else:
            doubt = any(not streak.sure for name, streak in host.apps.items() if name not in nowhere)
            verdicts[host.name] = Verdict(True, host.alive.why if not host.alive.good else "", doubt=doubt)
    return verdicts


# The kernel's part


def ruleset(settings: Settings, out: Iterable[str]) -> str:
    """Commands for nft: the whole table anew, in one transaction."""
    user = pwd.getpwnam(settings.user).pw_uid
    ports = f"{{ {settings.port}, {settings.tls_port} }}"
    lines = [f"table inet {TABLE} {{}}", f"delete table inet {TABLE}", f"table inet {TABLE} {{"]
    lines += ["  chain output {", "    type filter hook output priority 0; policy accept;"]
    for address in sorted(out):
        family = "ip6" if ipaddress.ip_address(address).version == 6 else "ip"
        match = f"meta skuid {user} {family} daddr {address} tcp dport {ports} tcp flags & (syn | ack) == syn"
        lines.append(f"    {match} reject with tcp reset")
    return "\n".join([*lines, "  }", "}", ""])


def nft(text: str) -> None:
    done = subprocess.run(
        ["nft", "-f", "-"], input=text, capture_output=True, text=True, timeout=10, check=False
    )  # fmt: skip
    if done.returncode:
        raise PoolError(f"nft refused the pool's table: {done.stderr.strip()}")


def close(settings: Settings, address: str) -> None:
    """Close all connections to a host that is gone, so that those who wait for its answer wait no longer."""
    family = "-6" if ":" in address else "-4"
    for port in (settings.port, settings.tls_port):
        words = ["ss", "-K", family, "-t", "state", "connected", "dst", address, "dport", "=", f":{port}"]
        subprocess.run(words, capture_output=True, timeout=10, check=False)


def held(settings: Settings, address: str) -> int:
    """How many of Nginx's connections to the host stand."""
    user, wanted, count = str(pwd.getpwnam(settings.user).pw_uid), ipaddress.ip_address(address), 0
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
            for line in list(file)[1:]:
                fields = line.split()
                remote, port = fields[2].split(":")
                if fields[3] in _BUSY and fields[7] == user and int(port, 16) in (settings.port, settings.tls_port):
                    count += _address(remote) == wanted
    return count


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address of /proc/net/tcp: words of 32 bits as the machine stores them."""
    words = [int(text[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    return getattr(address, "ipv4_mapped", None) or address


# The service


def serve() -> None:
    """Keep the kernel's table as the hosts' answers and the marks want it, until the service is stopped."""
    settings = Settings.read()
    if settings is None:
        raise PoolError(f"{CONFIG} is missing; the role `balancer` writes it")
    os.makedirs(DRAINED, exist_ok=True)
    reload = threading.Event()
    signal.signal(signal.SIGHUP, lambda number, frame: reload.set())
    gone = {name for name, seen in known().items() if seen["gone"]}
    hosts = [Watched(name, address, settings, name not in gone) for name, address in settings.hosts.items()]
    for host in hosts:
        host.start()
    applied: dict[str, Verdict] | None = None
    shown: dict = {}
    looked = 0.0
    while not reload.is_set():
        drained = marks()
        verdicts = judge(hosts, drained)
        if applied is None or time.monotonic() > looked + 5:
            # Whoever flushed all tables flushed this one.
            looked = time.monotonic()
            there = subprocess.run(
                ["nft", "list", "table", "inet", TABLE], capture_output=True, timeout=10, check=False
            )  # fmt: skip
            applied = None if there.returncode else applied
        if applied is None or outside(verdicts) != outside(applied):
            nft(ruleset(settings, [settings.hosts[name] for name in outside(verdicts)]))
        for name, verdict in verdicts.items():
            before = applied[name] if applied else Verdict(True)
            if verdict.gone and not before.gone:
                close(settings, settings.hosts[name])
            if verdict[:3] != before[:3]:
                say(f"{name} is {'in' if verdict.get else 'out'}{': ' if verdict.why else ''}{verdict.why}")
        applied = verdicts
        now = {
            host.name: {
                "address": host.address,
                "in": verdicts[host.name].get,
                "sure": not verdicts[host.name].doubt,
                "why": verdicts[host.name].why,
                "gone": verdicts[host.name].gone,
                "drained": host.name in drained,
                "asked": round(host.asked, 1),
            }
            for host in hosts
        }
        if now != shown:
            shown = now
            write(STATE, json.dumps({"hosts": now}, indent=1) + "\n")
        time.sleep(_TICK)
    # Anew, with the files as they are now. The table stands meanwhile.
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606


def outside(verdicts: dict[str, Verdict]) -> set[str]:
    return {name for name, verdict in verdicts.items() if not verdict.get}


def stop() -> None:
    """What the service leaves behind: Nginx's own judgement of hosts, and nothing of this one's."""
    nft(f"table inet {TABLE} {{}}\ndelete table inet {TABLE}\n")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(STATE)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def write(path: str, text: str) -> None:
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(f"{path}.new", path)


# Those who ask the service


def marks() -> set[str]:
    """Hosts that someone took out. They stay out through a reboot of the balancer."""
    try:
        return set(os.listdir(DRAINED))
    except FileNotFoundError:
        return set()


def state() -> dict[str, dict]:
    """The service's view of each host, by name."""
    try:
        with open(STATE, encoding="utf-8") as file:
            return json.load(file)["hosts"]
    except FileNotFoundError:
        raise PoolError("the pool is not watched: `systemctl status slipway-balancer` says why") from None


def known() -> dict[str, dict]:
    """The same; empty where there is none."""
    with contextlib.suppress(PoolError):
        return state()
    return {}


class LastError(PoolError):
    """Nobody else would get requests."""


def refuse_last(name: str) -> None:
    """:class:`LastError` where nobody but this host gets requests."""
    seen = state()
    if seen[name]["in"] and not any(seen[host]["in"] for host in seen if host != name):
        raise LastError(f"{name} is the last host that gets requests; put another one back first, or force it")


def drain(settings: Settings, name: str, timeout: float, force: bool = False, turn: bool = False) -> int:
    """Take a host out and wait until it holds no request, at most ``timeout`` seconds; how many it holds then.

    ``turn`` says in the mark that a deploy takes it out, and not a person. :class:`LastError` when it is the last one.
    """
    os.makedirs(DRAINED, exist_ok=True)
    with taking_out():
        if not force:
            refuse_last(name)
        write_mark(name, _TURN if turn else "")
        wait(lambda: not state()[name]["in"], _APPLIED, f"{name} was marked, and the service did not take it out")
    deadline = time.monotonic() + timeout
    while (left := held(settings, settings.hosts[name])) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


@contextlib.contextmanager
def taking_out() -> Iterator[None]:
    """One after the other, so that of two the second one sees that the first is out."""
    folder = os.open(DRAINED, os.O_RDONLY | os.O_DIRECTORY)

    def locked() -> bool:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    try:
        wait(locked, _OTHERS, "others take hosts out and do not end")
        yield
    finally:
        os.close(folder)


def write_mark(name: str, text: str) -> None:
    with open(os.path.join(DRAINED, name), "w", encoding="utf-8") as file:
        file.write(text)


def left() -> list[str]:
    """Hosts that a deploy took out for their turn. When none is under way, one that ended early left them out."""
    return sorted(name for name in marks() if read_mark(name) == _TURN)


def drained_by_hand(name: str) -> bool:
    """Whether someone took the host out, and no deploy."""
    return name in marks() and read_mark(name) != _TURN


def read_mark(name: str) -> str:
    with contextlib.suppress(FileNotFoundError), open(os.path.join(DRAINED, name), encoding="utf-8") as file:
        return file.read()
    return ""


def undrain(name: str, timeout: float) -> str:
    """Put a host back and wait until it gets requests, at most ``timeout`` seconds; '' or why it gets none."""
    since = time.monotonic()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(DRAINED, name))
    seen: dict = {}

    def back() -> bool:
        seen.update(state()[name])
        # Its apps have been asked since: what they said before was of another release.
        return seen["in"] and seen["sure"] and seen["asked"] > since

    try:
        wait(back, timeout, "")
    except PoolError:
        return seen.get("why") or "its apps were not asked in time"
    return ""


def wait(condition, seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise PoolError(otherwise)
        time.sleep(0.05)


def table() -> str:
    rows = [("host", "address", "gets requests", "why not")]
    rows += [(name, seen["address"], "yes" if seen["in"] else "no", seen["why"]) for name, seen in state().items()]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in rows) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="slipway-balancer", description="The pool of this balancer.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="who gets requests, and why not")
    for name, what in (("drain", "take a host out and let its requests end"), ("undrain", "put it back")):
        command = commands.add_parser(name, help=what)
        command.add_argument("host")
        command.add_argument("--timeout", type=float, default=30.0, help="seconds to wait")
        if name == "drain":
            command.add_argument("--force", action="store_true", help="the last one too")
    commands.add_parser("serve", help="what the service does")
    commands.add_parser("stop", help="what the service does at its end")
    words = parser.parse_args()
    try:
        if words.command in ("serve", "stop"):
            (serve if words.command == "serve" else stop)()
            return 0
        settings = Settings.read()
        if settings is None:
            raise PoolError(f"{CONFIG} is missing; the role `balancer` writes it")
        if words.command == "list":
            sys.stdout.write(table())
            return 0
        if words.host not in settings.hosts:
            raise PoolError(f"expected one of {', '.join(settings.hosts)}, found {words.host!r}")
        if words.command == "drain":
            left = drain(settings, words.host, words.timeout, words.force)
            sys.stdout.write(f"{words.host} is out" + (f"; it still holds {left} requests\n" if left else "\n"))
            return 0
        why = undrain(words.host, words.timeout)
        sys.stdout.write(f"{words.host} is {'not back: ' + why if why else 'back'}\n")
        return bool(why)
    except PoolError as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
