"""Settings that cannot work are refused with their name and what to write, before anything changes."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile

import pytest
from playbook import play

testinfra_hosts = ["ansible://debian13"]

GOOD = {"source": {"path": "sample_app"}, "wsgi": "hello:create_app()", "domains": ["hello.example.com"]}
# Nothing listens there (RFC 863).
REFUSED = "127.0.0.1:9"

# What is wrong with hello's mapping (None: the key is missing), the variable to name, and what else to say.
KEYS = {
    "wrong type": ({"threads": "many"}, "threads", "expected a number, found str; write threads: 16"),
    "list instead of mapping": ({"env": ["A"]}, "env", 'write env: {NAME: "value"}'),
    "unknown key": ({"worker_clas": "sync"}, "worker_clas", "did you mean worker_class?"),
    "unknown nested key": ({"source": {"pth": "sample_app"}}, "source.pth", "did you mean path?"),
    "no wsgi": ({"wsgi": None}, "wsgi", 'missing; write wsgi: "package:app"'),
    "wsgi is no callable": ({"wsgi": "hello"}, "wsgi", "expected module:callable, found 'hello'"),
    "no domains": ({"domains": None}, "domains", "missing; write domains: [www.example.com]"),
    "domain is none": ({"domains": ["a b; c"]}, "domains", "expected host names, found 'a b; c'"),
    "no source": ({"source": None}, "source", "missing; write source: {path: my_app}"),
    "two sources": ({"source": {"path": "a", "package": "b"}}, "source", "expected one of path, git, archive and package"),
    "eventlet": ({"worker_class": "eventlet"}, "worker_class", "write worker_class: gevent"),
    "asgi": ({"worker_class": "asgi", "server": "uwsgi"}, "worker_class", "uWSGI has no ASGI; write server: gunicorn"),
    "worker class is none": ({"worker_class": "nonsense"}, "worker_class", "expected one of sync, gthread, gevent, asgi, found nonsense"),
    "no workers": ({"workers": 0}, "workers", "expected auto or a number from 1, found 0"),
    "static outside": ({"static": {"/x/": "../x"}}, "static", "write static: {/static/: my_package/static}"),
    "python is none": ({"python": "latest"}, "python", 'expected a version such as "3.13", found \'latest\''),
    "env and secret": ({"env": {"A": "1"}, "secrets": {"A": "2"}}, "env.A", "stands in secrets too"),
    "path": ({"source": {"path": "no_such"}}, "source.path", "expected a folder on this machine, found none"),
    "git path": ({"source": {"git": "file:///no/such", "version": "1"}}, "source.git", "cannot be fetched"),
    "git port": ({"source": {"git": f"http://{REFUSED}/x", "version": "1"}}, "source.git", "cannot be fetched"),
    "git without version": ({"source": {"git": "no_such"}}, "source.version", "expected a tag, a branch or a commit"),
    "archive": ({"source": {"archive": "no.tar"}}, "source.archive", "expected a file on this machine or an address"),
    "archive unchecked": ({"source": {"archive": f"http://{REFUSED}/x"}}, "source.sha256", "write sha256: HEX"),
    "archive port": ({"source": {"archive": f"http://{REFUSED}/x", "sha256": "0"}}, "source.archive", "cannot be fetched"),
    "requirements file": ({"requirements": {"files": ["no.txt"]}}, "requirements.files", "found none called 'no.txt'"),
    "extra": ({"requirements": {"extras": ["no"]}}, "requirements.extras", "expected some of"),
}  # fmt: skip


@pytest.fixture
def refused(everything, limit):
    """Run site.yml with these apps, which must be refused with these words and leave the host as it is."""

    def ask(apps, variable: str, words: str) -> None:
        before = everything()
        done = play("site.yml", limit, slipway_apps=apps)
        assert not done.ok
        assert f"{variable}: " in done.output
        assert words in done.output
        assert "Traceback" not in done.output
        assert everything() == before

    return ask


@pytest.mark.parametrize(("keys", "key", "words"), KEYS.values(), ids=KEYS)
def test_key(refused, keys, key, words):
    refused({"hello": {k: v for k, v in (GOOD | keys).items() if v is not None}}, f"slipway_apps.hello.{key}", words)


@pytest.mark.parametrize("apps", [{}, [GOOD], "hello"], ids=["none", "list", "text"])
def test_apps(refused, apps):
    refused(apps, "slipway_apps", "write slipway_apps: {hello: ")


def test_domain_of_two_apps(refused):
    refused({"hello": GOOD, "other": GOOD}, "slipway_apps.other.domains", "hello.example.com belongs to hello already")


def test_git_version(refused, tmp_path):
    git = ["git", "-C", tmp_path, "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for words in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "--message=x"]):
        subprocess.run([*git, *words], check=True, timeout=60)
    source = {"git": str(tmp_path), "version": "v9"}
    refused({"hello": GOOD | {"source": source}}, "slipway_apps.hello.source.version", "found none called 'v9'")


def test_checksum(refused, tmp_path):
    archive = tmp_path / "app.tar"
    archive.write_bytes(b"not what was meant")
    source = {"archive": str(archive), "sha256": "0" * 64}
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    refused({"hello": GOOD | {"source": source}}, "slipway_apps.hello.source.sha256", f"found {found}")


HOSTILE = {
    "parent": ({"name": "../evil"}, "member '../evil' leads out of the tree"),
    "absolute": ({"name": "/etc/evil"}, "member '/etc/evil' leads out of the tree"),
    "absolute link": ({"name": "evil", "type": tarfile.SYMTYPE, "linkname": "/etc"}, "the link 'evil' leads out"),
    "parent link": ({"name": "evil", "type": tarfile.SYMTYPE, "linkname": "a/../.."}, "the link 'evil' leads out"),
    "hard link": ({"name": "evil", "type": tarfile.LNKTYPE, "linkname": "/etc/shadow"}, "member 'evil' is neither"),
    "device": ({"name": "evil", "type": tarfile.CHRTYPE}, "member 'evil' is neither"),
    "set-uid": ({"name": "evil", "mode": 0o4755}, "member 'evil' is set-uid"),
}


@pytest.mark.parametrize(("member", "words"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_archive(refused, tmp_path, member, words):
    archive = tmp_path / "app.tar"
    with tarfile.open(archive, "w") as tar:
        info = tarfile.TarInfo()
        for key, value in member.items():
            setattr(info, key, value)
        tar.addfile(tarfile.TarInfo("hello.py"), io.BytesIO())
        tar.addfile(info, io.BytesIO())
    refused({"hello": GOOD | {"source": {"archive": str(archive)}}}, "slipway_apps.hello.source.archive", words)


def test_unsupported_system(everything, limit):
    before = everything()
    done = play("site.yml", limit, ansible_facts={"os_family": "Plan9"})
    assert not done.ok
    assert "role knows Debian and its kin; this host is Plan9." in done.output
    assert everything() == before


def test_python_that_the_distribution_lacks(everything, limit, app):
    before = everything()
    done = play("site.yml", limit, slipway_apps={"hello": app(python="3.4")})
    assert not done.ok
    assert "ask for 3.4" in done.output
    assert "This distribution has python3.13" in done.output
    assert everything() == before


def test_foreign_home(host, everything, limit, app):
    host.check_output("install -d /srv/archive && echo precious > /srv/archive/file")
    try:
        before = everything()
        done = play("site.yml", limit, slipway_apps={"archive": app()})
        assert not done.ok
        assert "/srv/archive is there and is no app's home (it holds file); give the app another name" in done.output
        assert everything() == before
    finally:
        host.check_output("rm -r /srv/archive")
