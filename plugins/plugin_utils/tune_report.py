# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tune module found, for people: a few lines, variables to paste, and a page with a plot."""

from __future__ import annotations

from html import escape

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1f24; background: #fff }
h1 { font-size: 1.5rem; margin-bottom: 0 } p.note { color: #59636e } svg { width: 100%; height: auto }
pre { background: #f4f5f7; padding: 1rem; border-radius: 6px } table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid #e3e6ea } th:first-child, td:first-child { text-align: left }
tr.best { font-weight: 600; background: #e8f5ee } tr.broken { color: #8a929b }
@media (prefers-color-scheme: dark) {
  body { color: #dfe3e7; background: #14181c } pre { background: #1e2429 } th, td { border-color: #2c343b }
  tr.best { background: #173b29 } svg text { fill: #dfe3e7 } }
"""


def label(one: dict) -> str:
    """Settings in words."""
    threads = f", {one['threads']} threads" if "threads" in one else ""
    return f"{one['worker_class']}, {one['workers']} worker{'s' if one['workers'] != 1 else ''}{threads}"


def latest(found: dict) -> list[dict]:
    """Each settings' last measurement, which is the longest, the best first."""
    last = {label(one): one for one in found["measured"]}
    return sorted(last.values(), key=lambda one: (not one["broken"], one["rate"]), reverse=True)


def numbers(one: dict) -> str:
    p99 = "none" if one["p99"] is None else f"{one['p99']:.0f} ms"
    return f"{one['rate']:.0f} requests/s, p99 {p99}, {one['memory'] / (1 << 20):.0f} MiB"


def as_yaml(found: dict, host: str, name: str) -> str:
    """The recommendation, to be pasted into the app's mapping."""
    if not found["recommendation"]:
        return f"# No settings of {name} on {host} keep the limits; nearest came {label(found['best'])}: {numbers(found['best'])}.\n"
    lines = [
        f"# Measured on {host}, release {found['release']}: {numbers(found['best'])}.",
        f"# For {name} in slipway_apps:",
    ]
    return "\n".join([*lines, *(f"{key}: {value}" for key, value in found["recommendation"].items()), ""])


def summary(found: dict, host: str, name: str, files: list[str]) -> str:
    """What was found, on the terminal."""
    best, current = found["best"], label(found["current"])
    before = next((one for one in latest(found) if label(one) == current), None)
    lines = [
        f"{host}, {name}: {len(found['measured'])} measurements in {found['seconds']:.0f} s, of {found['grid']} settings"
    ]
    if found["ended_early"]:
        lines[0] += "; the search was ended before it was done"
    if before:
        lines.append(f"now   {current}: {numbers(before)}" + (f" ({before['broken']})" if before["broken"] else ""))
    if not found["recommendation"]:
        lines.append(f"No settings keep the limits; nearest came {label(best)}: {numbers(best)} ({best['broken']}).")
    elif found["recommendation"] == found["current"]:
        lines.append("best  those that serve")
    else:
        gain = f", {found['gain']:.2f} times the rate" if "gain" in found else ""
        lines.append(f"best  {label(best)}: {numbers(best)}{gain}")
    return "\n".join([*lines, *([f"written: {', '.join(files)}"] if files else [])])


def page(found: dict, host: str, name: str) -> str:
    """All of it as one page that needs nothing else."""
    rows, best, current = latest(found), label(found["best"]), label(found["current"])
    cells = []
    for one in rows:
        kind = "best" if label(one) == best else "broken" if one["broken"] else ""
        p50, p99 = ("-" if one[key] is None else f"{one[key]:.1f}" for key in ("p50", "p99"))
        mark = " (serves now)" if label(one) == current else ""
        boot = "-" if one["boot"] is None else f"{one['boot']:.1f}"
        cells.append(
            f'<tr class="{kind}"><td>{escape(label(one))}{mark}</td><td>{one["rate"]:.1f}</td><td>{p50}</td><td>{p99}</td>'
            f"<td>{one['memory'] / (1 << 20):.0f}</td><td>{boot}</td><td>{escape(one['broken'])}</td></tr>"
        )
    head = "".join(
        f"<th>{text}</th>" for text in ("settings", "requests/s", "p50 ms", "p99 ms", "MiB", "boot s", "limit broken")
    )
    bound = f", p99 at most {found['limits']['p99']} ms" if found["limits"]["p99"] else ""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(name)} on {escape(host)}, tuned</title>
<style>{_STYLE}</style>
<h1>{escape(name)} on {escape(host)}</h1>
<p class="note">{len(found["measured"])} measurements in {found["seconds"]:.0f} s, of {found["grid"]} settings that there are; release
{escape(found["release"])}; memory at most {found["limits"]["memory"] >> 20} MiB{bound}.</p>
<pre>{escape(as_yaml(found, host, name))}</pre>
{plot(rows, best, current)}
<table><thead><tr>{head}</tr></thead><tbody>
{chr(10).join(cells)}
</tbody></table>
</html>
"""


def plot(rows: list[dict], best: str, current: str) -> str:
    """A bar for each settings' rate."""
    most, row, left, width = max((one["rate"] for one in rows), default=0) or 1, 24, 240, 900
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {row * len(rows) + 10}" role="img" font-size="13" '
        'font-family="system-ui, sans-serif"><title>Requests a second</title>'
    ]
    for number, one in enumerate(rows):
        y, name = number * row + 4, label(one)
        length = (width - left - 190) * one["rate"] / most
        colour = (
            "#2f9e63" if name == best else "#c4cad0" if one["broken"] else "#3b82c4" if name == current else "#9cc3e6"
        )
        said = f"{one['rate']:.0f}/s" + (f", p99 {one['p99']:.0f} ms" if one["p99"] is not None else "")
        parts.append(
            f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{left}" y="{y}" width="{max(1, length):.1f}" height="{row - 6}" rx="3" fill="{colour}"/>'
            f'<text x="{left + length + 8:.1f}" y="{y + 14}">{said}</text>'
        )
    return "\n".join([*parts, "</svg>"])
