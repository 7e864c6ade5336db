"""The installer module: which uv a host has, which it gets, and what is left when none can be had."""

from __future__ import annotations

import json
import os
import pwd
import stat
import tarfile
import types

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.slipway.flask.plugins.module_utils import tools
from ansible_collections.slipway.flask.plugins.modules import installer

VERSION = installer.ARGUMENTS["uv_version"]["default"]


class Host:
    """A host of files only: commands that would install uv write what it would consist of."""

    def __init__(self, link):
        self.link, self.has_user, self.offline, self.ran, self.environments = link, True, False, [], []

    def run(self, argv, timeout, environment=None):
        self.ran.append(argv)
        self.environments.append(environment or {})
        if "venv" in argv:
            os.makedirs(os.path.join(argv[-1], "bin"))
        if "install" in argv:
            if self.offline:
                raise tools.ToolError("no route to the index")
            uv = os.path.join(os.path.dirname(argv[0]), "uv")
            open(uv, "w").close()
            os.chmod(uv, 0o755)
        return ""

    def make_user(self):
        self.has_user = True

    def folders(self):
        parent = os.path.dirname(self.link)
        return {name: os.path.islink(os.path.join(parent, name)) for name in sorted(os.listdir(parent))}


@pytest.fixture
def host(tmp_path, monkeypatch):
    os.mkdir(tmp_path / "opt")
    host = Host(str(tmp_path / "opt/uv"))
    monkeypatch.setattr(installer, "LINK", host.link)
    monkeypatch.setattr(installer, "UV", os.path.join(host.link, "bin/uv"))
    monkeypatch.setattr(tools, "run", host.run)
    monkeypatch.setattr(installer, "has_user", lambda: host.has_user)
    monkeypatch.setattr(installer, "make_user", host.make_user)
    return host


@pytest.fixture
def module(capsys, host, monkeypatch):
    """Run the module and give its result."""
    # Where Ansible's controller was imported too, a warning goes past the result.
    warnings = []
    monkeypatch.setattr(installer.AnsibleModule, "warn", lambda self, warning: warnings.append(warning))

    def module(check=False, **arguments):
        host.ran.clear()
        warnings.clear()
        with patch_module_args({**arguments, "_ansible_check_mode": check}), pytest.raises(SystemExit):
            installer.main()
        return {**json.loads(capsys.readouterr().out), "warnings": list(warnings)}

    return module


def outcome(result):
    return result["changed"], result["installer"], result["version"]


def test_uv_is_installed_and_then_nothing(module, host):
    assert outcome(module()) == (True, "uv", VERSION)
    assert host.folders() == {"uv": True, f"uv-{VERSION}": False} and installer.installed() == VERSION
    assert outcome(module()) == (False, "uv", VERSION) and host.ran == []


def test_only_a_ready_made_wheel_of_the_version_is_taken(module, host):
    module(uv_version="0.13.0")
    (pip,) = [argv for argv in host.ran if "install" in argv]
    assert {"--only-binary=:all:", "--no-deps", "uv==0.13.0"} <= set(pip)


def test_another_version_replaces_the_one_in_use(module, host):
    module(uv_version="0.1.0")
    assert outcome(module(uv_version="0.2.0")) == (True, "uv", "0.2.0")
    assert host.folders() == {"uv": True, "uv-0.2.0": False} and os.readlink(host.link) == "uv-0.2.0"


def test_pip_removes_uv_and_then_nothing(module, host):
    module()
    assert outcome(module(installer="pip")) == (True, "pip", "")
    assert host.folders() == {} and installer.installed() == ""
    assert outcome(module(installer="pip")) == (False, "pip", "")


@pytest.mark.parametrize("arguments", [{}, {"installer": "pip"}, {"uv_version": "9.9"}], ids=str)
def test_a_check_predicts_and_changes_nothing(module, host, arguments):
    module(uv_version="0.1.0")
    before, host.has_user = host.folders(), False
    predicted = module(check=True, **arguments)
    assert host.folders() == before and host.ran == [] and not host.has_user
    done = module(**arguments)
    assert outcome(predicted) == outcome(done) and predicted["diff"] == done["diff"]


def test_auto_says_that_pip_is_used_where_uv_cannot_be_had(module, host):
    host.offline = True
    result = module()
    assert outcome(result) == (False, "pip", "") and host.folders() == {}
    assert f"uv {VERSION} cannot be had; builds use pip. no route to the index" in str(result["warnings"])


def test_auto_keeps_the_version_that_is_there(module, host):
    module(uv_version="0.1.0")
    host.offline = True
    result = module(uv_version="0.2.0")
    assert outcome(result) == (False, "uv", "0.1.0") and host.folders() == {"uv": True, "uv-0.1.0": False}
    assert "uv 0.2.0 cannot be had; builds use uv 0.1.0." in str(result["warnings"])


