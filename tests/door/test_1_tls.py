"""Over HTTPS: every certificate serves to whoever trusts its root, and the settings are those of Mozilla's guideline."""

from __future__ import annotations

import re

import pytest
from secure import Secure

DOMAINS = [
    ("own", "own.example.com"),
    ("own", "any.own.example.com"),
    ("given", "given.example.com"),
    ("issued", "issued.example.com"),
    ("issued", "www.issued.example.com"),
]


@pytest.mark.parametrize(("name", "domain"), DOMAINS)
def test_a_client_that_trusts_the_root_is_served(host, name, domain):
    status, answer = Secure(host, name).https(domain=domain)
    assert status == 200
    assert "<title>" in answer


@pytest.mark.parametrize(
    ("name", "issuer"), [("own", "slipway on "), ("given", "Test Intermediate"), ("issued", "Pebble Intermediate")]
)
def test_a_certificate_comes_from_where_it_was_asked_from(host, name, issuer):
    assert issuer in Secure(host, name).shown("issuer")


@pytest.mark.parametrize("name", ["own", "given", "issued"])
def test_a_key_is_root_s_alone(host, name):
    found = host.check_output(f"stat --dereference --format='%U %a' {Secure(host, name).folder}/privkey.pem")
    assert found == "root 600"
    assert host.run(f"sudo -u flask-{name} cat {Secure(host, name).folder}/privkey.pem").rc != 0


def test_the_account_s_key_is_root_s_alone(host):
    assert host.check_output("stat --format='%U %a' /etc/slipway/certificates/requests.json") == "root 600"


def test_the_app_knows_that_it_is_asked_over_https(own):
    assert '"scheme":"https"' in own.https("/whoami")[1].replace(" ", "")


@pytest.mark.parametrize(("version", "spoken"), [("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)])
def test_protocols(own, version, spoken):
    # The host's own OpenSSL would not speak the old ones by itself.
    assert ("BEGIN CERTIFICATE" in own.handshake(version, "-cipher 'ALL:@SECLEVEL=0'")) is spoken


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES256-CCM"])
def test_ciphers_that_the_guideline_lacks_are_refused(own, cipher):
    assert "handshake failure" in own.handshake("-tls1_2", f"-cipher '{cipher}:@SECLEVEL=0'")


def test_http2(own):
    assert own.https()[1].startswith("HTTP/2 200")
    assert own.https("/", "--http1.1")[1].startswith("HTTP/1.1 200")


def test_http3_where_nginx_has_it(own):
    offered = "alt-svc: h3=" in own.https()[1].lower()
    assert offered == (own.machine == "debian13")
    if offered:
        assert own.https("/", "--http3-only")[1].startswith("HTTP/3 200")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_client_that_comes_again_needs_no_whole_handshake(own, version):
    own.handshake(version, "-sess_out /tmp/session")
    assert re.search("^Reused, ", own.handshake(version, "-sess_in /tmp/session"), re.MULTILINE)


def test_a_name_that_no_site_has_is_shown_no_certificate(own):
    said = own.handshake(domain="other.example.com")
    assert "BEGIN CERTIFICATE" not in said
    assert "unrecognized name" in said


@pytest.mark.parametrize("name", ["own", "issued"])
def test_plain_http_leads_to_https(host, name):
    one = Secure(host, name)
    head = one.get("/a?b=c", "--head")[1]
    assert head.startswith("HTTP/1.1 308 ")
    assert f"location: https://{one.domain}/a?b=c" in head.lower()


def test_a_site_may_answer_over_both(given):
    assert given.get("/")[0] == 200
    assert given.https()[0] == 200


@pytest.mark.parametrize(("name", "expected"), [("own", "max-age=63072000"), ("given", None)])
def test_browsers_are_told_to_stay_with_https_where_plain_http_leads_there(host, name, expected):
    found = re.search(
        r"^strict-transport-security: (.*?)\r?$", Secure(host, name).https()[1], re.MULTILINE | re.IGNORECASE
    )
    assert (found and found[1]) == expected
