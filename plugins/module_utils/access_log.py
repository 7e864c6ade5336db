# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nginx's access log, in either of the forms that the nginx role gives it: read from its end, within bounds."""

from __future__ import annotations

import contextlib
import glob
import gzip
import json
import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from typing import BinaryIO

BLOCK = 1 << 18
# Lines stand in the order in which Nginx's workers wrote them, which may be a little off that of their times.
DISORDER = 10

_TEXT = re.compile(
    r'(?P<client>\S+) - (?P<user>.*?) \[(?P<local>[^\]]+)\] "(?P<request>[^"]*)" (?P<status>\d+) (?P<bytes>\d+|-) '
    r'"(?P<referer>[^"]*)" "(?P<agent>[^"]*)" host=(?P<host>\S*) time=(?P<request_time>[\d.]+) '
    r"upstream=(?P<upstream_time>.*?) id=(?P<id>\S*)(?: app=(?P<app>\S*) release=(?P<release>\S*) at=(?P<msec>[\d.]+))?"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def parse(line: str) -> dict | None:
    """What a line tells of its request, None when it is none of ours. Times in seconds, ``at`` since the epoch."""
    if line.startswith("{"):
        try:
            found = json.loads(line)
        except ValueError:
            return None
        if not isinstance(found, dict) or "request_time" not in found:
            return None
    else:
        match = _TEXT.fullmatch(line)
        if not match:
            return None
        found = {key: "" if value in (None, "-") else value for key, value in match.groupdict().items()}
        words = found["request"].split(" ")
        found["method"], found["path"] = (words[0], words[1]) if len(words) == 3 else ("", found["request"])
    try:
        at = float(found.get("msec") or datetime.strptime(found["local"], "%d/%b/%Y:%H:%M:%S %z").timestamp())
        upstream = [float(number) for number in _NUMBER.findall(str(found.get("upstream_time", "")))]
        return {
            "kind": "request",
            "at": at,
            "time": utc(at),
            "app": found.get("app", ""),
            "release": found.get("release", ""),
            "status": int(found["status"]),
            "method": found.get("method", ""),
            "path": found.get("path", ""),
            "seconds": float(found["request_time"]),
            # Of several tries the sum; none where the app was not asked.
            "upstream": round(sum(upstream), 3) if upstream else None,
            "bytes": int(found.get("bytes") or 0),
            "id": found.get("id", ""),
            "domain": found.get("host", ""),
            **{key: found.get(key, "") for key in ("client", "user", "referer", "agent")},
        }
    except (KeyError, TypeError, ValueError):
        return None


def utc(at: float) -> str:
    seconds, milliseconds = divmod(round(1000 * at), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03d}Z"


def status_fits(wanted: list[str], status: int) -> bool:
    """Whether it is one of these, such as 404 or 5xx."""
    return any(fnmatchcase(str(status), one.lower().replace("x", "?")) for one in wanted)


def path_fits(pattern: str, path: str) -> bool:
    """Whether the path, without what follows a question mark, has this pattern of the shell's kind."""
    return fnmatchcase(path.partition("?")[0], pattern)


class Budget:
    """How much may be read, in bytes and seconds."""

    def __init__(self, size: int, seconds: float) -> None:
        self.size, self.deadline = size, time.monotonic() + seconds
        self.exceeded = False

    def spend(self, size: int) -> bool:
        """Whether there was enough left."""
        self.size -= size
        self.exceeded = self.exceeded or self.size < 0 or time.monotonic() > self.deadline
        return not self.exceeded


def read(path: str, since: float, most: int, fits: Callable[[dict], bool], budget: Budget) -> list[dict]:
    """The newest requests that fit, at most ``most``, oldest first; of the log at ``path`` and those rotated away from it."""
    found: list[dict] = []
    with contextlib.ExitStack() as stack:
        for name, stream in _opened(path, since, stack):
            lines = _of_gzip(stream, most, fits, budget) if name.endswith(".gz") else _backward(stream, budget)
            for line in lines:
                entry = parse(line.decode(errors="replace"))
                if entry is None:
                    continue
                if entry["at"] < since - DISORDER:
                    return found[::-1]
                if entry["at"] >= since and fits(entry):
                    found.append(entry)
                    if len(found) == most:
                        return found[::-1]
            if budget.exceeded:
                break
    return found[::-1]


def _opened(path: str, since: float, stack: contextlib.ExitStack) -> list[tuple[str, BinaryIO]]:
    """The log's files that were written to since then, the newest first. All are open before one is read: they may be rotated."""
    names = {path: 0}
    for name in glob.glob(glob.escape(path) + ".*"):
        number = re.fullmatch(r"\.(\d+)(\.gz)?", name[len(path) :])
        if number:
            names[name] = int(number[1])
    opened, seen = [], set()
    for name in sorted(names, key=lambda one: names[one]):
        with contextlib.suppress(OSError):
            stream = stack.enter_context(open(name, "rb"))  # noqa: SIM115  (the stack closes it)
            info = os.fstat(stream.fileno())
            if info.st_mtime >= since and info.st_ino not in seen:
                seen.add(info.st_ino)
                opened.append((name, stream))
    return opened


def _backward(stream: BinaryIO, budget: Budget) -> Iterator[bytes]:
    """The whole lines of a file, the last first."""
    place, rest = stream.seek(0, os.SEEK_END), b""
    # What is being written at this moment has no end yet.
    first = True
    while place and budget.spend(min(BLOCK, place)):
        size = min(BLOCK, place)
        place = stream.seek(place - size)
        lines = (stream.read(size) + rest).split(b"\n")
        rest = lines.pop(0)
        if first and lines:
            lines.pop()
            first = False
        yield from reversed(lines)
    if not place and rest and not first:
        yield rest


def _of_gzip(stream: BinaryIO, most: int, fits: Callable[[dict], bool], budget: Budget) -> Iterator[bytes]:
    """The last lines that fit, the last first. It can be read forward alone."""
    kept: deque[bytes] = deque(maxlen=most)
    with contextlib.suppress(OSError, EOFError), gzip.open(stream) as lines:
        for line in lines:
            if not budget.spend(len(line)):
                break
            entry = parse(line.decode(errors="replace").rstrip("\n"))
            if entry and fits(entry):
                kept.append(line.rstrip(b"\n"))
    return reversed(kept)
