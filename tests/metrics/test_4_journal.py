"""The journal's limits, as journald itself tells them."""

from __future__ import annotations

import json

from served import wait_for

# What journald says of the room that it may take, whenever it starts and when it goes over to the disk.
USAGE = "MESSAGE_ID=ec387f577b844b8fa948f33cad9a75e6"


def test_journald_takes_no_more_than_it_is_allowed(host):
    host.check_output("mkdir -p /var/log/journal && journalctl --flush && journalctl --sync")
    told = host.check_output(f"journalctl --quiet --output=json --lines=1 {USAGE} JOURNAL_NAME='System Journal'")
    assert int(json.loads(told)["MAX_USE"]) == 48 << 20


def test_what_an_app_says_still_comes_in_when_journald_was_restarted(host, unruly):
    since = unruly.now()
    host.check_output("systemctl restart systemd-journald")
    unruly.get("/status/418")
    wait_for(lambda: "told to answer 418" in unruly.journal(since), "it is in the journal")


def test_the_server_leaves_requests_to_nginx_s_log(unruly):
    since = unruly.now()
    unruly.get("/status/418")
    said = wait_for(
        lambda: lines if "told to answer 418" in (lines := unruly.journal(since)) else "", "it is in the journal"
    )
    assert "GET" not in said
