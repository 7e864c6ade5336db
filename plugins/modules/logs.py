#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: logs
short_description: Find requests in Nginx's log, and what the apps said of them
version_added: 1.1.0
author:
  - slipway contributors (@slipway)
description:
  - Reads the log that the nginx role has Nginx write, in either of its formats, and what was rotated away from it. From the end, so that
    a long log costs no more than a short one, and no more than 256 MiB or 30 seconds.
  - Changes nothing.
options:
  apps:
    description: The apps' names, the keys of C(slipway_apps).
    type: list
    elements: str
    required: true
  only:
    description: Those of the apps to read about. When not given all, and what led to no app.
    type: list
    elements: str
    default: []
  since:
    description: How far to go back, such as V(15m), V(2h) or V(3d), or a time in UTC such as V(2026-11-21T10:00:00).
    type: str
    default: 1h
  status:
    description: Statuses that are looked for, such as V(404) or V(5xx).
    type: list
    elements: str
    default: []
  path:
    description: Pattern of the shell's kind for paths, such as V(/api/*). What follows a question mark does not count.
    type: str
    default: ''
  slower:
    description: Only requests that took so many seconds or more, the client's own time included.
    type: float
    default: 0
  id:
    description: Only the request with this ID, which C(X-Request-ID) tells the app.
    type: str
    default: ''
  lines:
    description: How many to give at most, the newest.
    type: int
    default: 100
  journal:
    description: Whether to give what the apps themselves said too. Where O(id) is given that is what names it, and the default.
    type: bool
  file:
    description: The log.
    type: path
    default: /var/log/nginx/access.log
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes without making any.
  diff_mode:
    support: none
    description: Changes nothing, so there is nothing to show.
"""

EXAMPLES = r"""
- name: Look for errors of the last two hours
  slipway.flask.logs:
    apps: "{{ slipway_apps | list }}"
    since: 2h
    status: [5xx]
  register: logs

- name: Follow a request to the app
  slipway.flask.logs:
    apps: "{{ slipway_apps | list }}"
    since: 1d
    id: 7a3eda984cdef7d7773f6fb1dd91cc4f
"""

RETURN = r"""
entries:
  description: What was found, the oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(request) for a line of Nginx's, V(journal) for one of the app's.
      type: str
    time:
      description: When the request had been answered, or the line was written, in UTC.
      type: str
      sample: "2026-11-22T05:08:19.405Z"
    at:
      description: The same in seconds since the epoch.
      type: float
    app:
      description: Name of the app. Empty where the request led to none.
      type: str
    text:
      description: What the app said.
      returned: with kind V(journal)
      type: str
    release:
      description: ID of the release that answered.
      returned: with kind V(request), as are those that follow
      type: str
    status:
      description: The answer's status.
      type: int
    method:
      description: The request's method.
      type: str
    path:
      description: The request's path, with what follows a question mark.
      type: str
    seconds:
      description: How long it took, the client's own time included.
      type: float
    upstream:
      description: How long the app took. None where it was not asked.
      type: float
    bytes:
      description: Size of the answer's body.
      type: int
    id:
      description: The request's ID.
      type: str
    domain:
      description: The host name that was asked for.
      type: str
    client:
      description: The client's address.
      type: str
    user:
      description: Who gave a password.
      type: str
    referer:
      description: The request's Referer.
      type: str
    agent:
      description: The request's User-Agent.
      type: str
complete:
  description: Whether all was read that O(since) and O(lines) ask for.
  returned: success
  type: bool
