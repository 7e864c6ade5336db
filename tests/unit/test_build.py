"""What a release is made of, step by step, in a temporary folder and as the user who runs the tests."""

from __future__ import annotations

import base64
import io
import json
import os
import pwd
import stat
import tarfile
import time
import types
from pathlib import Path

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import build
from ansible_collections.slipway.flask.plugins.module_utils.build import BuildError, Release
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout

INDEX = {"url": "", "extra_urls": [], "find_links": [], "http_proxy": "", "https_proxy": "", "no_proxy": ""}
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
    "index": INDEX,
    "build_timeout": 20,
}
SITE_PACKAGES = "venv/lib/python3.13/site-packages"
# The app's home, from a folder of a release.
HOME = "../../.."


@pytest.fixture
def layout(tmp_path, monkeypatch):
    """An app's home, all of whose users are the one who runs the tests."""
    me = pwd.getpwuid(os.geteuid())
    monkeypatch.setattr(build, "account", lambda name: me)
    layout = Layout("hello", str(tmp_path))
    build.make_home(layout)
    return layout


@pytest.fixture
def started(layout):
    """Makes a release whose folders are there, with files of the given paths in them."""

    def start(*files, **params):
        release = Release(layout, "3f9c0a6be21d", {**PARAMS, **params}, ("/usr/bin/python3", "3.13.5"))
        release.deadline = time.monotonic() + release.params["build_timeout"]
        release._make_folders()
        for file in (f"{SITE_PACKAGES}/pip/__init__.py", *files):
            path = os.path.join(release.path, file)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(file)
        return release

    return start


@pytest.fixture
def steps(monkeypatch):
    """What a release would run: the arguments of each step, in order."""
    seen = []
    monkeypatch.setattr(Release, "_run", lambda self, step, argv, **options: seen.append(argv))
    return seen


def tree(tmp_path, *members):
    """An archive of members, each a name with either text or the tar header's fields."""
    path = str(tmp_path / "tree.tar.gz")
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, dict):
                vars_of = {"type": tarfile.REGTYPE, **content}
                for key, value in vars_of.items():
                    setattr(info, key, value)
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content.encode()))
    return path


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


def test_a_missing_interpreter_has_no_version():
    assert build.interpreter("3.1") == ("/usr/bin/python3.1", "")


@pytest.mark.parametrize(
    ("wsgi", "expected"), [("a.b.c:app", ["a.b.c", "a.b", "a"]), ("hello:create_app('x.y')", ["hello"]), ("", [])]
)
def test_modules_of_a_wsgi_string(wsgi, expected):
    assert build.modules(wsgi) == expected


# The home


def test_a_folder_of_the_system_is_no_home(tmp_path):
    (tmp_path / "ftp").mkdir()
    (tmp_path / "ftp" / "welcome.msg").touch()
    with pytest.raises(
        BuildError, match=r"ftp is there and is no app's home \(it holds welcome.msg\); give the app another"
    ):
        build.refuse_foreign_home(Layout("ftp", str(tmp_path)))


def test_a_file_is_no_home(tmp_path):
    (tmp_path / "hello").touch()
    with pytest.raises(BuildError, match="no app's home"):
        build.refuse_foreign_home(Layout("hello", str(tmp_path)))


def test_a_home_that_an_earlier_run_made_or_began_is_taken(tmp_path, layout):
    build.refuse_foreign_home(layout)
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / ".lock").touch()
    build.refuse_foreign_home(Layout("begun", str(tmp_path)))


def test_others_may_pass_the_shared_folder_but_not_look(layout):
    assert stat.S_IMODE(os.stat(layout.shared).st_mode) == 0o751


# The tree


