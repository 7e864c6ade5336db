"""What is open and what is shut, and that nobody is locked out."""

import json
import os
import subprocess

import pytest
from engines import Redis, reachable
from playbook import ROOT, play
from served import HOSTS, wait_for

testinfra_hosts = ["ansible://debian13"]

INVENTORY = str(ROOT / "molecule/cache/inventory")
OTHER_PORT = 8999


@pytest.fixture
def site():
    """The site's playbook from the firewall on."""
    words = ["--inventory", INVENTORY, "--start-at-task", "Load the firewall, or take it off"]
    return lambda **variables: play("site.yml", *words, **variables)


@pytest.fixture
def table(host):
    """The table in force, nothing where there is none."""
    return lambda: host.run("nft list table inet slipway").stdout


@pytest.fixture
def address(kept) -> str:
    return kept.run("hostname -I").split()[0]


@pytest.fixture(autouse=True)
def listener(kept):
    """Something that listens and that nobody is to reach."""
    unit = "cache-test-listener"
    if not kept.host.service(unit).is_running:
        kept.run(f"systemd-run --quiet --collect --unit={unit} python3 -m http.server {OTHER_PORT}")
    wait_for(lambda: kept.run(f"ss -Hltn sport = :{OTHER_PORT}"), "it listens")
    yield
    kept.host.run(f"systemctl stop {unit}")


def test_what_it_offers_is_open_and_nothing_else(host, address):
    opened = {port: reachable(address, port) for port in (22, 80, OTHER_PORT, 6379)}
    assert opened == {22: True, 80: True, OTHER_PORT: False, 6379: False}
    host.check_output("systemctl stop slipway-firewall")
    try:
        assert reachable(address, OTHER_PORT), "what shut it was the firewall"
    finally:
        host.check_output("systemctl start slipway-firewall")


def test_a_reload_of_the_user_s_rules_leaves_it_in_force(host, table):
    host.check_output("systemctl start nftables && systemctl reload nftables")
    try:
        wait_for(table, "the table is loaded again", 5)
    finally:
        host.check_output("systemctl stop nftables; systemctl start slipway-firewall")
    assert table()


def test_where_someone_flushed_it_nobody_is_locked_out_and_the_next_run_fills_it(host, site, table, address):
    host.check_output("nft flush table inet slipway")
    # A new connection each, which no rule is left to let in.
    assert reachable(address, 22) and reachable(address, OTHER_PORT)
    played = site()
    assert played.ok and "6379" in table() and not reachable(address, OTHER_PORT), played.output


def test_where_someone_took_it_away_the_next_run_loads_it_and_leaves_other_tables_alone(host, site, table, address):
    host.check_output("nft delete table inet slipway && nft add table inet users")
    played = site()
    assert played.ok and "6379" in table() and not reachable(address, OTHER_PORT), played.output
    assert host.run("nft list table inet users").rc == 0
    again = site()
    assert again.ok and again.changed == 0, again.output


def test_who_may_ask_exporters_that_listen_to_a_network_is_let_in_and_nobody_else(site, table):
    played = site(slipway_metrics=True, metrics_address="0.0.0.0", metrics_allow=["203.0.113.0/24"])
    assert played.ok, played.output
    rules = [line.strip() for line in table().splitlines() if "9180" in line]
    assert rules == ["ip saddr 203.0.113.0/24 tcp dport { 9100, 9113, 9180 } accept"]
    assert site().ok and "9180" not in table()


def test_who_would_lock_out_the_run_itself_is_refused(site, table):
    before = table()
    played = site(firewall_ssh_from=["203.0.113.0/24"])
    told = " ".join(played.output.split())
    assert not played.ok
    assert "firewall_ssh_from: expected a network that has " in told
    assert table() == before


def test_a_table_that_nobody_comes_back_through_is_taken_off(host, kept, table):
    """As if Ansible had been locked out: nobody says that it came back."""
    unit = host.file("/etc/systemd/system/slipway-firewall.service").content_string
    arguments = {"allow": [{"name": "web", "ports": [80]}], "unit": unit, "confirm_within": 3}
    command = [
        "ansible",
        "-i",
        str(ROOT / "molecule/inventory"),
        kept.machine,
        "--become",
        "-m",
        "slipway.flask.firewall",
    ]
    done = subprocess.run(
        [*command, "-a", json.dumps(arguments)], cwd=ROOT, env={**os.environ}, capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    wait_for(lambda: not table(), "it is taken off", 15)
    assert not host.service("slipway-firewall").is_enabled


def test_it_is_there_again_after_the_next_run_and_after_a_reboot(host, kept, site, table, address):
    redis = Redis(host)
    redis.cli("set", "promised", "still there")
    played = site()
    assert played.ok and table(), played.output
    subprocess.run([HOSTS, "restart", kept.machine], check=True, timeout=120, stdout=subprocess.DEVNULL)
    assert "6379" in table()
    assert reachable(address, 80) and not reachable(address, 6379)
    wait_for(lambda: redis.cli("get", "promised") == "still there", "the cache is back, with what was promised")
    wait_for(lambda: kept.json("/readyz")["status"] == "ok", "the app is back")
    redis.cli("flushall")


def test_it_is_taken_off_by_a_word_and_put_on_by_one(host, site, table, address):
    played = site(slipway_firewall=False)
    assert played.ok and not table(), played.output
    assert reachable(address, OTHER_PORT)
    assert not host.file("/etc/slipway/firewall.nft").exists
    again = site(slipway_firewall=False)
    assert again.ok and again.changed == 0, again.output
    assert site().ok and table() and not reachable(address, OTHER_PORT)
