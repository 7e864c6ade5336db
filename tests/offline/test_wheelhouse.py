"""Hosts that reach no package index: all that they install comes from the controller, ready-made for their interpreter."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playbook import play
from served import Served

APPS = Path(__file__).parent / "apps"


def test_the_host_reaches_nothing_but_the_controller(host):
    assert host.run("ip route get 192.0.2.1").rc != 0


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [("hello", "/readyz", '"ok"'), ("carried", "/", '"locked":true'), ("setup", "/", '"three"')],
)
def test_the_app_answers(host, name, path, words):
    status, body = Served(host, name).get(path)
    assert status == 200 and words in body


@pytest.mark.parametrize(("name", "server"), [("hello", "Gunicorn"), ("carried", "uWSGI"), ("setup", "Granian")])
def test_its_server_came_along(host, name, server):
    served = Served(host, name)
    assert server in served.show(served.service, "Description") and served.workers


def test_the_server_s_compiled_parts_are_the_interpreter_s(host):
    python = "/srv/hello/current/venv/bin/python"
    version = host.check_output(python + " -c 'import sys; print(*sys.version_info[:2], sep=str())'")
    assert f".cpython-{version}-" in host.check_output(
        python + " -c 'import gevent._gevent_cgreenlet as m; print(m.__file__)'"
    )


def test_the_installer_is_the_one_that_was_asked_for(host):
    there = {"debian12": False, "debian13": True}[host.backend.get_hostname()]
    assert host.run("/opt/slipway/uv/bin/uv --version").rc == 0 or not there
    assert host.file("/opt/slipway/uv").exists == there


def test_wheels_are_root_s_and_those_of_one_release(app):
    assert len(app.run("ls %s/wheels", app.home).split()) == 1
    assert app.run("find %s/wheels ! -user root -o -perm /022", app.home) == ""


@pytest.fixture(scope="session")
def deploy(tmp_path_factory):
    """Deploy the app called setup to all hosts, with these words in its code; gives the play."""
    tree = tmp_path_factory.mktemp("app")

    def deploy(words: str, **keys):
        shutil.copytree(APPS / "setup", tree, dirs_exist_ok=True)
        code = (tree / "counted.py").read_text(encoding="utf-8")
        (tree / "counted.py").write_text(code.replace('"words"', f'"{words}"'), encoding="utf-8")
        app = {
            "source": {"path": str(tree)},
            "wsgi": "counted:app",
            "domains": ["setup.example.com"],
            "server": "granian",
            **keys,
        }
        return play("playbooks/deploy.yml", slipway_apps={"setup": {"wheelhouse": True, "workers": 1, **app}})

    return deploy


@pytest.fixture(scope="session")
def changed(deploy):
    """A release that differs from the one that was there in its code alone."""
    done = deploy("after")
    assert done.ok, done.output


@pytest.fixture
def setup(host) -> Served:
    return Served(host, "setup")


def test_code_alone_is_all_that_is_installed(setup, changed):
    assert '"after"' in setup.get()[1]
    asked = "stat --format=%i /srv/setup/releases/*/venv/lib/python3*/site-packages/flask/app.py"
    first, second = setup.run(asked).split()
    assert first == second


def test_a_release_has_scripts_of_its_own(setup, changed):
    for release in setup.run("ls -d /srv/setup/releases/*").split():
        assert setup.run(f"head -1 {release}/venv/bin/flask") == f"#!{release}/venv/bin/python"


@pytest.fixture(scope="session")
def refused(deploy, changed) -> str:
    """What is said of an app that needs what must be compiled."""
    done = deploy("refused", requirements={"packages": ["uwsgi==2.0.31"]})
    assert not done.ok
    return " ".join(done.output.split())


@pytest.mark.parametrize(
    "words",
    [
        "wheelhouse: expected a ready-made wheel for Python 3.",
        "uwsgi==2.0.31 has no usable wheels",
        "or leave wheelhouse out",
    ],
)
def test_what_has_no_wheel_is_refused_with_what_to_do(setup, refused, words):
    assert words in refused
    assert '"after"' in setup.get()[1]
    assert len(setup.run("ls /srv/setup/releases").split()) == 2
