# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, put together and as a table for people."""

from __future__ import annotations

_HEAD = [
    "",
    "requests/s",
    "",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "max ms",
    "errors",
    "first byte ms",
    "under load",
    "MiB",
    "CPUs",
]
_ERRORS = {
    "connect": "connections that were refused",
    "read": "connections that ended before the answer",
    "write": "requests that could not be sent",
    "timeout": "answers that did not come in time",
    "status": "answers with a status from 400",
}


def results(plan: dict, found: dict, serving: dict, ladder: list[dict], browser: dict, when: str) -> dict:
    """Everything that one run measured, as it is written to the JSON file."""
    rungs = [
        {**rung, "measured": answer.get("measured") or {}, "why": answer.get("why", "")}
        for rung, answer in zip(plan["ladder"], ladder)
    ]
    base = next((rung["measured"]["rate"] for rung in rungs if rung["measured"]), None)
    for each in [*rungs, {"measured": serving}]:
        if base and each["measured"]:
            each["measured"]["ratio"] = round(each["measured"]["rate"] / base, 2)
    kept = ("app", "host", "requests", "from", "domains", "tls", "clients", "seconds", "most", "timeout", "writes")
    return {
        "when": when,
        "plan": {key: plan[key] for key in kept},
        "found": found,
        "serving": serving,
        "ladder": rungs,
        "browser": browser,
    }


def rows_of(result: dict) -> list[tuple[str, dict]]:
    """What was measured, what serves first, by the name that people read."""
    rungs = [(rung["title"], rung["measured"]) for rung in result["ladder"] if rung["measured"]]
    return [("as it serves", result["serving"]), *rungs]


def table(result: dict) -> str:
    """One row for each way of serving, then a line for each thing that wants attention."""
    plan = result["plan"]
    title = (
        f"{plan['host']}, {plan['app']}: release {result['found']['release']}, {plan['clients']} clients for {plan['seconds']} s, "
        f"wrk {result['serving']['wrk']}"
    )
    parts = [title, _aligned([_HEAD, *([name, *_row(measured)] for name, measured in rows_of(result))])]
    if result["browser"]:
        parts.append(
            _aligned([["in a browser", "first byte ms", "LCP ms", "INP ms"], *_browser_rows(result["browser"])])
        )
    said = remarks(result)
    return "\n\n".join([*parts, "\n".join(said)] if said else parts)


def remarks(result: dict) -> list[str]:
    """What a person should know beyond the figures."""
    said = [f"{rung['title']}: not measured: {rung['why']}" for rung in result["ladder"] if not rung["measured"]]
    for name, measured in rows_of(result):
        said += [f"{name}: {count} {_ERRORS[kind]}" for kind, count in measured["errors"].items() if count]
        if name == "uWSGI alone" and measured["errors"]["read"]:
            said.append(
                f"{name}: it closes connections that are kept without saying so, which no visitor sees behind Nginx"
            )
        if measured["capped"]:
            said.append(f"{name}: ended after {measured['requests']} requests, which slipway_bench.most allows")
        if "kept" in measured and len(measured["kept"]) < len(measured["asked"]):
            others = [asked for asked in measured["asked"] if asked.partition(" ")[2] not in measured["kept"]]
            said.append(
                f"{name}: {', '.join(others)} could not be kept; the answer sets a cookie or says that it must not be"
            )
    cpus, wrk = result["found"]["machine"]["cpus"], result["serving"]["used"]["wrk"]["cpus"]
    if result["plan"]["from"] == result["plan"]["host"] and wrk > 0.25 * cpus:
        said.append(
            f"wrk itself took {wrk} of {cpus} processors: from another host (slipway_bench.from) the app would have them"
        )
    return said


def _row(measured: dict) -> list[str]:
    latency, first, used = measured["latency_ms"], measured["first_byte_ms"], measured["used"]
    servers = [group for name, group in used.items() if name not in ("wrk", "host")]
    return [
        f"{measured['rate']:,.0f}",
        f"{measured['ratio']:.1f} times" if "ratio" in measured else "",
        *(ms(latency[name]) for name in ("p50", "p95", "p99", "max")),
        str(measured["failed"]),
        ms(first["quiet"].get("p50")),
        ms(first["load"].get("p50")),
        f"{sum(group['memory_mib'] for group in servers):.0f}" if servers else "",
        f"{sum(group['cpus'] for group in servers):.1f}" if servers else "",
    ]


def _browser_rows(browser: dict) -> list[list[str]]:
    return [
        [title, *(vital(name, browser[state]) for name in ("ttfb", "lcp", "inp"))]
        for state, title in (("quiet", "quiet"), ("load", "under load"))
        if browser.get(state)
    ]


def vital(name: str, seen: dict) -> str:
    """One of a page's figures. Browsers round what a click took to 8 ms."""
    value = seen.get(name, {}).get("p50")
    return "under 8" if name == "inp" and value is not None and value < 8 else ms(value)


def ms(value: float | None) -> str:
    """Milliseconds with as many digits as mean something."""
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"


def _aligned(rows: list[list[str]]) -> str:
    """Columns as wide as their widest cell, figures to the right."""
    rows = [[row[0], *(cell or "-" for cell in row[1:])] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for number, row in enumerate(rows):
        cells = [cell if number or cell != "-" else "" for cell in row]
        lines.append(
            "  ".join(
                [cells[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:]))]
            ).rstrip()
        )
    return "\n".join(lines)
