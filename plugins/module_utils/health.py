# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server is fit for users: what it answers on its socket, and whether its processes stay alive."""

from __future__ import annotations

import http.client
import select
import socket
import time
from collections.abc import Callable

from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError
from ansible_collections.slipway.flask.plugins.module_utils.proc import children

# Deaths of processes that no healthy server has while it comes up.
_DEATHS = 3
# Seconds for which systemd's word on a server holds while its main process lives: asking takes the processor from users.
_STATE_SECONDS = 0.5
# After the flip: bad answers in a row, or seconds without any, that are not taken for a hiccup.
_BAD_ANSWERS, _SILENCE_SECONDS = 3, 5


class Vitals:
    """Watches the processes of a slot's server. The master may live while its workers die and are replaced for ever."""

    def __init__(self, state: Callable[[], dict[str, str]]) -> None:
        self._ask, self._state, self._asked, self._main = state, {}, 0.0, 0
        self.workers: set[int] = set()
        # Looks at which workers were missed, and how many were while their master lived.
        self.losses = self.deaths = 0

    def problem(self) -> str:
        """Look once more: what is wrong with the server, '' when nothing is."""
        parents = children()
        if time.monotonic() - self._asked >= _STATE_SECONDS or self._main not in set().union(*parents.values()):
            self._state, self._asked = self._ask(), time.monotonic()
        state, before = self._state, self.workers
        main = int(state.get("MainPID") or 0)
        self.workers = parents.get(main, set()) if main else set()
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

    def wait(self, socket_path: str, vitals: Vitals, deadline: float, ease: Callable = lambda over: None) -> None:
        """Return after enough good answers in a row; raise when time is up or the slot's processes keep dying.

        Enough is ``successes`` for each path of each worker: one that answers well once may not do so twice, and a worker's first
        answer takes its time, which is better taken now than from users. ``ease`` is told again and again whether it has answered.
        """
        good = asked = 0
        answered = False

        def look() -> str:
            ease(answered)
            return vitals.problem()

        while True:
            path, before = self.paths[asked % len(self.paths)], vitals.losses
            fault = self.once(socket_path, path, min(10.0, max(1.0, deadline - time.monotonic())), look)
            answered = answered or not fault
            asked, problem = asked + 1, look()
            good = 0 if fault or vitals.losses != before else good + 1
            if good >= self.successes * len(self.paths) * max(1, len(vitals.workers)):
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
