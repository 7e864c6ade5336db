"""What the release module answers, before and after the build."""

from __future__ import annotations

import json
import os
import pwd
import types

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import index, users
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.home import make_home
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout
from ansible_collections.slipway.flask.plugins.module_utils.lock import Busy, locked
from ansible_collections.slipway.flask.plugins.modules import release

PARAMS = {
    "tree": {"describe": "sample_app", "digest": "d1", "scm_version": ""},
    "plan": [],
    "requirement": "",
    "archive": "",
    "packed": "",
    "wheelhouse": False,
    "wheels_id": "",
    "wheels": "",
    "server": [],
    "shared": [],
    "static": {},
    "protected": {},
    "static_group": "",
    "wsgi": "hello:create_app()",
    "python": "",
    "index": {name: option["default"] for name, option in index.OPTIONS.items()},
    "build_timeout": 20,
}


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A host whose builds make an empty release; `ask` runs the module there."""
    me = pwd.getpwuid(os.geteuid())
    monkeypatch.setattr(users, "account", lambda name: me)
    made = ["flask-hello"]
    monkeypatch.setattr(release.users, "exists", made.__contains__)
    monkeypatch.setattr(release.users, "make", lambda name, home: made.append(name))
    monkeypatch.setattr(release, "interpreter", lambda version: ("/usr/bin/python3", "" if version else "3.13.5"))
    for step in ("_unpack", "_install"):
        monkeypatch.setattr(release.Release, step, lambda self: None)
    layout = Layout("hello", str(tmp_path))

    def ask(check_mode=False, **params):
        return release.run(types.SimpleNamespace(params={**PARAMS, **params}, check_mode=check_mode), layout)

    return types.SimpleNamespace(layout=layout, ask=ask, users=made)


def test_the_tree_is_asked_for_only_when_it_is_needed(host):
    first = host.ask()
    assert first == {"changed": False, "needs_tree": True, "id": first["id"], "path": host.layout.release(first["id"])}
    assert not os.path.exists(host.layout.home)


def test_wheels_are_asked_for_with_what_they_must_fit(host):
    asked = host.ask(wheelhouse=True, requirement="hello==1.2")
    assert asked["needs_wheels"]["target"]["python"] == "3.13.5" and asked["needs_wheels"]["there"] == []
    assert "needs_tree" not in asked and not os.path.exists(host.layout.home)
    built = host.ask(wheelhouse=True, requirement="hello==1.2", wheels_id="d1")
    assert built["changed"] and host.ask(wheelhouse=True, requirement="hello==1.2") == {
        "changed": False, "id": built["id"], "path": built["path"]
    }  # fmt: skip


def test_a_second_run_changes_nothing(host, tmp_path):
    (tmp_path / "tree.tar.gz").touch()
    built = host.ask(archive=str(tmp_path / "tree.tar.gz"))
    assert built["changed"]
    assert host.ask() == {"changed": False, "id": built["id"], "path": built["path"]}


def test_a_missing_user_is_made(host, tmp_path):
    (tmp_path / "tree.tar.gz").touch()
    host.ask(archive=str(tmp_path / "tree.tar.gz"))
    host.users.clear()
    assert host.ask(check_mode=True)["changed"] and host.users == []
    assert host.ask()["changed"] and host.users == ["flask-hello"]
    assert not host.ask()["changed"]


def test_a_package_needs_no_tree(host):
    assert host.ask(requirement="hello==1.2", tree={"describe": "hello==1.2"})["changed"]


def test_check_mode_tells_the_id_and_touches_nothing(host):
    predicted = host.ask(check_mode=True, requirement="hello==1.2")
    assert predicted["changed"]
    assert predicted["id"] in predicted["diff"]["after"]
    assert not os.path.exists(host.layout.home)
    assert host.ask(requirement="hello==1.2")["id"] == predicted["id"]


def test_check_mode_on_a_host_without_the_interpreter(host):
    assert host.ask(check_mode=True, python="3.14")["id"] == "unknown"


def test_a_missing_interpreter_is_refused(host):
    with pytest.raises(BuildError, match=r"expected Python at /usr/bin/python3, found none; let the python role"):
        host.ask(python="3.14")


def test_the_diff_shows_what_serves(host):
    served = host.ask(requirement="hello==1.1", tree={"describe": "hello==1.1"})
    os.symlink(served["path"], host.layout.current)
    diff = host.ask(check_mode=True, requirement="hello==1.2", tree={"describe": "hello==1.2"})["diff"]
    assert f"id: {served['id']}\nsource: hello==1.1\n" in diff["before"]
    assert "source: hello==1.2\n" in diff["after"]


def test_a_second_build_of_the_app_is_refused_at_once(host):
    make_home(host.layout)
    with (
        locked(host.layout.lock, "build of hello, release 0d1e2f3a4b5c"),
        pytest.raises(Busy, match="release 0d1e2f3a4b5c"),
    ):
        host.ask(requirement="hello==1.2")


def test_arguments_of_the_factory_make_no_new_release(host):
    assert host.ask(wsgi="hello:create_app('a')")["id"] == host.ask(wsgi="hello:create_app('b')")["id"]


def test_another_module_makes_a_new_release(host):
    assert host.ask(wsgi="hello:app")["id"] != host.ask(wsgi="other:app")["id"]


def test_a_record_names_the_release(host):
    built = host.ask(requirement="hello==1.2")
    with open(os.path.join(built["path"], "release.json"), encoding="utf-8") as file:
        assert json.load(file)["id"] == built["id"]
