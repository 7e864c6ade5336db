# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the logs module found on the hosts, as one table for people."""

from __future__ import annotations

from ansible_collections.slipway.flask.plugins.plugin_utils.status_table import aligned

_HEAD = ["time (UTC)", "host", "app", "status", "seconds", "in the app", "release", "id", "request"]
WIDTH = 80  # of a request's path


def merged(hosts: dict[str, dict], lines: int) -> list[dict]:
    """The newest ``lines`` entries of all hosts, oldest first, each with its ``host``."""
    entries = [{"host": host, **entry} for host, answer in hosts.items() for entry in answer.get("entries", [])]
    return sorted(entries, key=lambda entry: entry["at"])[-lines:]


def logs_table(hosts: dict[str, dict], lines: int) -> str:
    """Requests in columns, what apps said in between; below, what wants attention."""
    entries = merged(hosts, lines)
    table = iter(aligned([_HEAD, *(_row(entry) for entry in entries if entry["kind"] == "request")]).splitlines())
    shown = [next(table)]
    for entry in entries:
        shown.append(next(table) if entry["kind"] == "request" else _said(entry))
    if not entries:
        shown = ["Nothing fits."]
    for host, answer in hosts.items():
        if "entries" not in answer:
            shown.append(f"{host}: {answer.get('msg') or 'gave no answer'}")
        elif not answer.get("complete", True):
            shown.append(f"{host}: its log is too long to be read as far back as that; ask for less with slipway_since")
    return "\n".join(shown)


def _row(entry: dict) -> list[str]:
    path = plain(entry["path"])
    return [
        entry["time"][:23].replace("T", " "),
        entry["host"],
        entry["app"],
        str(entry["status"]),
        f"{entry['seconds']:.3f}",
        "" if entry["upstream"] is None else f"{entry['upstream']:.3f}",
        entry["release"],
        plain(entry["id"]),
        f"{plain(entry['method'])} {path if len(path) <= WIDTH else path[: WIDTH - 1] + '…'}".strip(),
    ]


def _said(entry: dict) -> str:
    return f"{entry['time'][:23].replace('T', ' ')}  {entry['host']}  {entry['app']}: {plain(entry['text'])}"


def plain(text: str) -> str:
    """A client's words without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
