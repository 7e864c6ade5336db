"""Certificates near their end are renewed; what cannot be renewed, and what does not fit, leaves the old one serving and is told."""

from __future__ import annotations

import contextlib
import time

import pytest
from door import play
from secure import PROGRAM
from served import wait_for

ACCOUNT = "/var/lib/slipway/certificates/certbot/config/accounts"
FAULTS = {
    "stopped": "systemctl stop pebble",
    "nonces": "mkdir -p {0} && printf '[Service]\\nEnvironment=PEBBLE_WFE_NONCEREJECT=100\\n' > {0}/nonces.conf"
    " && systemctl daemon-reload && systemctl restart pebble".format("/run/systemd/system/pebble.service.d"),
    "challenge": "systemctl stop pebble-dns",
}


@contextlib.contextmanager
def fault(host, command: str):
    """An ACME server that gives nothing; afterwards it does, and knows no accounts, as this one forgets them at each start."""
    host.check_output(command)
    try:
        yield
    finally:
        host.check_output(f"rm -rf /run/systemd/system/pebble.service.d {ACCOUNT} && systemctl daemon-reload")
        host.check_output("systemctl restart pebble-dns pebble && systemctl reset-failed")
        wait_for(lambda: host.run("curl --silent --insecure https://localhost:14000/dir").rc == 0, "the ACME server")


@pytest.mark.parametrize(("days", "due"), [(3.9, False), (4.1, True)])
def test_a_certificate_of_six_days_is_renewed_when_two_are_left(issued, own, given, days, due):
    before = {one.name: one.shown("serial") for one in (issued, own, given)}
    workers = issued.nginx_workers
    done = issued.renew(days)
    assert done.rc == 0, done.stderr
    if due:
        assert "issued: new, good until " in done.stdout
        before["issued"] = issued.soon_shows_another(before["issued"])
    else:
        assert done.stdout == ""
        assert issued.nginx_workers == workers, "Nginx was reloaded for nothing"
    assert {one.name: one.shown("serial") for one in (issued, own, given)} == before
    assert issued.https()[0] == 200


@pytest.mark.parametrize(("days", "due"), [(59, False), (61, True)])
def test_a_certificate_of_the_host_s_own_ca_is_renewed_30_days_before_its_end(own, days, due):
    before = own.shown("serial")
    done = own.host.run(f"faketime -f '+{days}d' {PROGRAM} renew")
    assert ("own: new, good until " in done.stdout) is due
    if due:
        own.soon_shows_another(before)
        # From now on, not from then on.
        later = own.shown("serial")
        own.renew(0, "own")
        own.soon_shows_another(later)
    assert own.https()[0] == 200


def test_the_timer_is_on_and_finds_nothing_to_do(issued):
    assert issued.show("slipway-certificates.timer", "ActiveState") == "active"
    before = issued.shown("serial"), issued.nginx_workers
    issued.run("systemctl start slipway-certificates.service")
    assert (issued.shown("serial"), issued.nginx_workers) == before


@pytest.mark.parametrize("name", FAULTS)
def test_a_renewal_that_fails_leaves_the_old_one_serving_and_is_seen(issued, name):
    before = issued.shown("serial")
    dropin = "/run/systemd/system/slipway-certificates.service.d"
    issued.run(
        f"mkdir -p {dropin} && printf '[Service]\\nExecStart=\\nExecStart=/usr/bin/faketime -f +5d {PROGRAM} renew\\n'"
        f" > {dropin}/later.conf && systemctl daemon-reload"
    )
    with fault(issued.host, FAULTS[name]):
        since = issued.now()
        try:
            assert issued.host.run("systemctl start slipway-certificates.service").rc != 0
            assert "slipway-certificates.service" in issued.run("systemctl --failed --plain --no-legend")
        finally:
            issued.run(f"rm -r {dropin} && systemctl daemon-reload")
        told = issued.run(f"journalctl --quiet --output=cat --unit=slipway-certificates --since='{since}'")
        assert "issued: https://localhost:14000/dir gave none" in told
        assert issued.shown("serial") == before
        assert issued.get("/.well-known/acme-challenge/none")[0] == 404
    # When the fault is gone, so is its trace.
    assert issued.renew(5).rc == 0
    issued.soon_shows_another(before)


def test_one_whose_key_got_out_is_replaced_and_then_revoked(issued):
    before = issued.shown("serial")
    key = issued.run(f"sha256sum {issued.folder}/privkey.pem")
    assert "issued: new, good until " in issued.run(f"{PROGRAM} revoke issued")
    issued.soon_shows_another(before)
    assert issued.run(f"sha256sum {issued.folder}/privkey.pem") != key
    told = issued.run(f"curl --silent --insecure https://localhost:15000/cert-status-by-serial/{before.lower()}")
    assert '"Revoked"' in told


def test_what_is_there_is_told(issued):
    told = issued.run(f"{PROGRAM} list")
    assert [line.split()[:2] for line in told.splitlines()] == [
        ["own", "selfsigned"],
        ["given", "files"],
        ["issued", "acme"],
    ]


def test_a_key_of_another_certificate_is_refused_before_anything_changes(given):
    def standing() -> tuple[str, ...]:
        return given.shown("serial"), given.nginx_workers, given.run("readlink %s", given.folder)

    before = standing()
    tls = {"provider": "files", "certificate": "{{ door_made }}/given.pem", "key": "{{ door_made }}/swapped.key"}
    app = "{{ door_app | combine({'domains': ['given.example.com'], 'tls': door_swapped}) }}"
    done = play("site.yml", given, door_tls_apps={"given": app}, door_swapped=tls)
    assert not done.ok
    assert "given: the key belongs to another certificate" in done.output
    assert done.changed == 0
    assert standing() == before


@pytest.fixture
def later(host):
    """An interpreter for which it is 60 days later."""
    path = "/usr/local/bin/python-later"
    host.check_output(f"printf '#!/bin/sh\\nexec faketime -f +60d python3 \"$@\"\\n' > {path} && chmod +x {path}")
    yield path
    host.check_output(f"rm {path}")


def test_a_host_whose_clock_is_off_is_deployed_to(given, later):
    done = play("playbooks/deploy.yml", given, slipway_only=["given"], ansible_python_interpreter=later)
    assert done.ok, done.output
    assert given.https()[0] == 200


def test_a_host_whose_clock_is_off_is_told_of_and_judged_by_the_controller_s(given, own, issued, later):
    """By its own clock all but one would be over."""
    before = [one.shown("serial") for one in (given, own, issued)]
    done = play("tests/door/certificates.yml", given, ansible_python_interpreter=later)
    assert done.ok, done.output
    assert "This host's clock is 60.0 days ahead of the controller's" in " ".join(done.output.split())
    assert done.changed == 0
    assert [one.shown("serial") for one in (given, own, issued)] == before


def test_a_renewal_under_load(given, issued, record_property):
    """Nginx before 1.27.4 closes idle connections when it is reloaded, and a client's next request may meet that."""
    before = issued.shown("serial")
    with given.load(clients=2, pause=0.02, slow=0) as load:
        time.sleep(3)
        issued.run(f"{PROGRAM} renew issued")
        issued.soon_shows_another(before)
        time.sleep(3)
    counts = load.counts()
    record_property("counts", counts)
    assert counts["requests"] > 100
    assert counts["lost"] <= 2, counts["first_lost"]