def test_uv_or_nothing(module, host):
    host.offline = True
    result = module(installer="uv")
    assert result["failed"] and result["msg"] == "The installer is not as wanted: no route to the index"


def test_a_host_without_an_index_asks_for_a_wheel_and_installs_it(module, host, tmp_path):
    asked = module(wheelhouse=True)
    assert asked["needs_wheel"]["requirement"] == f"uv=={VERSION}" and not asked["changed"] and host.ran == []
    with tarfile.open(tmp_path / "wheel.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("uv.whl"))
    assert outcome(module(wheelhouse=True, wheel=str(tmp_path / "wheel.tar"))) == (True, "uv", VERSION)
    (pip,) = [argv for argv in host.ran if "install" in argv]
    assert {"--no-index", f"--find-links={host.link}-{VERSION}/wheels"} <= set(pip)
    assert "wheels" not in os.listdir(f"{host.link}-{VERSION}")
    assert outcome(module(wheelhouse=True)) == (False, "uv", VERSION)


def test_a_wheel_that_the_controller_cannot_have_leaves_pip(module, host):
    result = module(wheelhouse=True, wheel_error="no uv for armv7l")
    assert outcome(result) == (False, "pip", "") and host.ran == []
    assert "builds use pip. no uv for armv7l" in str(result["warnings"])


def test_a_user_that_cannot_be_made_is_no_matter_of_pip_or_uv(module, host, monkeypatch):
    def make_user():
        raise tools.ToolError("useradd says no")

    host.has_user = False
    monkeypatch.setattr(installer, "make_user", make_user)
    assert module()["failed"]


def test_a_missing_user_is_a_change_of_its_own(module, host):
    module()
    host.has_user = False
    result = module()
    assert outcome(result) == (True, "uv", VERSION) and host.has_user
    assert result["diff"]["before"] == f"uv {VERSION}\n"
    assert result["diff"]["after"] == f"uv {VERSION}\nuser flask-build\n"


def test_what_a_cut_short_run_left_is_no_obstacle(module, host):
    os.makedirs(f"{host.link}-{VERSION}/bin")
    os.symlink("left", f"{host.link}.new")
    assert outcome(module()) == (True, "uv", VERSION)
    assert host.folders() == {"uv": True, f"uv-{VERSION}": False}


def test_an_index_s_password_goes_by_environment(module, host):
    module(index={"url": "https://me:hunter2@pypi.example.com/simple"})
    assert "hunter2" not in str(host.ran)
    assert "https://me:hunter2@pypi.example.com/simple" in [env.get("PIP_INDEX_URL") for env in host.environments]


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "known"])
def test_the_build_user_gets_a_home_that_others_cannot_enter(tmp_path, monkeypatch, is_there):
    me, home, made = pwd.getpwuid(os.geteuid()), str(tmp_path / "home"), []
    monkeypatch.setattr(installer, "BUILD_HOME", home)
    monkeypatch.setattr(installer.users, "exists", lambda name: is_there or bool(made))
    monkeypatch.setattr(installer.users, "make", lambda *words: made.append(words))
    monkeypatch.setattr(installer, "pwd", types.SimpleNamespace(getpwnam=lambda name: me))
    assert not installer.has_user()
    installer.make_user()
    assert installer.has_user() and stat.S_IMODE(os.stat(home).st_mode) == 0o750
    assert made == ([] if is_there else [("flask-build", home)])


# Commands


def test_a_command_that_fails_shows_its_last_lines_masked():
    script = "seq 20; echo https://me:word@example.com/; exit 3"
    with pytest.raises(tools.ToolError) as raised:
        tools.run(["/bin/sh", "-c", script], 10)
    lines = str(raised.value).splitlines()
    assert lines[0].endswith("ended with 3:") and lines[1:] == [*map(str, range(12, 21)), "https://***@example.com/"]


@pytest.mark.parametrize(
    ("argv", "says"), [(["/no/such/command"], "No such file"), (["/bin/sleep", "60"], "timed out")], ids=str
)
def test_a_command_that_cannot_run_or_end_is_named(argv, says):
    with pytest.raises(tools.ToolError, match=f"{argv[0]}.*{says}|{says}.*{argv[0]}"):
        tools.run(argv, 0.05)


def test_a_command_sees_none_of_the_caller_s_environment(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://elsewhere.example.com")
    environment = tools.run(["/usr/bin/env"], 10, {"UV_INDEX": "x"})
    assert "elsewhere" not in environment and "UV_INDEX=x" in environment.splitlines()
