# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status module found on the hosts, as a table for people."""

from __future__ import annotations

_HEAD = ["host", "app", "live", "slot", "since (UTC)", "workers", "last deploy", "previous", "kept"]
_POOL = ["balancer", "host", "address", "gets requests", "why not"]
_RELEASES = ["kept", "built (UTC)", "outcome", "source"]
# What of that which locks an app is a deploy's or a rollback's.
_DEPLOYS = ("build ", "cutover ", "return ", "rollback ")


def status_table(hosts: dict[str, dict], balancers: dict[str, dict] | None = None) -> str:
    """One row per host and app, then one line for each thing that wants attention.

    ``hosts`` is what the status module returned, by host, ``balancers`` what the pool module told of its hosts. Where only one
    app of one host is asked for, its releases follow.
    """
    rows, remarks, apps = [], [], []
    for host, answer in hosts.items():
        if "apps" not in answer:
            rows.append([host, *["-"] * (len(_HEAD) - 1)])
            remarks.append(f"{host}: {answer.get('msg') or 'gave no answer'}")
        for app in answer.get("apps", []):
            apps.append(app)
            rows.append([host, *_row(app)])
            remarks += [f"{host}, {app['name']}: {remark}" for remark in _remarks(app)]
    parts = [aligned([_HEAD, *rows])]
    if len(apps) == len(rows) == 1:
        parts.append(aligned([_RELEASES, *_release_rows(apps[0])]))
    if balancers:
        parts.append(aligned([_POOL, *_pool_rows(balancers)]))
        remarks += [
            f"{name}: {told.get('msg') or 'gave no answer'}" for name, told in balancers.items() if "hosts" not in told
        ]
    if remarks:
        parts.append("\n".join(remarks))
    return "\n\n".join(parts)


def _row(app: dict) -> list[str]:
    live, last = app["live"], app["last"]
    return [
        app["name"],
        live.get("release", ""),
        live.get("slot", ""),
        _minute(live.get("since", "")),
        str(live.get("workers", "")),
        "under way" if app["under_way"].startswith(_DEPLOYS) else _outcome(last),
        app["previous"],
        str(len(app["releases"])),
    ]


def _outcome(last: dict) -> str:
    """A rollback that someone asked for is told from one that the deploy made by itself."""
    return "rollback" if last.get("rollback") and last["outcome"] == "live" else last.get("outcome", "")


def _pool_rows(balancers: dict[str, dict]) -> list[list[str]]:
    return [
        [balancer, host, seen["address"], "yes" if seen["in"] else "no", seen["why"]]
        for balancer, told in balancers.items()
        for host, seen in (told.get("hosts") or {}).items()
    ]


def _release_rows(app: dict) -> list[list[str]]:
    rows = []
    for release in app["releases"]:
        served = release["outcome"] == "live" and release["id"] != app["live"].get("release")
        rows.append(
            [
                release["id"],
                _minute(release["created"]),
                "served" if served else release["outcome"],
                release["source"],
            ]
        )
    return rows


def _remarks(app: dict) -> list[str]:
    """What a person should know beyond the row."""
    last = app["last"]
    remarks = [f"under way: {app['under_way']}"] if app["under_way"] else []
    if last and last["outcome"] != "live":
        told = f"release {last['release']}"
        why = last["why"].removeprefix(f"{told} ")
        remarks.append(f"{told} was {last['outcome']} at {_minute(last['when'])}: {why}")
    for release in app["releases"]:
        if release["id"] == app["live"].get("release") and not release["reversible"]:
            remarks.append(
                f"release {release['id']} was declared not reversible; a rollback behind it takes slipway_force"
            )
    if change := app.get("change"):
        remarks.append(_change(change["before"], change["after"]))
    return remarks + app["faults"]


# What a sample tells, its unit, and how a value is shown.
_MEASURES = [
    ("p50", "ms", "{:.1f}"),
    ("p99", "ms", "{:.1f}"),
    ("errors", "", "{:d}"),
    ("memory", "MiB", "{:.0f}"),
    ("boot", "s", "{:.1f}"),
]


def _change(before: dict, after: dict) -> str:
    """What a deploy changed, as it was measured on either side of the cutover."""
    told = []
    for name, unit, form in _MEASURES:
        values = [side.get(name) for side in (before, after)]
        if name == "memory":
            values = [value and value / (1 << 20) for value in values]
        shown = ["?" if value is None else form.format(value) for value in values]
        told.append(f"{name} {shown[0]} -> {shown[1]} {unit}".rstrip())
    number = f"{after['requests']} requests a side"
    return f"release {after['release']} after {before['release']}: {', '.join(told)} ({number})"


def _minute(when: str) -> str:
    """2026-11-21T10:00:00Z as 2026-11-21 10:00."""
    return when[:16].replace("T", " ")


def aligned(rows: list[list[str]]) -> str:
    """Columns as wide as their widest cell."""
    rows = [[cell or "-" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