def test_the_tree_is_unpacked_with_its_links_and_modes(tmp_path, started):
    members = [("bin", {"type": tarfile.DIRTYPE, "mode": 0o755}), ("bin/run", {"mode": 0o755}), ("a.py", "x = 1")]
    members += [("link", {"type": tarfile.SYMTYPE, "linkname": "bin/run"})]
    release = started(archive=tree(tmp_path, *members))
    release._unpack()
    assert os.access(f"{release.src}/bin/run", os.X_OK)
    assert os.readlink(f"{release.src}/link") == "bin/run"


def test_files_have_the_time_of_the_build(tmp_path, started):
    release = started(archive=tree(tmp_path, ("style.css", "x")))
    release._unpack()
    assert time.time() - os.stat(f"{release.src}/style.css").st_mtime < 60


def test_data_files_that_git_would_name_are_found_without_git(tmp_path, started):
    """Whatever the project's own file says, whose words git would have replaced."""
    release = started(archive=tree(tmp_path, (".git_archival.txt", "node: $Format:%H$")), tree={"scm_version": "1.2"})
    release._unpack()
    with open(f"{release.src}/.git_archival.txt", encoding="utf-8") as file:
        assert file.read().splitlines() == [f"node: {'0' * 40}", "describe-name: 1.2"]


HOSTILE = {
    "absolute": [("/tmp/slipway-evil", "x")],
    "parent": [("a/../../evil", "x")],
    "link out": [("evil", {"type": tarfile.SYMTYPE, "linkname": "../../evil"})],
    "absolute link": [("evil", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"})],
    "links that lead out together": [
        ("here", {"type": tarfile.SYMTYPE, "linkname": "."}),
        ("evil", {"type": tarfile.SYMTYPE, "linkname": "here/here/../.."}),
    ],
    "file below a link": [
        ("evil", {"type": tarfile.SYMTYPE, "linkname": ".."}),
        ("evil/evil", "x"),
    ],
    "hard link": [("a", "x"), ("evil", {"type": tarfile.LNKTYPE, "linkname": "a"})],
    "device": [("evil", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})],
    "fifo": [("evil", {"type": tarfile.FIFOTYPE})],
    "set-uid": [("evil", {"mode": 0o4755})],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_refused_by_name_and_leaves_nothing(tmp_path, layout, members, monkeypatch):
    # Not every host's Python has a filter of its own.
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    params = {**PARAMS, "archive": tree(tmp_path, *members)}
    release = Release(layout, "3f9c0a6be21d", params, ("/usr/bin/python3", "3.13.5"))
    with pytest.raises((BuildError, tarfile.TarError), match="evil"):
        release.build()
    assert os.listdir(layout.releases) == []
    assert not list(tmp_path.rglob("*evil*"))


def test_a_small_tree_comes_with_the_question(tmp_path, layout):
    packed = base64.b64encode(Path(tree(tmp_path, ("app.py", "app = None\n"))).read_bytes()).decode()
    release = Release(layout, "3f9c0a6be21d", {**PARAMS, "packed": packed}, ("/usr/bin/python3", "3.13.5"))
    release._make_folders()
    release._unpack()
    assert Path(release.src, "app.py").read_text() == "app = None\n"


# Wheels from the controller


def wheels(tmp_path, *names):
    path = str(tmp_path / "wheels.tar")
    with tarfile.open(path, "w") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name))
    return path


