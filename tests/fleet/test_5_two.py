"""Two balancers share an address, which goes to the other when one is gone, and stays there when that comes back."""

from __future__ import annotations

import time

import pytest
from fleet import BALANCERS, CLIENTS
from served import wait_for

testinfra_hosts = ["ansible://lb1"]
# A connection that stands ends with its balancer, whatever it was asked.
MOST = CLIENTS + 1


def has(fleet, name: str) -> bool:
    return fleet.machine(name).check_output("ip -brief address show to %s", fleet.floating) != ""


@pytest.fixture
def pair(fleet) -> tuple[str, str]:
    """Who has the address, and the other, which is ready to take it."""
    wait_for(lambda: sum(has(fleet, name) for name in BALANCERS) == 1, "one has the address", 15)
    pair = tuple(sorted(BALANCERS, key=lambda name: not has(fleet, name)))
    for name in pair:
        wait_for(lambda name=name: fleet.machine(name).service("keepalived").is_running, f"{name} takes part", 15)
    return pair


def moved(fleet, pair: tuple[str, str], since: float, load) -> None:
    """The other has it within ten seconds, and what came of that."""
    wait_for(lambda: has(fleet, pair[1]), "the other has the address", 10)
    print(f"moved within {load.now() - since:.1f} s")
    time.sleep(3)


def test_one_of_them_has_the_address_and_it_is_served(fleet, pair):
    with fleet.load(f"http://{fleet.floating}") as load:
        time.sleep(2)
    assert load.counts()["lost"] == 0 and load.counts()["requests"] > 20, load.counts()


def test_an_administrator_moves_it_by_ending_keepalived(fleet, pair):
    machine = fleet.machine(pair[0])
    with fleet.load(f"http://{fleet.floating}") as load:
        since = load.now()
        machine.check_output("systemctl stop keepalived")
        try:
            moved(fleet, pair, since, load)
        finally:
            machine.check_output("systemctl start keepalived")
        time.sleep(5)
    print(load.counts())
    assert (has(fleet, pair[0]), has(fleet, pair[1])) == (False, True)
    assert load.counts()["lost"] <= MOST, load.counts()
    assert max(took for _, took in load.times) < 3, load.counts()


def test_it_leaves_a_balancer_whose_nginx_does_not_run(fleet, pair):
    machine = fleet.machine(pair[0])
    machine.check_output("systemctl stop nginx")
    try:
        wait_for(lambda: has(fleet, pair[1]) and not has(fleet, pair[0]), "the other has the address", 10)
        with fleet.load(f"http://{fleet.floating}") as load:
            time.sleep(2)
    finally:
        machine.check_output("systemctl start nginx")
    assert load.counts()["lost"] == 0 and load.counts()["requests"] > 20, load.counts()


def test_it_leaves_a_balancer_that_is_cut_off(fleet, pair):
    """As one that lost its power: it sends nothing, not even that a connection has ended."""
    machine = fleet.machine(pair[0])
    with fleet.load(f"http://{fleet.floating}") as load:
        since = load.now()
        machine.check_output("systemd-run --on-active=0.1 ip link set %s down", machine.interface.default().name)
        try:
            moved(fleet, pair, since, load)
        finally:
            fleet.move("restart", pair[0])
        wait_for(lambda: fleet.machine(pair[0]).service("keepalived").is_running, "it takes part again", 20)
        time.sleep(5)
    print(load.counts())
    assert (has(fleet, pair[0]), has(fleet, pair[1])) == (False, True)
    assert load.counts()["lost"] <= MOST, load.counts()
    assert max(took for _, took in load.times) < 8, load.counts()
