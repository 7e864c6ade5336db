"""The table of what serves, for people."""

from __future__ import annotations

from ansible_collections.slipway.flask.plugins.plugin_utils.status_table import status_table

LIVE = {"release": "3f9c0a6be21d", "slot": "green", "since": "2026-11-21T10:00:00Z", "workers": 3, "socket": True}
ENTRY = {"when": "2026-11-21T10:00:00Z", "release": "3f9c0a6be21d", "outcome": "live", "why": ""}
RELEASE = {
    "id": "3f9c0a6be21d",
    "created": "2026-11-21T09:59:00Z",
    "outcome": "live",
    "source": "v1.2 of hello.git",
    "reversible": True,
}
REFUSED = {
    **ENTRY,
    "when": "2026-11-21T10:05:00Z",
    "release": "81d04b",
    "outcome": "refused",
    "why": "release 81d04b did not come up in slot blue",
}


def app(**keys):
    good = {
        "name": "hello",
        "live": LIVE,
        "releases": [RELEASE, {**RELEASE, "id": "0d1e"}, {**RELEASE, "id": "2a3b", "outcome": "", "source": ""}],
        "last": ENTRY,
        "previous": "0d1e",
        "under_way": "",
        "faults": [],
    }
    return {**good, **keys}


def test_an_app_of_one_host_with_its_releases():
    assert status_table({"www1": {"apps": [app()]}}).splitlines() == [
        "host  app    live          slot   since (UTC)       workers  last deploy  previous  kept",
        "www1  hello  3f9c0a6be21d  green  2026-11-21 10:00  3        live         0d1e      3",
        "",
        "kept          built (UTC)       outcome  source",
        "3f9c0a6be21d  2026-11-21 09:59  live     v1.2 of hello.git",
        "0d1e          2026-11-21 09:59  served   v1.2 of hello.git",
        "2a3b          2026-11-21 09:59  -        -",
    ]


def test_a_release_that_is_not_reversible():
    table = status_table({"www1": {"apps": [app(releases=[{**RELEASE, "reversible": False}])]}})
    told = "www1, hello: release 3f9c0a6be21d was declared not reversible; a rollback behind it takes slipway_force"
    assert table.splitlines()[-1] == told


def test_what_locks_an_app_is_told_and_is_not_always_a_deploy():
    busy = "tune of hello, since 2026-11-21 10:06:00 +0000"
    lines = status_table({"www1": {"apps": [app(under_way=busy)]}}).splitlines()
    assert lines[1] == "www1  hello  3f9c0a6be21d  green  2026-11-21 10:00  3        live         0d1e      3"
    assert lines[-1] == f"www1, hello: under way: {busy}"


def test_a_row_for_each_host_and_app_and_a_line_for_each_that_wants_attention():
    busy = "cutover of hello to release 81d04b, since 2026-11-21 10:06:00 +0000"
    new = app(name="new", live={}, releases=[], last={}, previous="", faults=["it was never deployed here"])
    hosts = {
        "www1": {"apps": [app(last=REFUSED), new]},
        "www2": {"apps": [app(under_way=busy), app(last={**ENTRY, "rollback": True})]},
        "www3": {"msg": "no route to host"},
        "www4": {},
    }
    assert status_table(hosts).splitlines() == [
        "host  app    live          slot   since (UTC)       workers  last deploy  previous  kept",
        "www1  hello  3f9c0a6be21d  green  2026-11-21 10:00  3        refused      0d1e      3",
        "www1  new    -             -      -                 -        -            -         0",
        "www2  hello  3f9c0a6be21d  green  2026-11-21 10:00  3        under way    0d1e      3",
        "www2  hello  3f9c0a6be21d  green  2026-11-21 10:00  3        rollback     0d1e      3",
        "www3  -      -             -      -                 -        -            -         -",
        "www4  -      -             -      -                 -        -            -         -",
        "",
        "www1, hello: release 81d04b was refused at 2026-11-21 10:05: did not come up in slot blue",
        "www1, new: it was never deployed here",
        f"www2, hello: under way: {busy}",
        "www3: no route to host",
        "www4: gave no answer",
    ]


def test_what_the_deploy_changed():
    before = {"release": "0d1e", "requests": 50, "errors": 0, "p50": 3.14, "p99": 9.7, "memory": 92 << 20, "boot": None}
    after = {"release": "3f9c", "requests": 50, "errors": 2, "p50": 2.2, "p99": None, "memory": 90 << 20, "boot": 1.24}
    assert status_table({"www1": {"apps": [app(change={"before": before, "after": after})]}}).splitlines()[-1] == (
        "www1, hello: release 3f9c after 0d1e: p50 3.1 -> 2.2 ms, p99 9.7 -> ? ms, errors 0 -> 2, memory 92 -> 90 MiB, boot ? -> 1.2 s"
        " (50 requests a side)"
    )