def test_a_release_has_its_wheels_and_installs_from_them_alone(tmp_path, layout, started, steps):
    os.makedirs(f"{layout.wheels}/older")
    release = started(
        plan=[{"packages": ["flask"]}], wheels_id="d1", wheels=wheels(tmp_path, "flask-3-py3-none-any.whl")
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


@pytest.mark.parametrize("name", ["../evil.whl", "/evil.whl", "evil", "a/evil.whl"])
def test_a_wheelhouse_holds_wheels_alone(tmp_path, started, name):
    with pytest.raises(BuildError, match=r"evil.*is no wheel"):
        started(wheels_id="d1", wheels=wheels(tmp_path, name))._unpack_wheels()


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

        def run(release, step, argv, **options):
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

        monkeypatch.setattr(Release, "_run", run)
        monkeypatch.setattr(Release, "_clear", lambda self: None)
        Release(layout, release_id, {**PARAMS, "plan": PROJECT, **params}, ("/usr/bin/python3", "3.13.5")).build()
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
    release = started(plan=[{"packages": ["flask"]}], index={**INDEX, "url": "https://u:canary@pypi.example.com"})
    release._install()
    assert "canary" not in str(steps)
    assert release._environment()["UV_DEFAULT_INDEX"].endswith("canary@pypi.example.com")


def test_the_version_from_git_reaches_the_build(started):
    release = started(tree={**PARAMS["tree"], "scm_version": "1.2.3"})
    assert release._environment()["SETUPTOOLS_SCM_PRETEND_VERSION"] == "1.2.3"


def test_nothing_of_the_callers_environment_reaches_the_build(started, monkeypatch):
    monkeypatch.setenv("AWS_SECRET", "x")
    assert "AWS_SECRET" not in started()._environment()


# Running a step


def test_a_failed_step_is_named_with_its_last_lines(started):
    script = "for n in $(seq 50); do echo line $n; done; echo https://u:secret@pypi.example.com; exit 3"
    with pytest.raises(BuildError, match="installing x failed with exit status 3") as caught:
        started()._run("installing x", ["sh", "-c", script])
    assert "line 50\nhttps://***@pypi.example.com" in str(caught.value)
    assert "line 20\n" not in str(caught.value)


def ended(file):
    """Whether the process whose ID the file holds has ended, or will at once: it may wait for init to fetch it."""
    with open(file, encoding="utf-8") as stream:
        pid = int(stream.read())
    for _ in range(50):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:
                if stream.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.1)
    os.kill(pid, 9)
    return False


def test_a_step_that_takes_too_long_is_killed_with_its_children(started):
    release = started(build_timeout=1)
    before = time.monotonic()
    with pytest.raises(BuildError, match=r"was not done when the build's 1 s were over \(build_timeout\)"):
        release._run("waiting", ["sh", "-c", "sleep 60 & echo $! > child; wait"])
    assert time.monotonic() - before < 10
    assert ended(f"{release.src}/child")


def test_what_a_step_leaves_running_is_killed_before_the_release_is_sealed(started):
    release = started()
    release._run("straying", ["sh", "-c", "setsid sleep 60 & echo $! > child"])
    release._kill_leftovers()
    assert ended(f"{release.src}/child")


def test_a_failed_build_leaves_nothing(layout, monkeypatch):
    release = Release(layout, "3f9c0a6be21d", {**PARAMS, "plan": [{"packages": ["x"]}]}, ("/bin/false", "3.13.5"))
    release.uv = False
    with pytest.raises(BuildError, match="making the virtual environment failed"):
        release.build()
    assert os.listdir(layout.releases) == []


def test_what_a_killed_run_left_is_replaced(layout, started):
    release = started("src/leftover")
    release._clear()
    assert not os.path.exists(release.path)


def test_a_full_disk_is_refused_before_the_build(layout, started, monkeypatch):
    monkeypatch.setattr(build, "SPARE_BYTES", 1 << 60)
    with pytest.raises(BuildError, match=r"expected \d+ MiB free in .*/releases, found \d+"):
        started()


# Shared folders


def test_a_shared_folder_keeps_what_the_tree_shipped_at_first(layout, started):
    release = started("src/data/a.txt", shared=["data"])
    release._share()
    with open(f"{layout.shared}/data/a.txt", "a", encoding="utf-8") as file:
        file.write(", changed")
    assert os.readlink(f"{release.src}/data") == f"{HOME}/shared/data"
    release._clear()
    started("src/data/a.txt", "src/data/b.txt", shared=["data"])._share()
    assert os.listdir(f"{layout.shared}/data") == ["a.txt"]
    with open(f"{layout.shared}/data/a.txt", encoding="utf-8") as file:
        assert file.read() == "src/data/a.txt, changed"


