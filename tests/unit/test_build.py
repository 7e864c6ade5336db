"""What a release is made of, step by step, in a temporary folder and as the user who runs the tests."""

from __future__ import annotations

import base64
import grp
import json
import os
import stat
import tarfile
from pathlib import Path

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import build, index
from ansible_collections.slipway.flask.plugins.module_utils.build import Release
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.steps import Steps

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
    "static": None,
    "protected": {},
    "static_group": "",
    "wsgi": "hello.web:create_app()",
    "index": {name: option["default"] for name, option in index.OPTIONS.items()},
    "build_timeout": 20,
}
SITE_PACKAGES = "venv/lib/python3.13/site-packages"


@pytest.fixture
def started(layout, folders):
    """Makes a release whose folders are there, with files of the given paths in them."""

    def start(*files, **params):
        release = Release(layout, "3f9c0a6be21d", {**PARAMS, **params}, ("/usr/bin/python3", "3.13.5"))
        release.steps.begin()
        release._make_folders()
        folders(*files)
        return release

    return start


@pytest.fixture
def steps(monkeypatch):
    """What a release would run: the arguments of each step, in order."""
    seen = []
    monkeypatch.setattr(Steps, "run", lambda self, step, argv, **options: seen.append(argv))
    return seen


# The ID

INPUTS = {"plan": [{"requirements": "requirements.txt", "hashes": True}], "python": ["/usr/bin/python3", "3.13.5"]}


def test_an_id_is_the_same_on_every_host_and_day():
    assert build.identity(INPUTS) == "3051d628cc5a"


def test_the_order_of_keys_is_no_difference():
    assert build.identity(dict(reversed(INPUTS.items()))) == build.identity(INPUTS)


@pytest.mark.parametrize(
    "change", [{"plan": []}, {"python": ["/usr/bin/python3", "3.13.6"]}, {"static": {}}, {"digest": "d2"}]
)
def test_any_change_is_another_release(change):
    assert build.identity({**INPUTS, **change}) != build.identity(INPUTS)


@pytest.mark.parametrize(
    ("wsgi", "expected"), [("a.b.c:app", ["a.b.c", "a.b", "a"]), ("hello:create_app('x.y')", ["hello"]), ("", [])]
)
def test_modules_of_a_wsgi_string(wsgi, expected):
    assert build.modules(wsgi) == expected


# What the controller packed


def packed(path, *names, mode="w"):
    """An archive of empty files."""
    with tarfile.open(path, mode) as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name))
    return str(path)


def test_a_tree_comes_as_a_file_or_with_the_question(tmp_path, started):
    archive = packed(tmp_path / "tree.tar.gz", "app.py", mode="w:gz")
    text = base64.b64encode(Path(archive).read_bytes()).decode()
    for params in ({"archive": archive}, {"packed": text}):
        release = started(**params)
        release._unpack()
        assert os.listdir(release.src) == ["app.py"]
        release._clear()


def test_a_release_has_its_wheels_and_installs_from_them_alone(tmp_path, layout, started, steps):
    os.makedirs(f"{layout.wheels}/older")
    release = started(
        plan=[{"packages": ["flask"]}],
        wheels_id="d1",
        wheels=packed(tmp_path / "wheels.tar", "flask-3-py3-none-any.whl"),
    )
    release._unpack_wheels()
    assert os.listdir(layout.wheels) == ["d1"] and os.listdir(release.wheelhouse) == ["flask-3-py3-none-any.whl"]
    release._install()
    assert steps[1][-5:] == ["--no-index", "--find-links", f"{layout.wheels}/d1", "--", "flask"]


def test_wheels_that_are_there_are_kept_until_the_index_is_asked_again(layout, started):
    os.makedirs(f"{layout.wheels}/d1")
    release = started(wheels_id="d1")
    release._unpack_wheels()
    assert os.listdir(layout.wheels) == ["d1"]
    release.params["wheels_id"] = ""
    release._unpack_wheels()
    assert not os.path.exists(layout.wheels) and release.wheelhouse == ""


# The installation


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"requirements": "req/base.txt", "hashes": False}, ["--requirement", "req/base.txt"]),
        ({"requirements": "lock.txt", "hashes": True}, ["--require-hashes", "--requirement", "lock.txt"]),
        ({"packages": ["flask>=3", "-e evil"]}, ["--", "flask>=3", "-e evil"]),
        ({"project": ".", "extras": [], "deps": True}, ["--", "/srv/src"]),
        ({"project": ".", "extras": ["a", "b"], "deps": False}, ["--no-deps", "--", "/srv/src[a,b]"]),
    ],
)
def test_arguments_of_a_step(step, words):
    assert build.pip_words(step, "/srv/src")[1] == words


