# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, as one page for people. It asks nothing of any other place and runs no script."""

from __future__ import annotations

import math
from html import escape

from ansible_collections.slipway.flask.plugins.plugin_utils.bench_table import ms, remarks, rows_of, vital

_COLOURS = """
:root {
  color-scheme: light dark;
  --ground: #eef2f4; --paper: #fff; --ink: #1b2a35; --faint: #586a77; --rule: #dbe2e6; --track: #e9eff2;
  --bar: #2f7fa8; --mark: #0b4563; --serves: #c2552d; --good: #23794f; --fair: #a86a00; --poor: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e161c; --paper: #16222b; --ink: #e8edf0; --faint: #9fb0bb; --rule: #2a3a45; --track: #20303b;
    --bar: #4d9fc9; --mark: #c5e6f6; --serves: #e8865f; --good: #6cc79a; --fair: #e2b15c; --poor: #f0867d;
  }
}
"""
_PLOT = """
text { font: 14px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--ink); }
.faint { fill: var(--faint); font-size: 12.5px; }
.value { font-weight: 650; font-variant-numeric: tabular-nums; }
.track { fill: var(--track); }
.bar { fill: var(--bar); }
.serves { fill: var(--serves); }
.gap { fill: var(--paper); }
.grid { stroke: var(--rule); }
.range { stroke: var(--bar); stroke-width: 8; stroke-linecap: round; }
.far { stroke: var(--bar); stroke-width: 2; stroke-dasharray: 2 4; }
.dot { fill: var(--paper); stroke: var(--mark); stroke-width: 2.5; }
.tail { fill: var(--mark); }
"""
_STYLE = """
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
header { margin: .5rem 0 1.5rem; }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; letter-spacing: -.01em; }
h2 { margin: 0 0 .25rem; font-size: 1.2rem; }
.lead, .note { color: var(--faint); margin: .25rem 0 0; }
.note { font-size: .9rem; margin: .25rem 0 1rem; }
section { background: var(--paper); border-radius: .75rem; padding: 1.25rem; margin: 0 0 1rem; box-shadow: 0 1px 2px #0001; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 1rem; margin: 0; }
.figures dt { color: var(--faint); font-size: .85rem; }
.figures dd { margin: 0; font-size: 1.65rem; font-weight: 650; line-height: 1.25; font-variant-numeric: tabular-nums; }
.figures small { font-size: .85rem; font-weight: 400; color: var(--faint); }
.good { color: var(--good); } .fair { color: var(--fair); } .poor { color: var(--poor); }
svg { display: block; width: 100%; overflow: visible; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: .45rem .75rem .45rem 0; text-align: right; border-top: 1px solid var(--rule); white-space: nowrap;
  font-variant-numeric: tabular-nums; }
thead th { border: 0; color: var(--faint); font-weight: 500; font-size: .85rem; vertical-align: bottom; }
th:first-child, td:first-child, td.words, .left { text-align: left; }
tbody th { font-weight: 500; }
td.words { white-space: normal; overflow-wrap: anywhere; }
ul { margin: 0; padding-left: 1.2rem; }
code { font-size: .92em; overflow-wrap: anywhere; }
footer { color: var(--faint); font-size: .85rem; }
"""
_ROW, _BAR = 54, 14
# Google's bounds for a good and for a poor page (web.dev/articles/vitals).
_VITALS = {
    "ttfb": ("first byte (TTFB)", 800, 1800),
    "lcp": ("largest content (LCP)", 2500, 4000),
    "inp": ("answer to a click (INP)", 200, 500),
}


def page(result: dict) -> str:
    """The whole report as HTML. ``result`` is what :func:`bench_table.results` made."""
    plan = result["plan"]
    title = f"{plan['app']} on {plan['host']}"
    when = f"{result['when'][:10]} {result['when'][11:16]} UTC"
    sections = [
        _figures(result),
        _ladder(result),
        _times(result),
        _browser(result["browser"]),
        _resources(result),
        _remarks(result),
        _method(result),
    ]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}, measured {when}</title>
