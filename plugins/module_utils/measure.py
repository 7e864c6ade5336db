# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a server answers on its private socket, asked as Nginx asks: a new connection for each request."""

from __future__ import annotations

import itertools
import math
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.slipway.flask.plugins.module_utils.proc import family, memory

_AGENT = "slipway-measure"


def request(
    path: str, host: str = "localhost", method: str = "GET", headers: dict | None = None, body: str = ""
) -> bytes:
    """A request as it goes over the wire."""
    sent = {"Host": host, "X-Forwarded-Proto": "https", "User-Agent": _AGENT, "Connection": "close", **(headers or {})}
    content = body.encode()
    if content or method not in ("GET", "HEAD"):
        sent["Content-Length"] = str(len(content))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


def writing(requests: Iterable[Mapping]) -> list[str]:
    """Methods of these requests that write to the app's own data, as all but GET and HEAD may."""
    return sorted({request["method"] for request in requests} - {"GET", "HEAD"})


class _Asked:
    """A request under way."""

    def __init__(self, path: str, content: bytes, patience: float) -> None:
        self.begun, self.head = time.monotonic(), b""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.settimeout(patience)
            self.socket.connect(path)
            self.socket.sendall(content)
            self.socket.setblocking(False)
        except OSError:
            self.socket.close()
            raise

    def more(self) -> bool:
        """Take what came; whether that was all."""
        piece = self.socket.recv(1 << 18)
        if len(self.head) < 12:
            self.head += piece[:12]
        return not piece

    @property
    def good(self) -> bool:
        status = self.head[9:12]
        return self.head.startswith(b"HTTP/1.") and status.isdigit() and 200 <= int(status) < 400


def measure(path: str, requests: Iterable[bytes], clients: int = 1, seconds: float = 10, most: int = 100_000, warm: float = 0,
            patience: float = 10, alarm: Callable[[], bool] = lambda: False, least: int = 0) -> dict:  # fmt: skip
    """Ask the server at a unix socket by so many clients, each of which asks again when it was answered.

    Ends after ``seconds`` or ``most`` requests, whichever comes first, or with the alarm, which is asked a few times a second;
    what came in the ``warm`` seconds before is not counted, and over them the clients begin. An answer that is not below 400, or
    that does not come within ``patience`` seconds after the end, is an error. Times are in milliseconds. Where answers are so slow
    that not even ``least`` of them came in time, it takes up to three times as long: few tell little of the rate.
    """
    turns, selector, times, errors, counted = itertools.cycle(requests), selectors.DefaultSelector(), [], 0, 0
    start = time.monotonic()
    begin, end, asked, under_way = start + warm, start + warm + seconds, 0, 0
    last, looked, longest = begin, start, begin + 3 * seconds
    with selector:
        while True:
            now = time.monotonic()
            if now - looked > 0.25:
                looked = now
                if alarm():
                    end, longest = min(end, now), 0.0
            if end <= now < longest and counted < least:
                end = min(longest, now + 0.25)
            wanted = clients if now >= begin else max(1, math.ceil(clients * (now - start) / warm))
            while under_way < wanted and asked < most and now < end:
                asked += 1
                try:
                    one = _Asked(path, next(turns), patience)
                except OSError:
                    errors += 1
                    time.sleep(0.01)  # A server that is not there is not asked a thousand times a second.
                    now = time.monotonic()
                    continue
                selector.register(one.socket, selectors.EVENT_READ, one)
                under_way += 1
            if not under_way and (asked >= most or now >= end):
                break
            if now >= end + patience:
                errors += under_way
                for key in list(selector.get_map().values()):
                    key.fileobj.close()
                break
            for key, dummy in selector.select(0.05):
                one = key.data
                try:
                    if not one.more():
                        continue
                    good = one.good
                except BlockingIOError:
                    continue
                except OSError:
                    good = False
                selector.unregister(one.socket)
                one.socket.close()
                under_way -= 1
                done = time.monotonic()
                errors += not good
                if good and done >= begin:
                    times.append(done - one.begun)
                    if done <= end:
                        counted, last = counted + 1, done
    # Where the number of requests was the end, time ended with the last of them.
    took = (end if asked < most else last) - begin
    return {
        "requests": asked,
        "errors": errors,
        "rate": round(counted / took, 1) if took > 0 else 0.0,
        "p50": percentile(times, 50),
        "p95": percentile(times, 95),
        "p99": percentile(times, 99),
    }


def percentile(seconds: list[float], percent: float) -> float | None:
    """In milliseconds, of what was measured in seconds; None where nothing was."""
    if not seconds:
        return None
    return round(1000 * sorted(seconds)[max(0, math.ceil(len(seconds) * percent / 100) - 1)], 2)


class Sample:
    """A few requests, one after the other, before and after a cutover: what a deploy changed."""

    # Of one side, however slow the app is.
    SECONDS = 10

    def __init__(self, requests: int, paths: list[str], host: str) -> None:
        self.requests, self.content = requests, [request(path, host) for path in paths]

    def take(self, socket_path: str, main: int) -> dict:
        """Times in milliseconds, errors, and the memory (bytes) of the server whose main process that is."""
        found = measure(socket_path, self.content, seconds=self.SECONDS, most=self.requests)
        return {
            **{name: found[name] for name in ("requests", "errors", "p50", "p99")},
            "memory": memory(family(main)),
        }
