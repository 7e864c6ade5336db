"""The files module: all of a set or nothing of it."""

from __future__ import annotations

import grp
import json
import os
import pwd
import sys

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.slipway.flask.plugins.modules import files

ME = {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}
REFUSE = [sys.executable, "-c", "print('line 3: unknown directive'); raise SystemExit(1)"]


@pytest.fixture
def run(capsys):
    """Run the module and give its result."""

    def run(*entries, check=False, **arguments):
        arguments["files"] = [{**({} if entry.get("state") == "absent" else ME), **entry} for entry in entries]
        with patch_module_args({**arguments, "_ansible_check_mode": check}), pytest.raises(SystemExit):
            files.main()
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def service(monkeypatch, tmp_path_factory):
    """A running service `reader`; `calls` keeps what systemctl was told."""

    class Reader:
        state, fails, calls = "ActiveState=active\nUnitFileState=enabled\n", False, []
        pending = tmp_path_factory.mktemp("run") / "reader"

        def systemctl(self, *words):
            if words[0] == "show":
                return self.state
            if self.fails:
                raise files.FilesError("Job for reader.service failed")
            self.calls.append(" ".join(words))
            return ""

    reader = Reader()
    monkeypatch.setattr(files, "systemctl", reader.systemctl)
    monkeypatch.setattr(files, "PENDING", str(reader.pending.parent / "{}"))
    return reader


def write(path, text, mode=0o644):
    path.write_text(text)
    path.chmod(mode)
    return path