def test_the_order_of_the_installation(started, steps):
    release = started(
        plan=[{"requirements": "requirements.txt", "hashes": False}, {"project": ".", "extras": [], "deps": True}],
        server=[{"name": "gunicorn", "requirement": "gunicorn==27.0.1"}],
    )
    release.uv = True
    release._install()
    assert [argv[1:3] for argv in steps[:-1]] == [["venv", "--no-project"], *[["pip", "install"]] * 3]
    assert [argv[-1] for argv in steps[1:]] == [
        "requirements.txt",
        release.src,
        "gunicorn==27.0.1",
        release.site_packages,
    ]


def test_a_package_is_installed_after_its_constraints(started, steps):
    started(plan=[{"packages": ["flask<4"]}], requirement="hello==1.2")._install()
    assert [argv[-1] for argv in steps[1:3]] == ["flask<4", "hello==1.2"]


def test_without_uv_pip_does_the_same(started, steps):
    release = started(plan=[{"packages": ["flask"]}])
    release.uv = False
    release._install()
    assert steps[0] == ["/usr/bin/python3", "-m", "venv", release.venv]
    assert steps[1][:4] == [f"{release.venv}/bin/python", "-m", "pip", "install"]


@pytest.mark.parametrize("there", ["gunicorn-23.0.0.dist-info", "Gunicorn-20.1.dist-info"])
def test_an_app_keeps_the_server_that_it_pins(started, steps, there):
    server = [
        {"name": "gunicorn", "requirement": "gunicorn==27.0.1"},
        {"name": "gevent", "requirement": "gevent==26.9.0"},
    ]
    started(f"{SITE_PACKAGES}/{there}/METADATA", server=server)._install()
    assert [word for argv in steps for word in argv if "==" in word] == ["gevent==26.9.0"]


def test_another_distribution_of_like_name_is_not_the_server(started, steps):
    server = [{"name": "gunicorn", "requirement": "gunicorn==27.0.1"}]
    started(f"{SITE_PACKAGES}/gunicorn_extras-1.dist-info/METADATA", server=server)._install()
    assert "gunicorn==27.0.1" in steps[1]


# An environment that is there already

PROJECT = [{"project": ".", "extras": [], "deps": True}]


@pytest.fixture
def deployed(layout, started, monkeypatch):
    """Makes a release whose steps install a project with these needs; gives the steps that were run."""

    def deploy(release_id="3f9c0a6be21d", requires="flask", fails="", **params):
        ran = []

        def run(steps, step, argv, **options):
            ran.append(step)
            if fails and fails in argv:
                raise BuildError(f"{step} failed")
            metadata = os.path.join(release.venv, "lib/python3.13/site-packages/hello-1.dist-info")
            if step.startswith("making"):
                os.makedirs(metadata)
            if step == "installing the project":
                texts = {"METADATA": f"Name: hello\nRequires-Dist: {requires}\n"}
                texts["direct_url.json"] = json.dumps({"url": f"file://{release.src}"})
                for name, text in texts.items():
                    Path(metadata, name).unlink(missing_ok=True)  # It is another release's too.
                    Path(metadata, name).write_text(text)

        monkeypatch.setattr(Steps, "run", run)
        monkeypatch.setattr(Release, "_clear", lambda self: None)
        release = Release(layout, release_id, {**PARAMS, "plan": PROJECT, **params}, ("/usr/bin/python3", "3.13.5"))
        release.build()
        return ran

    return deploy


WHOLE = ["making the virtual environment", "installing the project", "compiling"]


def test_code_alone_installs_the_project_alone(deployed, layout):
    assert deployed() == WHOLE
    assert deployed("0d1e2f3a4b5c") == WHOLE[1:]
    assert deployed("1d1e2f3a4b5c") == WHOLE[1:]


def test_an_app_that_is_not_installed_shares_its_whole_environment(deployed):
    plan = [{"requirements": "requirements.txt", "hashes": True}]
    deployed(plan=plan)
    assert deployed("0d1e2f3a4b5c", plan=plan) == ["compiling"]


@pytest.mark.parametrize(
    "change",
    [
        {"requires": "flask>=3.1"},
        {"tree": {**PARAMS["tree"], "requirements": "other"}},
        {"server": [{"name": "hello", "requirement": "hello==2"}]},
        {"plan": [{**PROJECT[0], "extras": ["x"]}]},
        {"fails": "--no-deps"},
    ],
    ids=["the project's needs", "a file's", "the server's", "an extra", "not built without an index"],
)
def test_other_needs_are_installed_anew(deployed, change):
    deployed()
    assert deployed("0d1e2f3a4b5c", **change)[-3:] == WHOLE


def test_an_environment_with_a_part_of_the_tree_serves_no_other(deployed, monkeypatch):
    """As when the requirements name ./library, which may change where they don't."""
    monkeypatch.setattr(build.environment, "from_paths", lambda site_packages: {"/srv/library": "library-1.dist-info"})
    plan = [{"requirements": "requirements.txt", "hashes": False}]
    deployed(plan=plan)
    assert "making the virtual environment" in deployed("0d1e2f3a4b5c", plan=plan)


