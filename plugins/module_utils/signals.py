# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ending a run in order: on a signal, or when no one is left to read its result."""

from __future__ import annotations

import contextlib
import select
import signal
from collections.abc import Iterator


class Interrupted(BaseException):
    """A signal asks the run to end."""


def heed_signals() -> None:
    """Let a signal end the run in order: what was started and does not serve yet is stopped. A second one changes nothing."""
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def interrupt(number: int, frame: object) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(signal.Signals(number).name)

    for each in signals:
        signal.signal(each, interrupt)


@contextlib.contextmanager
def attended() -> Iterator[None]:
    """End the run, as a signal does, when no one will read its result: after Ctrl-C, or when the connection is lost."""
    result = select.poll()
    result.register(1, 0)

    def look(number: int, frame: object) -> None:
        if result.poll(0):
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise Interrupted("the loss of its controller")

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
