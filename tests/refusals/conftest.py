"""What these tests share: the host as it stands, and an app small enough to be built in a second."""

from __future__ import annotations

import pytest
from playbook import play

SERVING = """
systemctl show --property=Id,ActiveState,UnitFileState,MainPID,NRestarts 'flask-hello@blue.*' 'flask-hello@green.*'
ps --no-headers -o pid -u flask-hello
readlink /srv/hello/active.sock /srv/hello/current
curl -sS --max-time 10 --include --header 'Host: hello.example.com' http://127.0.0.1/readyz | grep -iE '^(HTTP|X-Release)'
"""
# But for the folders that the app itself writes while it serves.
EVERYTHING = """
find /srv /etc/slipway /etc/systemd/system /etc/nginx -path '/srv/*/shared/*' -prune -o -printf '%p %T@ %m %u %s\\n' | sort
sha256sum /etc/passwd /etc/group /var/lib/dpkg/status
"""


@pytest.fixture(scope="module")
def limit(host) -> str:
    """Argument that keeps a playbook to this host."""
    return f"--limit={host.backend.get_hostname()}"


@pytest.fixture(scope="module")
def serving(host):
    """What serves the app, which must be a healthy slot alone: call it before and after."""
    return lambda: _healthy(host.check_output(SERVING))


@pytest.fixture(scope="module")
def everything(host):
    """All that a refused setting must not touch: call it before and after."""
    return lambda: _healthy(host.check_output(EVERYTHING + SERVING))


def _healthy(answer: str) -> list[str]:
    lines = answer.splitlines()
    assert "HTTP/1.1 200 OK" in lines
    return lines


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """An app's mapping whose tree is a few lines of WSGI; ``app(code, tree, **keys)`` gives it other code, files and keys."""

    def make(code: str = "", tree: dict[str, str] | None = None, **keys) -> dict:
        answer = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'new']\n"
        folder = tmp_path_factory.mktemp("app")
        for name, text in {"small.py": code or answer, **(tree or {})}.items():
            (folder / name).write_text(text, encoding="utf-8")
        return {"source": {"path": str(folder)}, "wsgi": "small:app", "domains": ["hello.example.com"], **keys}

    return make


@pytest.fixture
def refused_release(serving, limit):
    """Run site.yml with hello as this app, which must be refused with these words while the old release serves on."""

    def ask(app: dict, words: list[str]) -> str:
        before = serving()
        done = play("site.yml", limit, slipway_apps={"hello": app})
        assert not done.ok
        assert "hello: " in done.output
        assert [word for word in words if word not in done.output] == []
        assert serving() == before
        return done.output

    return ask