def test_what_may_be_secret_is_in_no_argument(started, steps):
    release = started(
        plan=[{"packages": ["flask"]}], index={**PARAMS["index"], "url": "https://u:canary@pypi.example.com"}
    )
    release._install()
    assert "canary" not in str(steps)
    assert release.steps.environment()["UV_DEFAULT_INDEX"].endswith("canary@pypi.example.com")


def test_the_version_from_git_reaches_the_build(started):
    release = started(tree={**PARAMS["tree"], "scm_version": "1.2.3"})
    assert release.steps.environment()["SETUPTOOLS_SCM_PRETEND_VERSION"] == "1.2.3"


# Folders that are led elsewhere


def test_shared_and_static_folders_are_those_asked_for(layout, started):
    group = grp.getgrgid(os.getegid()).gr_name
    release = started(shared=["uploads", "instance"], static={"/media/": "uploads"}, static_group=group)
    release._link()
    for link in ("src/uploads", "public/media"):
        assert os.path.realpath(f"{release.path}/{link}") == f"{layout.shared}/uploads"
    assert os.path.realpath(f"{release.venv}/var/hello.web-instance") == f"{layout.shared}/instance"
    assert stat.S_IMODE(os.stat(f"{layout.shared}/uploads").st_mode) == 0o2750


def test_where_no_static_folder_is_asked_for_the_app_s_own_is_found(started):
    release = started("src/hello/static/a.css")
    release._link()
    assert os.path.samefile(f"{release.public}/static/a.css", f"{release.src}/hello/static/a.css")


def test_protected_folders_are_those_asked_for(started):
    release = started("src/reports/a.pdf", protected={"/reports/": "reports"})
    release._link()
    assert os.path.realpath(f"{release.protected}/reports") == f"{release.src}/reports"


def test_a_file_that_did_not_change_is_the_one_before_with_its_time(layout, started):
    first = started("src/s/a.css", "src/s/b.css", static={"/s/": "s"})
    first._link()
    first._seal()
    second = Release(layout, "0d1e2f3a4b5c", first.params, first.python)
    second._make_folders()
    os.makedirs(f"{second.path}/{SITE_PACKAGES}")
    os.makedirs(f"{second.src}/s")
    for name, text in (("a.css", "src/s/a.css"), ("b.css", "new")):
        Path(f"{second.src}/s/{name}").write_text(text, encoding="utf-8")
    second._link()
    same = [os.path.samefile(f"{first.public}/s/{name}", f"{second.public}/s/{name}") for name in ("a.css", "b.css")]
    assert same == [True, False]


def test_a_sealed_release_s_files_are_among_those_of_all(layout, started):
    release = started("src/s/a.css", static={"/s/": "s"})
    release._link()
    release._seal()
    assert os.path.samefile(f"{layout.assets}/s/a.css", f"{release.src}/s/a.css")


# The whole build


def test_a_failed_build_leaves_nothing(layout, monkeypatch):
    release = Release(layout, "3f9c0a6be21d", {**PARAMS, "plan": [{"packages": ["x"]}]}, ("/bin/false", "3.13.5"))
    release.uv = False
    with pytest.raises(BuildError, match="making the virtual environment failed"):
        release.build()
    assert os.listdir(layout.releases) == []


def test_a_hostile_archive_leaves_nothing(tmp_path, layout):
    params = {**PARAMS, "archive": packed(tmp_path / "tree.tar.gz", "app.py", "../evil", mode="w:gz")}
    with pytest.raises(BuildError, match="evil"):
        Release(layout, "3f9c0a6be21d", params, ("/usr/bin/python3", "3.13.5")).build()
    assert os.listdir(layout.releases) == []


def test_what_a_killed_run_left_is_replaced(layout, started):
    release = started("src/leftover")
    release._clear()
    assert not os.path.exists(release.path)


def test_a_full_disk_is_refused_before_the_build(layout, started, monkeypatch):
    monkeypatch.setattr(build, "SPARE_BYTES", 1 << 60)
    with pytest.raises(BuildError, match=r"expected \d+ MiB free in .*/releases, found \d+"):
        started()


# The end


def test_a_sealed_release_is_read_only_and_says_what_it_is(started):
    release = started("src/run", "src/private")
    os.chmod(f"{release.src}/run", 0o4777)
    os.chmod(f"{release.src}/private", 0o600)
    assert not build.is_complete(release.path)
    release._seal()
    assert build.is_complete(release.path)
    assert stat.S_IMODE(os.stat(f"{release.src}/run").st_mode) == 0o755
    assert stat.S_IMODE(os.stat(f"{release.src}/private").st_mode) == 0o644
    with open(f"{release.path}/release.json", encoding="utf-8") as file:
        record = json.load(file)
    assert record.pop("created").endswith("Z")
    assert record == {"id": "3f9c0a6be21d", "source": "sample_app", "python": "/usr/bin/python3 3.13.5", "needs": ""}
    assert sorted(os.listdir(release.path)) == ["public", "release.json", "src", "venv"]
