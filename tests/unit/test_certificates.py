"""A host's certificates: what may serve, when a new one is due, and that no reader gets half of a pair."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import certificates
from ansible_collections.slipway.flask.plugins.module_utils.certificates import (
    DAY,
    Certificate,
    CertificateError,
    Certificates,
    check,
    covers,
    read,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "door"))
from authority import pair

NAMES = ["www.example.com", "*.example.org"]
OWN = {"name": "hello", "provider": "selfsigned", "domains": NAMES}
ISSUED = {"name": "hello", "provider": "acme", "domains": ["www.example.com"]}
NOW = certificates.time.time()


@pytest.fixture(scope="module")
def root():
    return pair("Root")


@pytest.fixture(scope="module")
def middle(root):
    return pair("Intermediate", root)


@pytest.fixture(scope="module")
def leaf(middle):
    return pair("leaf", middle, NAMES)


@pytest.fixture
def chain(leaf, middle, root):
    return leaf.pem + middle.pem + root.pem


def given(fullchain: str, key: str) -> dict:
    return {"name": "hello", "provider": "files", "domains": NAMES, "fullchain": fullchain, "key": key}


@pytest.fixture
def host(tmp_path, monkeypatch):
    """The certificates of a host whose files lie in a folder, and where no Nginx runs."""
    monkeypatch.setattr(Certificates, "take", lambda self: self.untaken.unlink(missing_ok=True))

    def host(*requests: dict, now: float = 0, **settings) -> Certificates:
        acme = {"directory": "https://acme.example.com/dir", "profile": "", "email": "", "ca_bundle": "", "eab_kid": ""}
        return Certificates(
            {"requests": list(requests), "curve": "prime256v1", "acme": acme, **settings}, tmp_path, now
        )

    return host


def test_a_good_pair(chain, leaf):
    certificate = check(chain, leaf.key, ["www.example.com", "a.example.org"], NOW)
    assert certificate.names == NAMES
    assert certificate.ends - NOW == pytest.approx(90 * DAY, abs=DAY)


def test_a_chain_of_one(root):
    alone = pair("alone", None, ["www.example.com"])
    assert check(alone.pem, alone.key, ["www.example.com"], NOW).names == ["www.example.com"]


def bad(leaf, middle, root) -> dict[str, tuple]:
    rest = middle.pem + root.pem
    old, young = pair("old", middle, NAMES, -90, -1), pair("young", middle, NAMES, 1, 90)
    return {
        "another key": (leaf.pem + rest, pair("other").key, "the key belongs to another certificate"),
        "no key": (leaf.pem + rest, "", "the key cannot be read"),
        "no certificate": ("nonsense", leaf.key, "expected a certificate in PEM"),
        "the key for a certificate": (leaf.key, leaf.key, "expected a certificate in PEM"),
        "its CA first": (rest + leaf.pem, leaf.key, "the key belongs to another certificate"),
        "no chain": (leaf.pem, leaf.key, "its chain is not complete: it was issued by CN=Intermediate"),
        "half a chain": (leaf.pem + middle.pem, leaf.key, "its chain is not complete"),
        "another chain": (leaf.pem + pair("Root").pem, leaf.key, "its chain is not complete"),
        "past": (old.pem + rest, old.key, "and now is"),
        "to come": (young.pem + rest, young.key, "and now is"),
    }


@pytest.mark.parametrize("fault", bad(*[pair("x")] * 3))
def test_a_bad_pair_is_refused(fault, leaf, middle, root):
    fullchain, key, words = bad(leaf, middle, root)[fault]
    with pytest.raises(CertificateError) as refused:
        check(fullchain, key, ["www.example.com"], NOW)
    assert words in str(refused.value).replace("CN = ", "CN=")
    assert "PRIVATE KEY" not in str(refused.value)


def test_a_certificate_for_other_names_is_refused(chain, leaf):
    with pytest.raises(CertificateError, match=r"it is not for shop.example.com; it names www.example.com, "):
        check(chain, leaf.key, ["www.example.com", "shop.example.com"], NOW)


@pytest.mark.parametrize(
    ("domain", "expected"),
    [("www.example.com", True), ("WWW.example.com", True), ("a.example.org", True), ("*.example.org", True),
     ("example.org", False), ("a.b.example.org", False), ("example.com", False)],
)  # fmt: skip
def test_names_are_matched_as_browsers_match_them(domain, expected):
    assert covers(NAMES, domain) is expected


@pytest.mark.parametrize(
    ("life", "left", "expected"),
    [(90, 31, False), (90, 30, True), (398, 31, False), (398, 29, True), (6, 2.1, False), (6, 2, True), (1, 0.5, False),
     (90, -1, True)],
)  # fmt: skip
def test_a_certificate_is_due_30_days_before_its_end_or_when_a_third_of_a_short_life_is_left(life, left, expected):
    certificate = Certificate([], NOW - (life - left) * DAY, NOW + left * DAY, "", "")
    assert certificate.due(NOW) is expected


def test_a_certificate_of_the_host_s_own_ca(host):
    one = host(OWN)
    assert one.lacks(OWN) == "there is none yet"
    one.prepare(OWN)
    assert one.lacks(OWN) == ""
    fullchain, key = one.pair("hello")
    assert check(fullchain + (one.served / "ca.pem").read_text(), key, NAMES, NOW + 60)
    assert {path.name: path.stat().st_mode & 0o777 for path in (one.served / "hello").iterdir()} == {
        "fullchain.pem": 0o600,
        "privkey.pem": 0o600,
        "made.json": 0o600,
    }
    assert (one.state / "ca.key").stat().st_mode & 0o777 == 0o600
    assert (one.state / "pairs").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("settings", "days", "reason"),
    [
        ({}, 59, ""),
        ({}, 61, "it ends on "),
        ({"curve": "secp384r1"}, 0, "it was made for other settings"),
    ],
)
def test_a_certificate_is_replaced_when_it_will_not_do(host, settings, days, reason):
    host(OWN).prepare(OWN)
    assert host(OWN, now=NOW + days * DAY, **settings).lacks(OWN).startswith(reason)


def test_other_domains_want_another_certificate(host):
    host(OWN).prepare(OWN)
    assert host().lacks({**OWN, "domains": ["www.example.com"]}) == "it was made for other settings"


def test_a_new_ca_comes_in_time_and_signs_anew(host):
    one = host(OWN)
    one.prepare(OWN)
    before = (one.state / "ca.pem").read_text()
    one.have_ca()
    assert (one.state / "ca.pem").read_text() == before
    host(now=NOW + (3650 - 119) * DAY).have_ca()
    assert (one.state / "ca.pem").read_text() != before
    assert one.lacks(OWN) == "the host has a new CA"


def test_a_given_pair_is_replaced_by_another_and_not_for_its_age(host, chain, leaf, middle, root):
    one = given(chain, leaf.key)
    host(one).prepare(one)
    assert host(one, now=NOW + 80 * DAY).lacks(one) == ""
    # The timer has no pair to give, and speaks of the end.
    stored = {key: value for key, value in one.items() if key not in ("fullchain", "key")}
    timer = host(stored, now=NOW + 80 * DAY)
    assert timer.lacks(stored).startswith("it ends on ")
    assert "give a newer one" in timer.each(timer.renew, [stored])[0]
    other = pair("leaf", middle, NAMES)
    assert host().lacks(given(other.pem + middle.pem + root.pem, other.key)) == "another one was given"


def test_a_placeholder_stands_until_the_acme_server_gave_one(host):
    one = host(ISSUED)
    one.prepare(ISSUED)
    assert one.report()[0]["placeholder"] is True
    assert one.lacks(ISSUED) == "it was made for other settings"


def test_what_serves_is_no_placeholder_s_to_replace(host):
    """An app that goes over to ACME goes on with the pair that it has."""
    one = host(ISSUED)
    one.prepare({**OWN, "domains": ["www.example.com"]})
    before = one.pair("hello")
    one.prepare(ISSUED)
    assert one.pair("hello") == before


def test_a_failed_renewal_keeps_the_old_pair(host, monkeypatch):
    one = host(ISSUED)
    one.prepare(ISSUED)
    before = one.pair("hello")

    def refuse(*words):
        raise CertificateError("no")

    monkeypatch.setattr(one, "run_certbot", refuse)
    assert one.each(one.renew, [ISSUED]) == ["hello: no"]
    assert one.pair("hello") == before


def test_no_secret_stands_in_certbot_s_words(host, monkeypatch):
    seen = {}

    def run(words, timeout, **environment):
        file = Path(words[words.index("--config") + 1])
        seen.update(words=words, environment=environment, text=file.read_text(), mode=file.stat().st_mode & 0o777)
        raise CertificateError("no")

    monkeypatch.setattr(certificates, "run", run)
    one = host(ISSUED)
    one.settings["acme"] |= {"eab_kid": "kid-1", "eab_hmac_key": "canary", "ca_bundle": "PEM"}
    with pytest.raises(CertificateError, match=r"https://acme.example.com/dir gave none; no"):
        one.order(ISSUED)
    assert "canary" not in json.dumps(seen["words"] + [seen["environment"]], default=str)
    assert "eab-hmac-key = canary\n" in seen["text"]
    assert seen["mode"] == 0o600
    assert Path(seen["environment"]["REQUESTS_CA_BUNDLE"]).read_text() == "PEM"
    assert not (one.certbot / "options.ini").exists()


def test_only_one_pair_of_a_name_is_kept(host, leaf, chain):
    one = host(OWN)
    for _ in range(3):
        one.install("hello", chain, leaf.key, {})
    one.install("hello-2", chain, leaf.key, {})
    assert len(list((one.state / "pairs").iterdir())) == 2
    assert read(one.pair("hello")[0]).names == NAMES


def test_a_folder_that_someone_made_is_left_alone(host, leaf, chain):
    one = host(OWN)
    (one.served / "hello").mkdir(parents=True)
    with pytest.raises(CertificateError, match="move it away"):
        one.install("hello", chain, leaf.key, {})


def test_what_neither_nginx_nor_anyone_asks_for_is_removed(host, monkeypatch, leaf, chain):
    one = host(OWN)
    for name in ("hello", "left", "spoken-of"):
        one.install(name, chain, leaf.key, {})
    monkeypatch.setattr(certificates, "run", lambda *words: f"ssl_certificate {one.served}/spoken-of/fullchain.pem;")
    assert one.unused() == {"hello", "left"}
    one.prune()
    assert sorted(path.name for path in one.served.iterdir() if path.is_symlink()) == ["hello", "spoken-of"]
    assert sorted(path.name.partition(".")[0] for path in (one.state / "pairs").iterdir()) == ["hello", "spoken-of"]


def test_nothing_is_unused_where_nginx_cannot_be_asked(host, monkeypatch, leaf, chain):
    one = host(OWN)
    one.install("hello", chain, leaf.key, {})

    def refuse(*words):
        raise CertificateError("no")

    monkeypatch.setattr(certificates, "run", refuse)
    assert one.unused() == set()
