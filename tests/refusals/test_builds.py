"""A release that cannot be built is refused with the installer's last lines, leaves nothing behind, and the old one serves on."""

from __future__ import annotations

import pytest

testinfra_hosts = ["ansible://debian12"]

LOCKED = "gunicorn==27.0.1 --hash=sha256:" + "0" * 64 + "\n"

# Keywords of the app fixture, and what must be said.
BUILDS = {
    "package": ({"source": {"package": "slipway-no-such-package==1.0"}}, ["slipway-no-such-package", "not found"]),
    "requirement": ({"requirements": {"packages": ["flask==0.0.1"]}}, ["installing flask==0.0.1 failed", "flask"]),
    "hash": (
        {"tree": {"requirements.txt": LOCKED}},
        ["installing requirements.txt failed", "Hash mismatch for `gunicorn==27.0.1`"],
    ),
    "static": ({"static": {"/x/": "no/such"}}, ["static /x/: 'no/such' stands for", "which is no folder"]),
}


@pytest.mark.parametrize(("keys", "words"), BUILDS.values(), ids=BUILDS)
def test_build(host, refused_release, app, keys, words):
    there = "ls -A /srv/hello/releases"
    before = host.check_output(there)
    output = refused_release(app(**keys), words)
    assert "no release was built, what serves is untouched" in output
    assert host.check_output(there) == before
