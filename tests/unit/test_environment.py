"""How a virtual environment is taken over: what is shared, what is made anew, and what a distribution says of itself."""

from __future__ import annotations

import json
import os
import pwd

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import environment

SITE_PACKAGES = "lib/python3.13/site-packages"


@pytest.fixture
def origin(tmp_path):
    """An environment; ``origin(path, text)`` writes a file in it."""

    def write(path, text):
        file = tmp_path / "aaa" / "venv" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    write("bin/flask", f"#!{tmp_path}/aaa/venv/bin/python\n").chmod(0o755)
    write(f"{SITE_PACKAGES}/flask.py", f"# {tmp_path}/aaa\n")
    return write


@pytest.fixture
def linked(tmp_path, origin):
    """Take the environment over, and give the new one's folder."""

    def link():
        (tmp_path / "bbb").mkdir()
        rename = (str(tmp_path / "aaa"), str(tmp_path / "bbb"))
        made = environment.link(f"{rename[0]}/venv", f"{rename[1]}/venv", rename, str(tmp_path / "shared"))
        assert sorted(made) == sorted(folder for folder, dummy, dummy in os.walk(tmp_path / "bbb" / "venv"))
        return tmp_path / "bbb" / "venv"

    return link


def test_packages_are_shared(origin, linked):
    library = origin(f"{SITE_PACKAGES}/a/b.so", "x")
    assert (linked() / SITE_PACKAGES / "a/b.so").samefile(library)


def test_scripts_run_with_their_own_release_s_interpreter(tmp_path, linked):
    script = linked() / "bin/flask"
    assert script.read_text() == f"#!{tmp_path}/bbb/venv/bin/python\n"
    assert os.access(script, os.X_OK)
    assert (tmp_path / "aaa/venv/bin/flask").read_text() == f"#!{tmp_path}/aaa/venv/bin/python\n"


def test_an_older_release_may_go(tmp_path, linked):
    venv = linked()
    for path in sorted((tmp_path / "aaa").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert (venv / SITE_PACKAGES / "flask.py").read_text().startswith("#")


def test_links_stay_but_for_those_to_shared_folders(tmp_path, origin, linked):
    (tmp_path / "shared/instance").mkdir(parents=True)
    (tmp_path / "aaa/venv/lib64").symlink_to("lib")
    (tmp_path / "aaa/venv/bin/python").symlink_to("/usr/bin/python3")
    origin("var/kept", "x")
    folder = tmp_path / "aaa/venv/var"
    (folder / "hello-instance").symlink_to(os.path.relpath(tmp_path / "shared/instance", folder))
    venv = linked()
    assert (os.readlink(venv / "lib64"), os.readlink(venv / "bin/python")) == ("lib", "/usr/bin/python3")
    assert os.listdir(venv / "var") == ["kept"]


def test_the_build_user_gets_the_folders_alone(monkeypatch):
    given = []
    monkeypatch.setattr(os, "chown", lambda path, *ids, follow_symlinks: given.append((path, follow_symlinks)))
    environment.give(["/a", "/a/b"], pwd.getpwuid(os.geteuid()))
    assert given == [("/a/b", False), ("/a", False)]


ORIGINS = {
    "an index": (None, {}),
    "a repository": ({"url": "https://git.example.com/x.git", "vcs_info": {}}, {}),
    "the tree": ({"url": "file:///srv/my%20apps/src/", "dir_info": {}}, {"/srv/my apps/src": "x-1.dist-info"}),
    "the tree, in place": ({"url": "file:///srv/src", "dir_info": {"editable": True}}, {"/srv/src/": "x-1.dist-info"}),
    "a file": ({"url": "file:///srv/src/x.whl", "archive_info": {}}, {"/srv/src/x.whl": "x-1.dist-info"}),
}


@pytest.mark.parametrize(("origin_of", "expected"), ORIGINS.values(), ids=ORIGINS)
def test_what_came_from_a_path(tmp_path, origin_of, expected):
    (tmp_path / "x-1.dist-info").mkdir()
    if origin_of:
        (tmp_path / "x-1.dist-info/direct_url.json").write_text(json.dumps(origin_of), encoding="utf-8")
    assert environment.from_paths(str(tmp_path)) == {path: str(tmp_path / folder) for path, folder in expected.items()}


def test_what_a_distribution_needs(tmp_path):
    text = "Name: Hello\nRequires-Dist: flask>=3\nRequires-Dist: attrs\nVersion: 1\n\nRequires-Dist: of the text\n"
    (tmp_path / "METADATA").write_text(text, encoding="utf-8")
    assert environment.needs(str(tmp_path)) == ("Hello", ["attrs", "flask>=3"])
