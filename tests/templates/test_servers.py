"""What the roles of the app servers write."""

from __future__ import annotations

import configparser
import importlib.util
import os
import signal
import subprocess
import sys
import types

import pytest

SERVERS = ["gunicorn", "uwsgi", "granian"]
APP = (
    "def create_app(name='x'):\n    return lambda environ, start_response: name\napp = create_app()\ntext = 'no app'\n"
)


@pytest.fixture
def written(role, tmp_path):
    """A slot's settings, as ``server`` has them written into a folder."""

    def written(server: str, **given):
        variables = {"server_name": "hello", "server_wsgi": "app:app", **given}
        found = role(server, "server", **variables)
        program = found.value(f"__{server}_program")
        for name, text in {**program["config"], "sizing.py": found.value("__server_sizing")}.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        return program

    return written


@pytest.fixture
def gunicorn(written, tmp_path):
    """Gunicorn's settings, as it finds them."""

    def gunicorn(**given) -> dict:
        written("gunicorn", **given)
        spec = importlib.util.spec_from_file_location("__config__", tmp_path / "gunicorn.conf.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return vars(module)

    return gunicorn


@pytest.fixture
def uwsgi(written, tmp_path):
    """uWSGI's settings; of what stands there twice the last."""

    def uwsgi(**given) -> configparser.SectionProxy:
        written("uwsgi", **given)
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.read(tmp_path / "uwsgi.ini")
        return parser["uwsgi"]

    return uwsgi


@pytest.mark.parametrize("number", [3, "3"])
def test_a_number_of_workers_is_taken_as_it_is(gunicorn, uwsgi, number):
    assert gunicorn(server_workers=number)["workers"] == int(uwsgi(server_workers=number)["workers"]) == 3


def test_auto_is_found_out_when_the_server_starts(gunicorn, uwsgi, tmp_path):
    expected = gunicorn(server_worker_class="sync")["workers"]
    command = uwsgi(server_worker_class="sync")["workers"].removeprefix("@(exec://python ").removesuffix(")")
    words = command.replace("%d", f"{tmp_path}/").split()
    found = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=30, check=True)
    assert int(found.stdout) == expected >= 2 * min(1, len(os.sched_getaffinity(0)))


def test_a_worker_that_is_told_to_end_before_it_has_booted_ends(gunicorn, tmp_path):
    gunicorn()
    # As Gunicorn's master forks one: with a handler of the master's.
    fork = (
        "import os, runpy, signal; signal.signal(signal.SIGTERM, print);"
        " runpy.run_path('gunicorn.conf.py')['post_fork'](None, object()); os.kill(os.getpid(), signal.SIGTERM)"
    )
    ended = subprocess.run([sys.executable, "-c", fork], cwd=tmp_path, capture_output=True, timeout=30, check=False)
    assert ended.returncode == -signal.SIGTERM, ended


@pytest.mark.parametrize(("since_24", "expected"), [({"set_accept_enabled": print}, 5), ({}, 1000)])
def test_a_worker_of_threads_takes_no_more_connections_unless_it_would_not_read_them(gunicorn, since_24, expected):
    worker = types.SimpleNamespace(worker_connections=1000, cfg=types.SimpleNamespace(threads=5), **since_24)
    handler = signal.getsignal(signal.SIGTERM)
    gunicorn()["post_fork"](None, worker)
    signal.signal(signal.SIGTERM, handler)
    assert worker.worker_connections == expected


def test_the_callable_is_taken_as_it_is_written(gunicorn):
    wsgi = "app:create_app('it\\'s \"quoted\"')"
    assert gunicorn(server_wsgi=wsgi)["wsgi_app"] == wsgi


def test_further_settings_of_gunicorn(gunicorn):
    found = gunicorn(gunicorn_extra_config={"limit_request_line": 200, "user_agent": 'a "b"', "reuse_port": False})
    assert (found["limit_request_line"], found["user_agent"], found["reuse_port"]) == (200, 'a "b"', False)


def test_further_settings_of_uwsgi(written, tmp_path):
    written("uwsgi", uwsgi_extra_config={"memory-report": True, "env": ["A=1", "B=2"]})
    lines = (tmp_path / "uwsgi.ini").read_text(encoding="utf-8").splitlines()
    assert lines[-3:] == ["memory-report = true", "env = A=1", "env = B=2"]


def test_a_line_for_each_request_is_asked_for(gunicorn, uwsgi):
    assert (gunicorn()["accesslog"], gunicorn(server_access_log=True)["accesslog"]) == (None, "-")
    assert uwsgi()["disable-logging"] == "true" and "disable-logging" not in uwsgi(server_access_log=True)


def test_classes_of_uwsgi(uwsgi):
    assert uwsgi(server_threads=7)["threads"] == "7"
    assert uwsgi(server_worker_class="sync", server_threads=7)["threads"] == "1"
    greenlets = uwsgi(server_worker_class="gevent")
    assert greenlets["gevent-monkey-patch"] == "true" and "threads" not in greenlets


def test_with_preload_uwsgi_loads_the_app_once(uwsgi):
    assert uwsgi()["lazy-apps"] == "true"
    assert "lazy-apps" not in uwsgi(server_preload=True) and "import" not in uwsgi(server_preload=True)


@pytest.mark.parametrize(
    "wsgi", ["app:app", "app:create_app()", "app:create_app('it\\'s \"quoted\"')", "wsgi:app", "sizing:app"]
)
def test_the_app_is_loaded_from_its_own_folder(written, tmp_path, wsgi):
    written("uwsgi", server_wsgi=wsgi)
    tree = tmp_path / "src"
    tree.mkdir()
    (tree / f"{wsgi.partition(':')[0]}.py").write_text(APP, encoding="utf-8")
    subprocess.run([sys.executable, tmp_path / "wsgi.py"], cwd=tree, timeout=30, check=True)


@pytest.mark.parametrize(
    ("wsgi", "said"), [("app:text", "found str"), ("app:nothing", "NameError"), ("ap:app", "No module")]
)
def test_what_is_no_app_is_said(written, tmp_path, wsgi, said):
    written("granian", server_wsgi=wsgi)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text(APP, encoding="utf-8")
    command = [sys.executable, tmp_path / "wsgi.py"]
    done = subprocess.run(command, cwd=tmp_path / "src", capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1 and said in done.stderr


def test_granian_s_settings_are_python(written, tmp_path):
    written("granian", granian_extra_config={"workers_lifetime": 3600, "log_level": "info"})
    source = (tmp_path / "granian.conf.py").read_text(encoding="utf-8")
    compile(source, "granian.conf.py", "exec")
    assert '"workers_lifetime": 3600,' in source and '"log_level": "info",' in source


@pytest.mark.parametrize("server", SERVERS)
def test_the_unit_runs_the_release_s_own_server(role, server):
    found = role(server, "server", server_name="hello", server_wsgi="app:app")
    program = found.value(f"__{server}_program")
    unit = role("server", server_name="hello", server_program=program).render("service.j2")
    (start,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    assert start.startswith("ExecStart=/srv/hello/%i/venv/bin/")
