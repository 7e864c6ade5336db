"""What the controller collects for hosts that reach no package index, and how it asks for it."""

from __future__ import annotations

import io
import os
import tarfile
import time
from pathlib import Path

import pytest
from ansible_collections.slipway.flask.plugins.plugin_utils import wheelhouse
from ansible_collections.slipway.flask.plugins.plugin_utils.tree import SourceError

TARGET = wheelhouse.Target("3.13.5", "x86_64", "2.41")
SERVER = [{"name": "gunicorn", "requirement": "gunicorn==27.0.1"}]
PROJECT = (
    '[build-system]\nrequires = ["flit_core"]\n[project]\nname = "hello"\nversion = "1"\ndependencies = ["flask"]\n'
)
INSTALL = [{"project": ".", "extras": ["pg"], "deps": True}]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(wheelhouse.C, "ANSIBLE_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "slipway"


@pytest.fixture
def tools(cache, monkeypatch):
    """uv and pip that pin and download what they are asked for by name; gives what was run."""
    ran = []

    def run(self, argv):
        files = [Path(self.tree, word) for word in argv if word.endswith((".in", ".txt"))]
        ran.append((argv, self.environment, [file.read_text().split() for file in files if file.exists()]))
        if "download" in argv:
            for line in files[0].read_text().split():
                Path(argv[argv.index("--dest") + 1], f"{line.replace('==', '-')}-py3-none-any.whl").write_text(line)
            return ""
        asked = [line for file in files if file.name != "constraints.txt" for line in file.read_text().split()]
        asked += ["project-needs"] * any(word.endswith((".toml", ".py")) for word in argv[3:-1])
        return "".join(f"{name.partition('=')[0]}==1\n" for name in asked)

    monkeypatch.setattr(wheelhouse._Tools, "run", run)
    monkeypatch.setattr(wheelhouse._Tools, "uv", "uv")
    return ran


@pytest.fixture
def prepared(tmp_path):
    """What source.prepare returns for a tree of these files."""

    def prepare(files=None, plan=(), requirement=""):
        archive = tmp_path / "tree.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            for name, text in (files or {}).items():
                info = tarfile.TarInfo(name)
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text.encode()))
        what = {"archive": "" if requirement else str(archive), "digest": str(files), "scm_version": ""}
        return {**what, "plan": list(plan), "requirement": requirement, "requirements": str(files)}

    return prepare


def names(packed):
    with tarfile.open(packed) as tar:
        return [name.partition("-py3")[0] for name in tar.getnames()]


def test_what_the_app_its_server_and_its_build_need(tools, prepared):
    files = {"requirements.txt": "flask", "pyproject.toml": PROJECT}
    plan = [{"requirements": "requirements.txt", "hashes": False}, {"packages": ["redis"]}, *INSTALL]
    packed = wheelhouse.for_release(prepared(files, plan), SERVER, TARGET, {})
    assert names(packed) == ["flask-1", "flit_core-1", "gunicorn-1", "project-needs-1", "redis-1"]
    pins = [argv for argv, dummy, dummy in tools if "compile" in argv]
    assert "--extra=pg" in pins[0] and all({"--only-binary", "3.13.5"} <= set(argv) for argv in pins)


def test_the_app_s_own_server_is_taken(tools, prepared):
    plan = [{"packages": ["gunicorn==1"]}]
    assert names(wheelhouse.for_release(prepared({}, plan), SERVER, TARGET, {})) == ["gunicorn-1"]


def test_the_server_fits_what_the_app_has(tools, prepared):
    wheelhouse.for_release(prepared({}, [{"packages": ["packaging"]}]), SERVER, TARGET, {})
    assert tools[1][2] == [["gunicorn==27.0.1"], ["packaging==1"]]


def test_a_locked_project_brings_nothing(tools, prepared):
    plan = [{**INSTALL[0], "deps": False}]
    assert names(wheelhouse.for_release(prepared({"pyproject.toml": PROJECT}, plan), [], TARGET, {})) == ["flit_core-1"]


def test_a_package_is_the_app(tools, prepared):
    assert names(wheelhouse.for_release(prepared(requirement="hello==1"), [], TARGET, {})) == ["hello-1"]