<style>{_COLOURS}{_STYLE}{_PLOT}</style>
</head>
<body>
<main>
<header>
<h1>{escape(title)}</h1>
<p class="lead">Release <code>{escape(result["found"]["release"])}</code>, measured {when}
with {plan["clients"]} clients for {plan["seconds"]}&nbsp;s.</p>
</header>
{"".join(sections)}
<footer>Written by <code>slipway.flask.bench</code>. The figures stand in the JSON file beside this page.</footer>
</main>
</body>
</html>
"""


def _figures(result: dict) -> str:
    serving = result["serving"]
    latency, first = serving["latency_ms"], serving["first_byte_ms"]
    errors = "good" if not serving["failed"] else "poor"
    cells = [
        ("requests a second", f"{serving['rate']:,.0f}", ""),
        ("half within", ms(latency["p50"]), "ms"),
        ("95 % within", ms(latency["p95"]), "ms"),
        ("99 % within", ms(latency["p99"]), "ms"),
        (
            "errors",
            f'<span class="{errors}">{serving["failed"]:,}</span>',
            f"of {serving['requests'] + _unanswered(serving):,}",
        ),
    ]
    if first["quiet"].get("p50"):
        cells.append(("first byte, quiet", ms(first["quiet"]["p50"]), "ms"))
    if first["load"].get("p50"):
        cells.append(("first byte, under load", ms(first["load"]["p50"]), "ms"))
    shown = "".join(f"<div><dt>{name}</dt><dd>{value} <small>{unit}</small></dd></div>" for name, value, unit in cells)
    return f'<section><h2>As it serves</h2>\n<dl class="figures">{shown}</dl></section>\n'


def _unanswered(measured: dict) -> int:
    return sum(count for kind, count in measured["errors"].items() if kind != "status")


def _ladder(result: dict) -> str:
    if not any(rung["measured"] for rung in result["ladder"]):
        return ""
    return (
        "<section><h2>The same app, served in several ways</h2>\n"
        '<p class="note">Requests a second. Each was started for the measurement beside what serves, with its settings, and asked for '
        f"{result['plan']['seconds']}&nbsp;s on loopback.</p>\n{ladder_plot(result)}</section>\n"
    )


def ladder_plot(result: dict, width: int = 0) -> str:
    """Bars of requests a second as SVG: as wide as its place or, with ``width`` in pixels, a picture of its own."""
    rows = rows_of(result)
    rows = rows[1:] if width else rows
    rates = [measured["rate"] for dummy, measured in rows]
    slow = [rate for (name, dummy), rate in zip(rows, rates) if not _is_kept(name)] or rates
    # What is not asked of the app may be so much faster that nothing could be seen of the rest.
    top = max(rates) if max(rates) <= 3 * max(slow) else 1.6 * max(slow)
    parts, y = [], 0 if not width else 8
    for (name, measured), rate in zip(rows, rates):
        share = min(1, rate / top) * 100
        ratio = f"{measured['ratio']:.1f} times" if "ratio" in measured else ""
        kind = "serves" if name == "as it serves" else "bar"
        told = f'<tspan class="faint">{ratio}</tspan>  {rate:,.0f}' if ratio else f"{rate:,.0f}"
        parts += [
            f'<text x="0" y="{y + 16}">{escape(name)}</text>',
            f'<text class="value" x="100%" y="{y + 16}" text-anchor="end" xml:space="preserve">{told}</text>',
            f'<rect class="track" x="0" y="{y + 24}" width="100%" height="{_BAR}" rx="4"/>',
            f'<rect class="{kind}" x="0" y="{y + 24}" width="{max(share, 0.5):.2f}%" height="{_BAR}" rx="4"/>',
        ]
        if rate > top:  # Cut off, and seen to be.
            parts += [
                f'<svg x="92%" y="{y + 21}" width="20" height="{_BAR + 6}" overflow="visible">'
                f'<path class="gap" d="M4 0h5l-5 {_BAR + 6}h-5zM13 0h5l-5 {_BAR + 6}h-5z"/></svg>'
            ]
        y += _ROW
    label = "Requests a second: " + ", ".join(f"{name} {rate:,.0f}" for (name, dummy), rate in zip(rows, rates))
    return _svg(parts, y, label, width)


def _is_kept(name: str) -> bool:
    return name in ("answers kept for 1 s", "a static file")


def _svg(parts: list[str], height: int, label: str, width: int = 0) -> str:
    body = "\n".join(parts)
    if not width:
        return f'<svg height="{height}" role="img" aria-label="{escape(label)}">\n{body}\n</svg>\n'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + 16}" role="img" aria-label="{escape(label)}">\n'
        f'<style>{_COLOURS}{_PLOT}</style>\n<rect class="gap" width="100%" height="100%" rx="10"/>\n'
        f'<svg x="20" y="8" width="{width - 40}" height="{height}" overflow="visible">\n{body}\n</svg>\n</svg>\n'
    )


def _times(result: dict) -> str:
    rows = rows_of(result)
    lowest = min(max(0.05, measured["latency_ms"]["p50"]) for dummy, measured in rows)
    highest = max(measured["latency_ms"]["max"] for dummy, measured in rows)
    low, high = math.floor(math.log10(lowest)), max(math.ceil(math.log10(highest)), math.floor(math.log10(lowest)) + 1)

    def x(value: float) -> str:
        return f"{max(0.0, min(1.0, (math.log10(max(value, 10**low)) - low) / (high - low))) * 100:.2f}%"

    height = _ROW * len(rows)
    parts = []
    for power in range(low, high + 1):
        anchor = "start" if power == low else "end" if power == high else "middle"
        parts += [
            f'<line class="grid" x1="{x(10**power)}" x2="{x(10**power)}" y1="0" y2="{height}"/>',
            f'<text class="faint" x="{x(10**power)}" y="{height + 16}" text-anchor="{anchor}">{_scale(10**power)}</text>',
        ]
    for number, (name, measured) in enumerate(rows):
        latency, y = measured["latency_ms"], _ROW * number
        told = " · ".join(f"{ms(latency[key])}" for key in ("p50", "p95", "p99", "max"))
        parts += [
            f'<text x="0" y="{y + 16}">{escape(name)}</text>',
            f'<text class="faint" x="100%" y="{y + 16}" text-anchor="end">{told}</text>',
            f'<line class="far" x1="{x(latency["p99"])}" x2="{x(latency["max"])}" y1="{y + 33}" y2="{y + 33}"/>',
            f'<line class="range" x1="{x(latency["p50"])}" x2="{x(latency["p99"])}" y1="{y + 33}" y2="{y + 33}"/>',
            f'<circle class="dot" cx="{x(latency["p50"])}" cy="{y + 33}" r="5.5"/>',
            f'<circle class="tail" cx="{x(latency["p95"])}" cy="{y + 33}" r="3.5"/>',
            f'<circle class="tail" cx="{x(latency["p99"])}" cy="{y + 33}" r="3.5"/>',
        ]
    label = "Milliseconds that half, 95 % and 99 % of the answers took, and the longest"
    return (
        "<section><h2>How long answers took</h2>\n"
        '<p class="note">Milliseconds, each step of the scale ten times the one before. The ring is the half of all answers (p50), the '
        f"dots are p95 and p99, the thin line ends at the longest.</p>\n{_svg(parts, height + 24, label)}</section>\n"
    )


def _scale(value: float) -> str:
    return f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"


def _browser(browser: dict) -> str:
    states = [(state, title) for state, title in (("quiet", "quiet"), ("load", "under load")) if browser.get(state)]
    if not states:
        return ""
    parts, y = [], 0
    for name, (title, good, poor) in _VITALS.items():
        found = [
            (told, browser[state][name]["p50"], vital(name, browser[state]))
            for state, told in states
            if browser[state].get(name)
        ]
        parts.append(f'<text x="0" y="{y + 16}">{title}</text>')
        parts.append(f'<text class="faint" x="100%" y="{y + 16}" text-anchor="end">good up to {good:,} ms</text>')
        y += 24
        for told, value, shown in found:
            grade = "good" if value <= good else "fair" if value <= poor else "poor"
            parts += [
                f'<rect class="track" x="0" y="{y}" width="100%" height="{_BAR}" rx="4"/>',
                f'<rect x="0" y="{y}" width="{max(0.5, min(1, value / poor) * 100):.2f}%" height="{_BAR}" rx="4" fill="var(--{grade})"/>',
                f'<line class="grid" x1="{good / poor * 100:.2f}%" x2="{good / poor * 100:.2f}%" y1="{y - 2}" y2="{y + _BAR + 2}"/>',
                f'<text class="faint" x="0" y="{y + _BAR + 15}">{told}</text>',
                f'<text class="value" x="100%" y="{y + _BAR + 15}" text-anchor="end">{shown} ms</text>',
            ]
            y += _BAR + 26
        if not found:
            parts.append(f'<text class="faint" x="0" y="{y + 12}">not measured: the browser had none</text>')
            y += 22
        y += 8
    visits = browser["quiet"]["visits"] if browser.get("quiet") else browser["load"]["visits"]
    rate = f" of {browser['load']['rate']:,.0f} requests a second" if browser.get("load", {}).get("rate") else ""
    return (
        f"<section><h2>In a browser</h2>\n"
        f'<p class="note">{escape(browser.get("version") or "Chromium")} without a window opened <code>{escape(browser["page"])}</code> '
        f"{visits} times with an empty cache, quiet and again under load{rate}; medians. INP is of one click on "
        f"<code>{escape(browser['click'])}</code>. The bars end where a page is poor.</p>\n"
        f"{_svg(parts, y, 'TTFB, LCP and INP of a page')}</section>\n"
    )


def _resources(result: dict) -> str:
    rows = []
    for name, measured in rows_of(result):
        used = measured["used"]
        cells = []
        for group in ("app", "nginx"):
            cells += [f"{used[group]['memory_mib']:,.0f}", f"{used[group]['cpus']:.2f}"] if group in used else ["", ""]
        first = measured["first_byte_ms"]
        cells += [f"{used['wrk']['cpus']:.2f}", f"{100 * used['host']['busy']:.0f} %"]
        cells += [ms(first["quiet"].get("p50")), ms(first["load"].get("p50")), ms(first["load"].get("p95"))]
        rows.append(f"<tr><th>{escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    heads = ["", "app<br>MiB", "app<br>CPUs", "Nginx<br>MiB", "Nginx<br>CPUs", "wrk<br>CPUs", "host<br>busy",
             "first byte<br>quiet", "under load<br>p50", "under load<br>p95"]  # fmt: skip
    return (
        "<section><h2>What it took</h2>\n"
        '<p class="note">Memory at its highest, with each process\'s share of what several have in common; processors on average while the '
        "load lasted. First bytes in milliseconds, each over a new connection.</p>\n"
        f'<div class="wide"><table><thead><tr>{"".join(f"<th>{head}</th>" for head in heads)}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>\n"
    )


def _remarks(result: dict) -> str:
    said = "".join(f"<li>{escape(remark)}</li>" for remark in remarks(result))
    return f"<section><h2>To be noted</h2>\n<ul>{said}</ul></section>\n" if said else ""


def _method(result: dict) -> str:
    plan, machine, wrk = result["plan"], result["found"]["machine"], result["serving"]["wrk"]
    whole = sum(request["weight"] for request in plan["requests"])
    requests = "".join(
        f'<tr><td>{escape(request["method"])}</td><td class="words"><code>{escape(request["path"])}</code></td>'
        f"<td>{100 * request['weight'] / whole:.0f} %</td></tr>"
        for request in plan["requests"]
    )
    where = "the host itself over loopback" if plan["from"] == plan["host"] else escape(plan["from"])
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"<section><h2>How it was measured</h2>\n"
        f'<p class="note">wrk {escape(wrk)} on {where}: {plan["clients"]} connections that stay open, each of which asks for '
        "the next thing when it has its answer. So a slow server is asked less, and times under a given rate of visitors may "
        "differ. An error is a refused or cut connection, an answer that did not come within "
        f"{plan['timeout']} s, or a status from 400.</p>\n"
        "<table><thead><tr><th>method</th><th class='left'>path</th><th>share</th></tr></thead>"
        f"<tbody>{requests}</tbody></table>\n"
        f'<p class="note" style="margin-top:1rem">{escape(machine["system"])}, {machine["cpus"]} processors ({escape(machine["cpu"])}), '
        f"{machine['memory_mib'] / 1024:.1f} GiB of memory; {escape(versions)}.</p></section>\n"
    )