def test_a_shared_folder_is_made_with_its_parents(layout, started):
    release = started(shared=[".cache/a/b"])
    release._share()
    assert os.path.realpath(f"{release.src}/.cache/a/b") == os.path.realpath(f"{layout.shared}/.cache/a/b")
    assert stat.S_IMODE(os.stat(f"{layout.shared}/.cache/a").st_mode) & 0o7 == 0


@pytest.mark.parametrize("module", ["hello", "hello.web"])
def test_the_instance_folder_of_an_installed_project_is_shared(layout, started, module):
    release = started(shared=["instance"])
    release._share()
    assert os.path.realpath(f"{release.venv}/var/{module}-instance") == os.path.realpath(f"{layout.shared}/instance")


@pytest.mark.parametrize("path", ["a/../../../b", "../b"])
def test_a_shared_path_out_of_the_tree_is_refused(layout, started, path):
    with pytest.raises(BuildError, match="leads out of the tree"):
        started(shared=[path])._share()


def test_a_shared_path_through_a_link_that_the_build_made_is_refused(tmp_path, started):
    release = started(shared=["etc/evil"])
    os.symlink(tmp_path, f"{release.src}/etc")
    with pytest.raises(BuildError, match="leads out of the tree"):
        release._share()
    assert not (tmp_path / "evil").exists()


def test_a_file_cannot_be_shared(started):
    with pytest.raises(BuildError, match=r"shared app.db: expected a folder"):
        started("src/app.db", shared=["app.db"])._share()


def test_a_link_that_the_app_made_is_not_followed(tmp_path, layout, started):
    (tmp_path / "victim").mkdir(mode=0o700)
    os.symlink(tmp_path / "victim", f"{layout.shared}/data")
    with pytest.raises(BuildError, match="shared/data, found a link or a file"):
        started(shared=["data/inner"])._share()
    assert os.listdir(tmp_path / "victim") == []


# Static files


def published(release):
    """What Nginx is given: of each file where it comes from, of a link where it leads."""
    release._publish()
    origins = {os.stat(path).st_ino: os.path.relpath(path, release.path) for path in files(release.src, release.venv)}
    return {
        os.path.relpath(path, release.path): os.readlink(path)
        if os.path.islink(path)
        else origins[os.stat(path).st_ino]
        for path in files(release.public, release.protected)
    }


def files(*tops):
    """Paths of all files and links below."""
    return [
        path
        for top in tops
        for folder, folders, names in os.walk(top)
        for path in (os.path.join(folder, name) for name in folders + names)
        if os.path.islink(path) or os.path.isfile(path)
    ]


@pytest.mark.parametrize(
    ("file", "wsgi"),
    [
        ("src/hello/static/a.css", "hello:app"),
        ("src/src/hello/static/a.css", "hello:app"),
        (f"{SITE_PACKAGES}/hello/static/a.css", "hello:app"),
        ("src/hello/web/static/a.css", "hello.web:app"),
        ("src/hello/static/a.css", "hello.web:app"),
    ],
)
def test_the_apps_own_static_folder_is_found(started, file, wsgi):
    assert published(started(file, wsgi=wsgi)) == {"public/static/a.css": file}


def test_the_static_folder_beside_a_single_module_is_found(started):
    release = started("src/wsgi.py", "src/static/a.css", wsgi="wsgi:app")
    assert published(release) == {"public/static/a.css": "src/static/a.css"}


def test_no_static_folder_is_no_fault(started):
    assert published(started(wsgi="hello:app")) == {}


def test_prefixes_lead_to_the_tree_to_packages_and_to_shared_folders(layout, started):
    static = {"/static/": "web/dist", "/admin/static/": "package:flask_admin/static", "/media/": "shared:uploads"}
    release = started("src/web/dist/a.js", f"{SITE_PACKAGES}/flask_admin/static/a.js", static=static)
    assert published(release) == {
        "public/static/a.js": "src/web/dist/a.js",
        "public/admin/static/a.js": f"{SITE_PACKAGES}/flask_admin/static/a.js",
        "public/media": f"{HOME}/shared/uploads",
    }
    assert os.path.isdir(f"{layout.shared}/uploads")