def snapshot(folder):
    """Every path below ``folder`` with its kind, mode and content."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None,
        )
        for path in folder.rglob("*")
    }


def test_writes_the_set_and_then_nothing(run, tmp_path):
    changed = write(tmp_path / "changed", "old")
    entries = (
        {"path": str(changed), "content": "new\n"},
        {"path": str(tmp_path / "folder"), "state": "directory", "mode": "0750"},
        {"path": str(tmp_path / "folder/secret"), "content": "ä", "mode": "0600"},
    )
    first, second = run(*entries), run(*entries)

    assert first["changed"] and first["paths"] == sorted(entry["path"] for entry in entries)
    assert not second["changed"] and second["paths"] == []
    assert snapshot(tmp_path) == {
        "changed": (0o100644, b"new\n"),
        "folder": (0o040750, None),
        "folder/secret": (0o100600, "ä".encode()),
    }


def test_removes_a_symlink_and_not_its_target(run, tmp_path):
    target = write(tmp_path / "available", "site")
    link = tmp_path / "enabled"
    link.symlink_to(target)

    assert run({"path": str(link), "state": "absent"})["paths"] == [str(link)]
    assert target.read_text() == "site" and not link.is_symlink()


def test_replaces_a_symlink_and_not_its_target(run, tmp_path):
    target = write(tmp_path / "target", "theirs")
    link = tmp_path / "link"
    link.symlink_to(target)
    run({"path": str(link), "content": "ours"})

    assert not link.is_symlink() and link.read_text() == "ours"
    assert target.read_text() == "theirs"


def test_mends_a_mode_alone(run, tmp_path):
    path = write(tmp_path / "file", "same", 0o666)
    result = run({"path": str(path), "content": "same"})

    assert path.stat().st_mode & 0o777 == 0o644
    assert "mode 0666" in result["diff"][0]["before"] and "mode 0644" in result["diff"][0]["after"]


def test_purges_what_is_not_named(run, tmp_path):
    kept, stale, foreign = (write(tmp_path / name, "x") for name in ("app-kept.conf", "app-stale.conf", "mine.conf"))
    result = run({"path": str(kept), "content": "x"}, purge=[f"{tmp_path}/app-*.conf"])

    assert result["paths"] == [str(stale)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [kept.name, foreign.name]


@pytest.mark.parametrize("command", [REFUSE, ["/no/such/checker"]], ids=["refuses", "cannot run"])
def test_restores_everything_when_the_check_fails(run, tmp_path, service, command):
    write(tmp_path / "changed", "old", 0o640)
    write(tmp_path / "gone", "still here", 0o600)
    write(tmp_path / "app-stale", "stale")
    (tmp_path / "link").symlink_to("changed")
    (tmp_path / "loose").mkdir(mode=0o700)
    before = snapshot(tmp_path)
    result = run(
        {"path": str(tmp_path / "changed"), "content": "new"},
        {"path": str(tmp_path / "gone"), "state": "absent"},
        {"path": str(tmp_path / "link"), "state": "absent"},
        {"path": str(tmp_path / "loose"), "state": "directory", "mode": "0755"},
        {"path": str(tmp_path / "folder"), "state": "directory"},
        {"path": str(tmp_path / "folder/created"), "content": "new"},
        purge=[f"{tmp_path}/app-*"],
        validate=command,
        service="reader",
    )

    assert result["failed"] and ("line 3: unknown directive" in result["msg"] or "did not run" in result["msg"])
    assert snapshot(tmp_path) == before


def test_restores_when_it_cannot_write(run, tmp_path, monkeypatch):
    write(tmp_path / "first", "old")
    monkeypatch.setattr(files.os, "replace", refuse_for(str(tmp_path / "second"), os.replace))
    before = snapshot(tmp_path)
    result = run(
        {"path": str(tmp_path / "first"), "content": "new"}, {"path": str(tmp_path / "second"), "content": "new"}
    )

    assert result["failed"] and "No space left" in result["msg"]
    assert snapshot(tmp_path) == before


def refuse_for(path, replace):
    def refuse(source, target):
        if target == path:
            raise OSError(28, "No space left on device")
        replace(source, target)

    return refuse


def test_the_check_sees_the_new_files(run, tmp_path):
    path = write(tmp_path / "file", "old")
    look = [sys.executable, "-c", f"print(open({str(path)!r}).read())"]

    assert run({"path": str(path), "content": "new"}, validate=look)["output"] == "new"


def test_check_mode_changes_nothing_and_says_what_would(run, tmp_path, service):
    path = write(tmp_path / "file", "old\n")
    before = snapshot(tmp_path)
    result = run(
        {"path": str(path), "content": "new\n"},
        {"path": "/no/such/folder/on/a/bare/host", "content": "x", "owner": "nobody-made-yet"},
        check=True,
        validate=REFUSE,
        service="reader",
    )

    assert result["paths"] == ["/no/such/folder/on/a/bare/host", str(path)]
    assert (result["diff"][0]["before"], result["diff"][0]["after"]) == ("old\n", "new\n")
    assert snapshot(tmp_path) == before


def test_the_service_is_reloaded_when_a_file_changed(run, tmp_path, service):
    entry = {"path": str(tmp_path / "file"), "content": "new"}
    first, second = run(entry, service="reader"), run(entry, service="reader")

    assert first["changed"] and not second["changed"]
    assert service.calls == ["reload-or-restart reader"]
    assert not service.pending.exists()


def test_a_service_that_would_not_take_it_by_a_reload_is_restarted(run, tmp_path, service):
    run({"path": str(tmp_path / "file"), "content": "new"}, service="reader", take_by="restart")
    assert service.calls == ["restart reader"]


def test_a_static_service_needs_no_enabling(run, service):
    service.state = "ActiveState=active\nUnitFileState=static\n"
    assert not run(service="reader")["changed"] and service.calls == []


def test_a_service_that_is_stopped_or_disabled_is_put_right(run, service):
    service.state = "ActiveState=failed\nUnitFileState=disabled\n"
    predicted = run(check=True, service="reader")
    assert predicted["changed"] and service.calls == []
    assert run(service="reader")["diff"][0]["after"] == "enabled\nstarted\n"
    assert service.calls == ["enable reader", "start reader"]


def test_what_the_service_did_not_take_is_given_again(run, tmp_path, service):
    entry = {"path": str(tmp_path / "file"), "content": "new"}
    service.fails = True
    failed = run(entry, service="reader")
    service.fails = False
    again = run(entry, service="reader")

    assert failed["failed"] and "reader did not take them" in failed["msg"]
    assert again["changed"] and again["paths"] == [entry["path"]]
    assert service.calls == ["reload-or-restart reader"] and not service.pending.exists()


def test_leftovers_of_a_killed_run_are_no_hindrance(run, tmp_path):
    path = write(tmp_path / "file", "old")
    for leftover in files.beside(str(path)):
        write(tmp_path / leftover, "half")
    run({"path": str(path), "content": "new"})

    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"path": "{tmp}/missing/file", "content": ""}, "missing an entry with state: directory"),
        ({"path": "relative", "content": ""}, "expected absolute paths, found 'relative'"),
        (
            {"path": "{tmp}/file", "content": "", "mode": "rw-r--r--"},
            "expected a mode such as '0644', found 'rw-r--r--'",
        ),
        ({"path": "{tmp}/file", "content": "", "owner": "no-such-user"}, "this host has no owner 'no-such-user'"),
        ({"path": "{tmp}/folder", "content": ""}, "expected file, found a directory"),
        ({"path": "{tmp}/folder", "state": "absent"}, "expected absent, found a directory"),
        ({"path": "{tmp}/pipe", "content": ""}, "found a special file"),
        ({"path": "{tmp}/twice", "content": ""}, "stands in files twice"),
        ({"path": "{tmp}/file"}, "expected content, or a text in secrets, found neither"),
    ],
)
def test_refuses_before_anything_changes(run, tmp_path, entry, says):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = snapshot(tmp_path)
    entry = {**entry, "path": entry["path"].format(tmp=tmp_path)}
    result = run({"path": str(tmp_path / "twice"), "content": "x"}, entry)

    assert result["failed"] and says in result["msg"]
    assert snapshot(tmp_path) == before


def test_a_secret_is_written_and_never_shown(run, tmp_path):
    path = tmp_path / "passwords"
    result = run({"path": str(path), "mode": "0640"}, secrets={str(path): "canary"}, _ansible_diff=True)
    assert path.read_text() == "canary"
    assert result["changed"] and "canary" not in json.dumps(result)


@pytest.mark.parametrize("content", [None, "new"], ids=["removed", "replaced"])
def test_what_not_everyone_may_read_is_not_shown_when_it_goes(run, tmp_path, content):
    path = write(tmp_path / "passwords.2", "canary", 0o640)
    entries = [{"path": str(path), "content": content, "mode": "0640"}] if content else []
    result = run(*entries, purge=[str(tmp_path / "passwords.*")], _ansible_diff=True)
    assert result["paths"] == [str(path)] and "canary" not in json.dumps(result)


def test_a_refused_secret_is_not_shown_either(run, tmp_path):
    path = write(tmp_path / "passwords", "old")
    result = run({"path": str(path)}, secrets={str(path): "canary"}, validate=REFUSE)
    assert result["failed"] and "canary" not in json.dumps(result)
    assert path.read_text() == "old"


def test_a_secret_without_a_file_is_a_mistake(run, tmp_path):
    assert "secrets: expected paths that files names" in run(secrets={str(tmp_path / "other"): "text"})["msg"]
