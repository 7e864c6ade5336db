# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""wrk, told by a script of its own what to ask for, where to, and when enough is asked."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import tempfile
import time

from ansible_collections.slipway.flask.plugins.module_utils.errors import BenchError

ERRORS = ("connect", "read", "write", "timeout", "status")
_QUANTILES = (50, 90, 95, 99)
_MOST_THREADS = 4
_USER = "nobody"

_SCRIPT = r"""
local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds, nanoseconds; } slipway_time; int clock_gettime(int clock, slipway_time *time);")
local function now()
  local time = ffi.new("slipway_time")
  ffi.C.clock_gettime(1, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

-- The address is given: the name is for the header Host and for TLS alone.
function wrk.resolve(host, service)
  wrk.addrs = wrk.lookup(%(address)s, %(port)s)
end

local threads = {}
function setup(thread)
  threads[#threads + 1] = thread
  thread:set("turn", %(stride)d * #threads)
end

local kinds, order = %(kinds)s, %(order)s
count, ended = 0, 0
function init(args)
  for _, kind in ipairs(kinds) do
    kind.text = wrk.format(kind.method, kind.path, kind.headers, kind.body)
  end
end

function request()
  turn, count = turn + 1, count + 1
  if count >= %(most)d and ended == 0 then
    ended = now()
    wrk.thread:stop()
  end
  return kinds[order[turn %% #order + 1]].text
end

function done(summary, latency, requests)
  local last, capped = 0, 0
  for _, thread in ipairs(threads) do
    local stopped = thread:get("ended")
    if stopped > 0 then
      capped = capped + 1
      last = math.max(last, stopped)
    end
  end
  local errors = summary.errors
  io.write(string.format(
    '\nslipway {"requests": %%d, "microseconds": %%d, "bytes": %%d, "capped": %%d, "ended": %%.6f, ',
    summary.requests, summary.duration, summary.bytes, capped == #threads and 1 or 0, last))
  io.write(string.format('"mean": %%.3f, "stdev": %%.3f, "max": %%.3f, ', latency.mean, latency.stdev, latency.max))
  for _, quantile in ipairs({%(quantiles)s}) do
    io.write(string.format('"p%%d": %%d, ', quantile, latency:percentile(quantile)))
  end
  io.write(string.format('"connect": %%d, "read": %%d, "write": %%d, "timeout": %%d, "status": %%d}\n',
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
"""


def threads_for(clients: int, cpus: int) -> int:
    """As many threads as share the clients evenly: wrk drops what is left over."""
    return max(count for count in range(1, min(clients, cpus, _MOST_THREADS) + 1) if clients % count == 0)


def order_of(weights: list[int]) -> list[int]:
    """Numbers of the requests from 1 in the order of asking, each as often as its weight and spread as evenly as can be."""
    total, due, order = sum(weights), [0] * len(weights), []
    for dummy in range(total):
        due = [value + weight for value, weight in zip(due, weights)]
        chosen = due.index(max(due))
        due[chosen] -= total
        order.append(chosen + 1)
    return order


def script(requests: list[dict], address: str, port: int, threads: int, most: int) -> str:
    """The Lua script of a load. ``most`` bounds the number of requests, of all threads together."""
    order = order_of([request["weight"] for request in requests])
    kinds = [
        f"{{method = {_lua(request['method'])}, path = {_lua(request['path'])}, headers = {_table(request['headers'])}, "
        f"body = {_lua(request['body']) if request['body'] else 'nil'}}}"
        for request in requests
    ]
    return _SCRIPT % {
        "address": _lua(address),
        "port": _lua(str(port)),
        "stride": max(1, len(order) // threads),
        "kinds": "{" + ", ".join(kinds) + "}",
        "order": "{" + ", ".join(map(str, order)) + "}",
        "most": max(1, most // threads),
        "quantiles": ", ".join(map(str, _QUANTILES)),
    }


def figures(output: str, began: float) -> dict:
    """What wrk counted, from its output; ``began`` is its start by the clock that only goes forward."""
    line = next((line for line in output.splitlines() if line.startswith("slipway {")), "")
    try:
        told = json.loads(line.partition(" ")[2])
    except ValueError:
        raise BenchError(f"wrk gave no figures: {' '.join(output.split())[-400:]}") from None
    capped = bool(told["capped"])
    # When enough was asked, wrk waits until its time is up.
    seconds = max(0.001, told["ended"] - began) if capped else told["microseconds"] / 1e6
    errors = {kind: told[kind] for kind in ERRORS}
    latency = {name: round(told[name] / 1000, 3) for name in ("mean", "stdev", "p50", "p90", "p95", "p99", "max")}
    return {
        "requests": told["requests"],
        "seconds": round(seconds, 3),
        "rate": round(told["requests"] / seconds, 1),
        "latency_ms": latency,
        "errors": errors,
        "failed": sum(errors.values()),
        "bytes": told["bytes"],
        "capped": capped,
    }


class Wrk:
    """One run of wrk, as a user without rights; ``finish`` gives its figures."""

    def __init__(self, url: str, address: str, port: int, requests: list[dict], clients: int, seconds: int, most: int,
                 timeout: int, nice: int = 0) -> None:  # fmt: skip
        self.seconds, self.timeout = seconds, timeout
        threads = threads_for(clients, os.cpu_count() or 1)
        argv = ["nice", f"--adjustment={nice}", "wrk", f"--threads={threads}", f"--connections={clients}"]
        argv += [f"--duration={seconds}s", f"--timeout={timeout}s"]
        # Readable by the user that wrk runs as, by nobody else, and gone when it has ended.
        with tempfile.NamedTemporaryFile("w", suffix=".lua", encoding="utf-8", delete=False) as file:
            file.write(script(requests, address, port, threads, most))
        self.file = file.name
        try:
            user = {}
            if os.geteuid() == 0:
                account = pwd.getpwnam(_USER)
                os.chown(self.file, account.pw_uid, account.pw_gid)
                user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            self.began = time.monotonic()
            self.process = subprocess.Popen(
                [*argv, f"--script={self.file}", url], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace", cwd="/", **user,
            )  # fmt: skip
        except OSError as error:
            self.end()
            raise BenchError(f"wrk: expected the program on this host, found none that starts ({error})") from None

    def finish(self) -> dict:
        try:
            output = self.process.communicate(timeout=self.seconds + self.timeout + 20)[0]
        except subprocess.TimeoutExpired:
            raise BenchError(f"wrk did not end in {self.seconds + self.timeout + 20} s") from None
        finally:
            self.end()
        return figures(output, self.began)

    def end(self) -> None:
        process = getattr(self, "process", None)
        if process and process.poll() is None:
            process.kill()
            process.wait()
        if os.path.exists(self.file):
            os.unlink(self.file)


def version() -> str:
    """What wrk calls itself, '' where there is none."""
    try:
        told = subprocess.run(
            ["wrk", "-v"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"wrk (?:debian/)?([\d.]+)", told.stdout + told.stderr)
    return found[1] if found else "of unknown version"


def _lua(text: str) -> str:
    """A text as Lua writes it, every byte that is not plain as a number."""
    plain = re.compile(rb"[ !#-\[\]-~]")
    return '"' + "".join(chr(b) if plain.match(bytes([b])) else f"\\{b:03d}" for b in text.encode()) + '"'


def _table(mapping: dict[str, str]) -> str:
    return "{" + ", ".join(f"[{_lua(name)}] = {_lua(value)}" for name, value in mapping.items()) + "}"