"""

import json
import re
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.flask.plugins.module_utils.access_log import Budget, path_fits, read, status_fits, utc
from ansible_collections.slipway.flask.plugins.module_utils.chosen import chosen
from ansible_collections.slipway.flask.plugins.module_utils.layout import slug

MOST_LINES = 10_000
MOST_BYTES = 256 << 20
MOST_SECONDS = 30
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

ARGUMENTS = {
    "apps": {"type": "list", "elements": "str", "required": True},
    "only": {"type": "list", "elements": "str", "default": []},
    "since": {"type": "str", "default": "1h"},
    "status": {"type": "list", "elements": "str", "default": []},
    "path": {"type": "str", "default": ""},
    "slower": {"type": "float", "default": 0},
    "id": {"type": "str", "default": ""},
    "lines": {"type": "int", "default": 100},
    "journal": {"type": "bool"},
    "file": {"type": "path", "default": "/var/log/nginx/access.log"},
}


class LogsError(Exception):
    """Why nothing can be found, for a person."""


def since(text: str, now: float) -> float:
    """The time that is meant, in seconds since the epoch."""
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if ago:
        return now - int(ago[1]) * UNITS[ago[2]]
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise LogsError(f"since: expected 15m, 2h, 3d or a time in UTC, found {text!r}; write since: 2h") from None
    return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()


def check(params: dict) -> None:
    """Raises LogsError for values that mean nothing."""
    for status in params["status"]:
        if not re.fullmatch(r"[1-5][0-9xX]{2}|000", status):
            raise LogsError(f"status: expected statuses such as 404 or 5xx, found {status!r}; write status: 5xx")
    if not 1 <= params["lines"] <= MOST_LINES:
        raise LogsError(f"lines: expected a number from 1 to {MOST_LINES}, found {params['lines']}; write lines: 100")
    if not re.fullmatch(r"[\w.-]*", params["id"]):
        raise LogsError(f"id: expected a request's ID as the log has it, found {params['id']!r}; write id: 7a3eda98")


def filter_of(params: dict, names: set[str]) -> Callable[[dict], bool]:
    """Whether a request is one that is looked for. ``names`` are those of the apps, empty for any."""

    def fits(entry: dict) -> bool:
        return (
            (not names or entry["app"] in names)
            and (not params["status"] or status_fits(params["status"], entry["status"]))
            and (not params["path"] or path_fits(params["path"], entry["path"]))
            and entry["seconds"] >= params["slower"]
            and (not params["id"] or entry["id"] == params["id"])
        )

    return fits


def journal(slugs: dict[str, str], begin: float, params: dict) -> list[dict]:
    """What the apps said, oldest first. ``slugs`` leads from the name that their lines bear to the app's."""
    if not slugs:
        return []
    argv = [
        "journalctl",
        "--quiet",
        "--no-pager",
        "--output=json",
        f"--lines={params['lines']}",
        f"--since=@{begin:.3f}",
    ]
    argv += [f"--identifier={one}" for one in slugs]
    if params["id"]:
        argv.append(f"--grep={re.escape(params['id'])}")
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=MOST_SECONDS, check=False
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LogsError(f"journalctl did not tell: {error}") from None
    # It ends with 1 where nothing fits.
    if done.returncode > 1:
        raise LogsError(f"journalctl did not tell: {done.stderr.strip()}")
    found = []
    for line in done.stdout.splitlines():
        entry = json.loads(line)
        text = entry.get("MESSAGE") or ""
        at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
        found.append(
            {
                "kind": "journal",
                "at": at,
                "time": utc(at),
                "app": slugs.get(entry.get("SYSLOG_IDENTIFIER", ""), ""),
                # Where it is no UTF-8 its bytes are given.
                "text": bytes(text).decode(errors="replace") if isinstance(text, list) else text,
            }
        )
    return found


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    params = module.params
    budget = Budget(MOST_BYTES, MOST_SECONDS)
    try:
        check(params)
        begin = since(params["since"], time.time())
        names = chosen(params["apps"], params["only"])
        slugs = {slug(name): name for name in names}
        fits = filter_of(params, set(slugs) if params["only"] else set())
        entries = read(params["file"], begin, params["lines"], fits, budget)
        for entry in entries:
            entry["app"] = slugs.get(entry["app"], entry["app"])
        wanted = params["journal"]
        if wanted or (wanted is None and params["id"]):
            entries += journal(slugs, begin, params)
    except (LogsError, ValueError) as error:
        module.fail_json(msg=str(error))
    entries = sorted(entries, key=lambda entry: entry["at"])[-params["lines"] :]
    module.exit_json(changed=False, entries=entries, complete=not budget.exceeded)


if __name__ == "__main__":
    main()
