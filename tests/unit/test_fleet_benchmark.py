"""What the fleet's benchmark makes of what it measured."""

import importlib.machinery
import importlib.util
import sys

import pytest
from playbook import ROOT


@pytest.fixture(scope="module")
def fleet():
    """The script, which has no suffix."""
    before = sys.path[:]
    loader = importlib.machinery.SourceFileLoader("fleet_benchmark", str(ROOT / "tests/benchmark/fleet"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    sys.path[:] = before
    return module


def recap(**changed) -> str:
    return "".join(
        f"{name.replace('_', '-'):26} : ok=36   changed={count}    unreachable=0    failed=0    skipped=24   rescued=0    ignored=0\n"
        for name, count in changed.items()
    )


@pytest.fixture
def result(fleet):
    """8 + 2n seconds without a change, 10 + 8n one by one and 10 + 3n at once; Ansible's own work is n seconds."""
    lines = {"no change": (8, 2), "no change, apart": (7, 1), "deploy, 1": (10, 8), "deploy, 100%": (10, 3)}
    rows = [
        {
            "what": what,
            "hosts": hosts,
            "forks": 5,
            "runs": [{"seconds": a + b * hosts, "controller": hosts, "machine": 0}],
        }
        for what, (a, b) in lines.items()
        for hosts in (8, 4, 2, 1)
    ]
    return {"forks": [5], "serial": ["1", "100%"], "cpus": 2, "largest_mib": 90, "rows": rows}


@pytest.mark.parametrize(
    ("output", "changes", "wrong"),
    [
        (recap(bench_web1=0, bench_lb=0), False, ""),
        (recap(bench_web1=0, bench_lb=1), False, "changed bench-lb, expected nothing"),
        (recap(bench_web1=2, bench_web2=1, bench_lb=0), True, ""),
        (recap(bench_web1=2, bench_web2=0), True, "changed bench-web1, expected bench-web1, bench-web2"),
        (recap(bench_web1=2, bench_lb=1), None, ""),
        (recap(bench_web1=0).replace("unreachable=0", "unreachable=1"), False, "failed"),
        ("ERROR! no such playbook\n", False, "failed"),
    ],
)
def test_a_run_is_as_it_is_to_be(fleet, output, changes, wrong):
    assert fleet.fault(output, changes) == wrong


def test_growth_is_that_from_one_host_to_eight_with_their_own_processors(fleet, result):
    assert fleet.growth(result) == pytest.approx(15 / 8) and fleet.missed({"scale": result}) == []
    result["rows"][4]["runs"][0]["seconds"] = 17
    assert fleet.missed({"scale": result}) == ["without a change over 8 hosts 2.12 times one, 0.12 too much"]
    result["rows"] = [row for row in result["rows"] if row["hosts"] < 8]
    assert fleet.growth(result) is None and fleet.missed({"scale": result}) == []


def test_the_lines_say_what_many_hosts_take(fleet, result):
    plan = fleet.Plan(result)
    assert plan.at_once("no change", 100, 5) == pytest.approx(10 * 20)
    # Ansible's own work is what is left with many forks.
    assert plan.at_once("no change", 100, 100) == pytest.approx(100 / 2)
    assert plan.in_tenths(100, 25) == pytest.approx(13 * 4 + 10 * 8)
    page = "\n".join(fleet.scale_page(result, "Measured."))
    assert "| 8 | 24.0 (2.40) | 74.0 (4.11) | 34.0 (2.62) |" in page
    assert "| 8 | 15.0 (1.88) |" in page
    assert "| without a change | 8.0 + 2.00·n | 0.0 + 1.00·n |" in page
    assert "100 hosts take 200 s without a change with `forks = 5` (208 s where all share 2 processors" in page


@pytest.mark.parametrize(
    ("lost", "kind"),
    [
        ("1.204 s: GET /: Lost: 502, expected 200 with '<title>': 'Bad'", "GET 502"),
        ("1.204 s: POST /api/entries: Lost: 201, expected 201 with 'Load 1': '{}'", "POST another text"),
        ("1.204 s: POST /api/entries: ProtocolError: ('Connection aborted.')", "POST ProtocolError"),
        ("what is this", "other"),
    ],
)
def test_what_is_lost_is_told_by_kind(fleet, lost, kind):
    assert fleet.kind(lost) == kind


def test_requests_are_those_of_their_time(fleet):
    times = [(0.5, 0.01), (1.5, 0.02), (1.9, 0.04), (2.0, 9.0)]
    found = fleet.during(times, [fleet.Roll("deploy", 1, 2)])
    assert (found["requests"], found["max"]) == (2, 40.0)


def test_one_part_leaves_the_others_figures(fleet, tmp_path, monkeypatch):
    page = tmp_path / "fleet.md"
    page.write_text(
        "A\n<!-- fleet scale -->\nold\n<!-- /fleet scale -->\nB\n<!-- fleet loss -->\nkept\n<!-- /fleet loss -->\n"
    )
    monkeypatch.setattr(fleet, "PAGE", page)
    fleet.write_page("scale", ["new", ""])
    fleet.write_page("scale", ["newer", ""])
    expected = "A\n<!-- fleet scale -->\n\nnewer\n\n<!-- /fleet scale -->\nB\n<!-- fleet loss -->\nkept\n<!-- /fleet loss -->\n"
    assert page.read_text() == expected


@pytest.mark.parametrize("name", ["scale", "loss", "cache"])
def test_the_page_has_a_place_for_each_part(fleet, name):
    text = fleet.PAGE.read_text(encoding="utf-8")
    assert text.index(f"<!-- fleet {name} -->\n") < text.index(f"<!-- /fleet {name} -->")