def test_a_project_that_does_not_say_is_built_to_know(tools, prepared):
    packed = wheelhouse.for_release(prepared({"setup.py": ""}, INSTALL), [], TARGET, {})
    assert names(packed) == ["project-needs-1", "setuptools>-1", "wheel-1"]
    assert {"--no-deps", "setup.py"} <= set(tools[0][0]) and "--only-binary" not in tools[0][0]


def test_the_same_needs_are_collected_once(tools, prepared):
    plan = [{"packages": ["flask"]}, *INSTALL]
    first = wheelhouse.for_release(prepared({"pyproject.toml": PROJECT}, plan), SERVER, TARGET, {})
    ran = len(tools)
    changed = {
        **prepared({"pyproject.toml": PROJECT, "app.py": "x"}, plan),
        "requirements": str({"pyproject.toml": PROJECT}),
    }
    assert wheelhouse.for_release(changed, SERVER, TARGET, {}) == first and len(tools) == ran
    other = wheelhouse.for_release(changed, SERVER, TARGET._replace(python="3.11.2"), {})
    assert other != first and wheelhouse.identity(other) == wheelhouse.identity(first)


def test_an_index_s_password_goes_by_environment(tools, prepared):
    index = {"url": "https://me:hunter2@pypi.example.com", "extra_urls": [], "find_links": ["/srv"], "http_proxy": "x"}
    wheelhouse.for_release(prepared({}, [{"packages": ["flask"]}]), SERVER, TARGET, index)
    for argv, environment, dummy in tools:
        assert "hunter2" not in str(argv)
        assert environment["UV_DEFAULT_INDEX"] == environment["PIP_INDEX_URL"] == index["url"]
        assert environment.get("UV_FIND_LINKS") == os.environ.get("UV_FIND_LINKS")


def test_a_missing_wheel_is_said_with_what_to_do_and_leaves_nothing(cache, monkeypatch, prepared):
    def run(self, argv):
        raise SourceError("uwsgi has no wheels")

    monkeypatch.setattr(wheelhouse._Tools, "run", run)
    monkeypatch.setattr(wheelhouse._Tools, "uv", "uv")
    with pytest.raises(
        SourceError, match=r"Python 3.13.5 on x86_64 with glibc 2.41 .*: uwsgi has no wheels\nName versions"
    ):
        wheelhouse.for_release(prepared({}, [{"packages": ["uwsgi"]}]), [], TARGET, {})
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


def test_what_nobody_used_for_long_is_removed(tools, prepared, cache):
    old = wheelhouse.for_release(prepared({}, [{"packages": ["flask"]}]), [], TARGET, {})
    os.utime(old, (0, time.time() - 31 * 86400))
    new = wheelhouse.for_installer("uv==1", TARGET, {})
    assert [str(path) for path in cache.glob("*.tar")] == [new]


@pytest.mark.parametrize(
    ("glibc", "chosen"), [("2.17", 17), ("2.28", 28), ("2.30", 28), ("2.36", 36), ("2.41", 40), ("2.99", 40)]
)
def test_uv_chooses_for_the_newest_glibc_that_the_host_has(glibc, chosen):
    assert f"x86_64-manylinux_2_{chosen}" in TARGET._replace(glibc=glibc).for_uv()


@pytest.mark.parametrize("change", [{"machine": "armv7l"}, {"glibc": "0.0"}, {"glibc": "2.12"}], ids=str)
def test_a_host_that_uv_does_not_know_is_refused(change):
    with pytest.raises(
        SourceError, match=r"expected a host with x86_64 or aarch64 and glibc from 2\.17, found Python 3\.13\.5 on"
    ):
        TARGET._replace(**change).for_uv()


def test_pip_takes_what_the_host_can_load():
    words = TARGET._replace(machine="aarch64", glibc="2.18").for_pip()
    assert "--python-version=3.13" in words
    assert {"manylinux_2_18_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64", "linux_aarch64"} <= set(words)
    assert "manylinux_2_19_aarch64" not in words


def test_a_command_that_fails_is_said_without_passwords(tmp_path):
    tools = wheelhouse._Tools(tmp_path, {})
    with pytest.raises(SourceError, match=r"^https://\*\*\*@pypi.example.com$"):
        tools.run(["sh", "-c", "echo https://me:hunter2@pypi.example.com >&2; exit 2"])