def test_protected_folders_lie_apart(layout, started):
    protected = {"/internal/reports/": "reports", "/paid/": "shared:paid"}
    assert published(started("src/reports/a.pdf", static={}, protected=protected)) == {
        "protected/internal/reports": "../../src/reports",
        "protected/paid": f"{HOME}/shared/paid",
    }


def test_a_file_that_did_not_change_is_the_one_before_with_its_time(layout, started):
    first = started("src/s/a.css", "src/s/b.css", static={"/s/": "s"})
    first._publish()
    first._seal()
    second = Release(layout, "0d1e2f3a4b5c", first.params, first.python)
    second._make_folders()
    os.makedirs(f"{second.path}/{SITE_PACKAGES}")
    os.makedirs(f"{second.src}/s")
    for name, text in (("a.css", "src/s/a.css"), ("b.css", "new")):
        Path(f"{second.src}/s/{name}").write_text(text, encoding="utf-8")
    second._publish()
    same = [os.path.samefile(f"{first.public}/s/{name}", f"{second.public}/s/{name}") for name in ("a.css", "b.css")]
    assert same == [True, False]


def test_a_sealed_release_s_files_are_among_those_of_all(layout, started):
    release = started("src/s/a.css", static={"/s/": "s"})
    release._publish()
    release._seal()
    assert os.path.samefile(f"{layout.assets}/s/a.css", f"{release.src}/s/a.css")


@pytest.mark.parametrize("where", ["shared:a/uploads", "a/uploads"])
def test_a_shared_static_folder_is_readable_by_nginx(layout, started, monkeypatch, where):
    group = build.grp.getgrgid(os.getegid()).gr_name
    release = started(static={"/media/": where}, shared=["a/uploads"], static_group=group)
    release._share()
    release._publish()
    for folder in ("a", "a/uploads"):
        assert stat.S_IMODE(os.stat(f"{layout.shared}/{folder}").st_mode) == 0o2750


def test_what_the_app_wrote_before_its_folder_became_static_is_readable_too(layout, started, monkeypatch):
    release = started("src/uploads/shipped.txt", shared=["uploads"], static={"/media/": "uploads"}, static_group="web")
    monkeypatch.setattr(build.grp, "getgrnam", lambda name: build.grp.getgrgid(os.getegid()))
    release._share()
    monkeypatch.setattr(build.os, "fstat", lambda descriptor: types.SimpleNamespace(st_uid=os.geteuid(), st_gid=-1))
    release._publish()
    monkeypatch.undo()
    assert stat.S_IMODE(os.stat(f"{layout.shared}/uploads/shipped.txt").st_mode) == 0o644
    assert stat.S_IMODE(os.stat(f"{layout.shared}/uploads").st_mode) == 0o2750


@pytest.mark.parametrize("where", ["missing", "package:missing/static", "../..", "unknown:static"])
def test_a_static_folder_that_is_not_there_is_refused_by_its_prefix(started, where):
    with pytest.raises(BuildError, match=r"static /files/: .*" + where.rpartition(":")[2].replace(".", r"\.")):
        started(static={"/files/": where})._publish()


def test_a_prefix_within_another_is_refused(started):
    with pytest.raises(BuildError, match="static /a/b/: lies within another prefix"):
        started("src/x/a.css", "src/y/b.css", static={"/a/": "x", "/a/b/": "y"})._publish()


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


def test_sealing_does_not_follow_links(tmp_path, started):
    (tmp_path / "victim").touch(mode=0o600)
    release = started()
    os.symlink(tmp_path / "victim", f"{release.src}/link")
    release._seal()
    assert stat.S_IMODE(os.stat(tmp_path / "victim").st_mode) == 0o600
