"""A release that does not come up is refused with the reason, its slot stays quiet, and the old one serves on."""

from __future__ import annotations

import re

import pytest

APP = "import os, sys, time\n\ndef app(environ, start_response):\n    "
RAISES = "raise RuntimeError('no such planet')\n"
ANSWERS_500 = APP + "start_response('500 Broken', [])\n    print('no such planet', file=sys.stderr)\n    return [b'']\n"
HANGS = APP + "time.sleep(60)\n"
DIES = APP + "os._exit(3)\n"

# Keywords of the app fixture, and what must be said.
STARTS = {
    "does not import": ({"code": RAISES}, ["does not load", "RuntimeError: no such planet"]),
    "lacks the callable": ({"wsgi": "small:nothing"}, ["does not load", "Failed to find attribute 'nothing'"]),
    "answers 500": (
        {"code": ANSWERS_500, "health": {"timeout": 2}},
        ["did not come up", "answered 500, expected a status below 500", "Last lines:", "no such planet"],
    ),
    "hangs": (
        {"code": HANGS, "health": {"timeout": 2}, "graceful_timeout": 1},
        ["did not come up", "not healthy within 2 s", "got no answer"],
    ),
    "dies": ({"code": DIES, "health": {"timeout": 2}}, ["did not come up", "got no answer"]),
    "Socket.IO's clients would change workers": (
        {"requirements": {"packages": ["python-engineio"]}, "websockets": True, "worker_class": "gevent"},
        ["does not fit its settings", "python-engineio is installed; Socket.IO", "found workers: auto. Write workers: 1"],
    ),
    "before_switch": ({"before_switch": ["echo no such table; exit 7"]}, ["before the switch failed", "no such table"]),
    "before_start": ({"before_start": [["/bin/ls", "/no/such"]]}, ["before the switch failed", "/no/such"]),
}  # fmt: skip


@pytest.mark.parametrize(("keys", "words"), STARTS.values(), ids=STARTS)
def test_start(host, refused_release, app, keys, words):
    live = re.search(r"blue|green", host.check_output("readlink /srv/hello/active.sock"))[0]
    output = refused_release(app(**keys), words)
    assert re.search(rf"Release [0-9a-f]{{12}} still serves from slot {live}, untouched", output)
    # Nothing of the other slot runs, waits for a restart or comes back after a reboot.
    idle = {"blue": "green", "green": "blue"}[live]
    for unit in (f"flask-hello@{idle}.socket", f"flask-hello@{idle}.service"):
        shown = host.check_output("systemctl show --value --property=ActiveState,UnitFileState %s", unit)
        assert shown.split() == ["inactive", "disabled"]
