"""The balancer itself: reloads, a reboot, and what clients say of themselves."""

from __future__ import annotations

import json
import socket
import time

import pytest
import urllib3
from fleet import WEB
from served import wait_for

testinfra_hosts = ["ansible://lb1"]

FORGED = {
    "Host": "hello.example.com", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example.com", "X-Real-IP": "203.0.113.9", "Forwarded": "for=203.0.113.9;proto=https",
}  # fmt: skip


@pytest.mark.parametrize(
    "command",
    ["systemctl reload nginx", "systemctl restart slipway-balancer", "systemctl kill --signal=KILL slipway-balancer"],
)
def test_what_an_administrator_types_loses_nothing(fleet, command):
    with fleet.load() as load:
        for _ in range(3):
            fleet.run(command)
            time.sleep(1)
    assert load.counts()["lost"] == 0 and load.counts()["requests"] > 50, load.counts()
    fleet.wait_whole(5)


def test_a_flushed_table_is_made_anew(fleet):
    fleet.run("slipway-balancer drain debian13")
    fleet.run("nft flush ruleset")
    wait_for(lambda: "reject" in fleet.run("nft list ruleset"), "the rule is back", 10)


def test_a_rebooted_balancer_serves_and_knows_who_is_drained(fleet):
    fleet.run("slipway-balancer drain debian13")
    fleet.move("restart", "lb1")
    pool = urllib3.PoolManager(retries=False, timeout=5)
    wait_for(
        lambda: pool.request("GET", fleet.url, headers={"Host": "hello.example.com"}).status == 200, "an answer", 20
    )
    wait_for(lambda: fleet.out == {"debian13": "drained"}, "debian13 is drained still", 20)


@pytest.mark.parametrize("name", ["lb1", *WEB])
def test_the_app_believes_no_client(fleet, name):
    """What one says to the balancer, and to a host past it."""
    url = fleet.move("url", name)
    answer = urllib3.request("GET", f"{url}/whoami", headers=FORGED)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((urllib3.util.parse_url(url).host, 80))
        own = probe.getsockname()[0]
    seen = json.loads(answer.data)
    assert (seen["remote_addr"], seen["scheme"], seen["host"]) == (own, "http", "hello.example.com"), seen
