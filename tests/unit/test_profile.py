"""From a profiler's lines to a flame graph and a table."""

from __future__ import annotations

import os
import xml.etree.ElementTree as xml

import pytest
from ansible_collections.slipway.flask.plugins.action.profile import table
from ansible_collections.slipway.flask.plugins.module_utils import tools
from ansible_collections.slipway.flask.plugins.module_utils.proc import threads
from ansible_collections.slipway.flask.plugins.module_utils.stacks import hottest, stacks_of
from ansible_collections.slipway.flask.plugins.modules.profile import pace
from ansible_collections.slipway.flask.plugins.plugin_utils.flame import boxes, flame_graph

MASTER = 'process 14:"/srv/hello/blue/venv/bin/python -m gunicorn --config /etc/slipway/hello/blue/gunicorn.conf.py";'
WORKER = f'{MASTER}process 15:"/srv/hello/blue/venv/bin/python -m gunicorn; --token=s3cret";'
THREAD = (
    "Thread._bootstrap (threading.py:1002);Thread._bootstrap_inner (threading.py:1045);Thread.run (threading.py:982);"
)
TEXT = f"""
{WORKER}{THREAD}_worker (concurrent/futures/thread.py:83);compute (hello/work.py:18);is_prime (hello/work.py:28) 6
{WORKER.replace("15", "16")}{THREAD}_worker (concurrent/futures/thread.py:83);compute (hello/work.py:18);is_prime (hello/work.py:28) 2
{MASTER}run (gunicorn/arbiter.py:200) 1
{WORKER}_worker (concurrent/futures/thread.py:83);<lambda> (a b.py:1) 1
py-spy> a line of another kind
{MASTER.rstrip(";")} 4
"""
STACKS = {
    "_worker (concurrent/futures/thread.py:83);compute (hello/work.py:18);is_prime (hello/work.py:28)": 8,
    "run (gunicorn/arbiter.py:200)": 1,
    "_worker (concurrent/futures/thread.py:83);<lambda> (a b.py:1)": 1,
}


def test_stacks_without_processes_and_what_all_threads_have():
    assert stacks_of(TEXT) == STACKS


def test_nothing_was_seen():
    assert stacks_of("") == {} and hottest({}, 3) == [] and boxes({}) == []
    assert "nothing ran" in table("hello", [], "") and xml.fromstring(flame_graph({}, "a", "b")) is not None


def test_the_hottest_functions():
    assert hottest(STACKS, 2) == [
        {"function": "is_prime (hello/work.py:28)", "own": 80.0, "total": 80.0},
        {"function": "run (gunicorn/arbiter.py:200)", "own": 10.0, "total": 10.0},
    ]


def test_a_function_that_calls_itself_is_counted_once():
    assert hottest({"a;b;a": 4, "a": 1}, 1) == [{"function": "a", "own": 100.0, "total": 100.0}]


def test_boxes_lie_in_those_that_they_are_called_by():
    assert boxes({"a;b": 2, "a;c": 3, "d": 1}) == [
        ("a", 0, 0, 5),
        ("b", 1, 0, 2),
        ("c", 1, 2, 3),
        ("d", 0, 5, 1),
    ]


def test_the_graph_is_one_that_a_browser_can_read():
    svg = xml.fromstring(flame_graph(STACKS, "hello <on> www1", "10 samples"))
    titles = [one.text for one in svg.iter("{http://www.w3.org/2000/svg}title")]
    assert titles[0] == "hello <on> www1" and "is_prime (hello/work.py:28): 8 of 10 samples, 80.0 %" in titles
    assert "<lambda> (a b.py:1): 1 of 10 samples, 10.0 %" in titles


@pytest.mark.parametrize(("count", "cpus", "rate"), [(1, 1, 80), (1, 8, 100), (16, 2, 10), (1000, 2, 1), (0, 1, 80)])
def test_how_often_follows_from_how_many(count, cpus, rate):
    assert pace(count, cpus) == rate


def test_threads_of_processes():
    assert threads({os.getpid()}) >= 1 and threads({0}) == 0


@pytest.fixture
def ran(monkeypatch):
    """Commands that would have been run; the venv is made."""
    ran = []

    def run(argv, timeout, environment=None):
        ran.append(argv)
        if "venv" in argv:
            os.makedirs(os.path.join(argv[-1], "bin"))
        elif environment and environment.get("fails"):
            raise tools.ToolError("no such version")
        else:
            open(os.path.join(os.path.dirname(argv[0]), "py-spy"), "w").close()

    monkeypatch.setattr(tools, "run", run)
    return ran


def test_one_version_is_installed_once(ran, tmp_path):
    folder = str(tmp_path)
    tools.install("py-spy", "1.0", {}, folder=folder)
    assert (
        tools.installed("py-spy", folder) == "1.0" and "--only-binary=:all:" in ran[-1] and ran[-1][-1] == "py-spy==1.0"
    )
    assert tools.install("py-spy", "2.0", {}, folder=folder).endswith("/py-spy-2.0") and len(ran) == 4
    tools.install("py-spy", "2.0", {}, folder=folder)
    assert len(ran) == 4 and os.listdir(folder) == ["py-spy-2.0"]


def test_one_that_cannot_be_had_leaves_what_is_there(ran, tmp_path):
    folder = str(tmp_path)
    tools.install("py-spy", "1.0", {}, folder=folder)
    with pytest.raises(tools.ToolError, match="no such version"):
        tools.install("py-spy", "9.9", {"fails": "1"}, folder=folder)
    assert os.listdir(folder) == ["py-spy-1.0"] and tools.installed("py-spy", folder) == "1.0"
