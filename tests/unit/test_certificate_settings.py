"""What the certificate role's variables may say, and what of an app's `tls` becomes a request and a site."""

from __future__ import annotations

import pytest
from ansible_collections.slipway.flask.plugins.plugin_utils import app_settings
from ansible_collections.slipway.flask.plugins.plugin_utils.certificate_settings import errors, packages

GOOD = {
    "certificate_requests": [{"name": "hello", "provider": "acme", "domains": ["www.example.com"]}],
    "certificate_acme_directory": "https://acme.example.com/directory",
    "certificate_acme_email": "",
    "certificate_acme_eab_kid": "",
    "certificate_acme_eab_hmac_key": "",
}
APP = {"source": {"path": "x"}, "wsgi": "x:app", "domains": ["www.example.com"]}


def requested(**keys) -> list[str]:
    return errors({**GOOD, "certificate_requests": [{**GOOD["certificate_requests"][0], **keys}]})


def test_good_variables():
    assert errors(GOOD) == []
    assert requested(provider="selfsigned", domains=["*.example.com", "192.0.2.1"]) == []
    assert requested(provider="files", certificate="a.pem", key="b.pem") == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"name": "a b"}, "name: expected small letters"),
        ({"domains": []}, "domains: expected at least one host name"),
        ({"domains": ["a b"]}, "domains: expected host names, found 'a b'"),
        (
            {"domains": ["*.example.com"]},
            "domains: *.example.com is not to be had over port 80; write its names one by one",
        ),
        (
            {"domains": ["localhost"]},
            "domains: expected public host names for a certificate by ACME, found 'localhost'",
        ),
        ({"domains": ["192.0.2.1"]}, "domains: expected public host names"),
        (
            {"provider": "files", "key": "a"},
            "certificate: missing; a certificate of files needs its path on the controller",
        ),
        ({"provider": "files", "certificate": "a"}, "key: missing"),
        ({"key": "a"}, "key: not for the provider acme; leave it out, or write provider: files"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(keys, expected):
    found = requested(**keys)
    assert len([error for error in found if error.startswith(f"certificate_requests[0].{expected}")]) == 1


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("certificate_acme_directory", "http://acme.example.com", "expected the https address of an ACME directory"),
        ("certificate_acme_email", "a@b\nserver = x", "expected an address, or nothing"),
        ("certificate_acme_eab_kid", "kid", "expected both certificate_acme_eab_kid and certificate_acme_eab_hmac_key"),
    ],
)
def test_an_account_that_cannot_be_is_refused(name, value, expected):
    (error,) = errors({**GOOD, name: value})
    assert error.startswith(f"{name}: {expected}")


def test_a_bad_secret_is_not_shown():
    (error,) = errors({**GOOD, "certificate_acme_eab_kid": "k", "certificate_acme_eab_hmac_key": "canary\n"})
    assert error.startswith("certificate_acme_eab_hmac_key: expected letters")
    assert "canary" not in error


def test_a_name_is_given_once():
    twice = errors({**GOOD, "certificate_requests": GOOD["certificate_requests"] * 2})
    assert twice == ["certificate_requests[1].name: hello is there already; give each certificate a name of its own"]


def test_packages_are_those_that_are_needed():
    assert packages([]) == []
    assert packages([{"provider": "selfsigned"}]) == ["openssl"]
    assert packages([{"provider": "files"}, {"provider": "acme"}]) == ["openssl", "certbot"]


def settle(**keys) -> dict:
    settled, found = app_settings.settle({"hello": {**APP, **keys}}, {})
    assert found == []
    return settled["hello"]


def test_an_app_without_tls_is_served_over_plain_http():
    app = settle()
    assert "tls" not in app_settings.site("hello", app, "/srv")


@pytest.mark.parametrize("provider", ["selfsigned", "acme"])
def test_one_word_is_enough(provider):
    app = settle(tls={"provider": provider})
    assert app_settings.certificate("hello", app, "/srv") == {
        "name": "hello",
        "provider": provider,
        "domains": APP["domains"],
    }
    site = app_settings.site("hello", app, "/srv")["tls"]
    assert site.pop("challenges", None) == {"acme": "/var/lib/slipway/acme"}.get(provider)
    assert site == {
        "certificate": "/etc/slipway/certificates/hello/fullchain.pem",
        "key": "/etc/slipway/certificates/hello/privkey.pem",
        "hsts": "max-age=63072000",
        "redirect": True,
    }


def test_given_files_are_the_controller_s_in_the_request_and_the_host_s_in_the_site():
    app = settle(tls={"provider": "files", "certificate": "a.pem", "key": "b.pem", "redirect": False})
    request, site = app_settings.certificate("hello", app, "/srv"), app_settings.site("hello", app, "/srv")["tls"]
    assert (request["certificate"], request["key"]) == ("a.pem", "b.pem")
    assert site["certificate"] == "/etc/slipway/certificates/hello/fullchain.pem"
    assert site["redirect"] is False


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        ({}, "tls: missing required arguments: provider found in tls; write tls: {provider: acme}"),
        ({"hsts": "max-age=1"}, "tls: missing required arguments: provider"),
        ({"provider": "none"}, "tls.provider: expected one of selfsigned, files, acme, found none"),
        ({"provider": "acme", "policy": "modern"}, "tls.policy: unknown key"),
        ({"provider": "files", "certificate": "a"}, "tls.key: missing"),
        ({"provider": "acme", "hsts": "1; x"}, "tls.hsts: expected max-age=SECONDS"),
        ("acme", "tls: expected a mapping, found str; write tls: {provider: acme}"),
    ],
)
def test_errors_name_the_app_s_key(tls, expected):
    _, found = app_settings.settle({"hello": {**APP, "tls": tls}}, {})
    (error,) = found
    assert error.startswith(f"slipway_apps.hello.{expected}")


def test_a_wildcard_by_acme_is_refused_by_the_app_s_key():
    _, (error,) = app_settings.settle({"hello": {**APP, "domains": ["*.example.com"], "tls": {"provider": "acme"}}}, {})
    assert error.startswith("slipway_apps.hello.domains: *.example.com is not to be had over port 80")
