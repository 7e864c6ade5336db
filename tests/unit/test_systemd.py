"""What systemd is told and asked, and what is made of its answers."""

from __future__ import annotations

import os
import subprocess
import threading

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import systemd
from ansible_collections.slipway.flask.plugins.module_utils.errors import CutoverError

# Settings as text


@pytest.mark.parametrize(
    "value",
    [
        *("", "plain", "two words", 'a "quoted" word', "it's", "back\\slash", "ends with \\", "\\\\n", "$HOME ${HOME}"),
        *("`id` $(id)", "two\nlines\n\nmore", "\ttab ", "# no comment", "; a=b", "Grüße 🎉", "%i %%", "!x", 42, True),
    ],
    ids=repr,
)
def test_a_value_of_the_environment_arrives_unchanged(tmp_path, value):
    (tmp_path / "env").write_text(systemd.environment_file({"BEFORE": 1, "NAME": value, "ZULU": 2}), encoding="utf-8")
    # In double quotes a shell takes backslashes as systemd.exec(5) says that EnvironmentFile= does.
    script = '. "$1"; printf "%s|%s|%s" "$BEFORE" "$NAME" "$ZULU"'
    read = subprocess.run(["/bin/sh", "-c", script, "sh", str(tmp_path / "env")], capture_output=True, check=True)
    assert read.stdout.decode() == f"1|{value}|2"


def test_the_environment_s_order_is_no_difference():
    assert systemd.environment_file({"B": 1, "A": 2}) == systemd.environment_file({"A": 2, "B": 1}) == 'A="2"\nB="1"\n'


def test_a_sandbox_is_what_is_not_about_starting():
    service = """
    [Unit]
    Description=x=y
    [Service]
    # Comment=1
    ; Comment=2
    Type=notify
    NotifyAccess=main
    ExecStart=/x --bind=%i
    ExecReload=/x
    RestartSec=1
    KillMode=mixed
    TimeoutStopSec=1
    StandardOutput=journal
    SyslogIdentifier=hello
    User=flask-hello
    WorkingDirectory=/srv/hello/%i/src
    Environment=PATH=/srv/hello/%i/venv/bin:/bin
    ExecPaths2
    NoNewPrivileges=yes
    [Install]
    WantedBy=multi-user.target
    """
    assert systemd.sandbox_of(service, "blue") == [
        "User=flask-hello",
        "WorkingDirectory=/srv/hello/blue/src",
        "Environment=PATH=/srv/hello/blue/venv/bin:/bin",
        "NoNewPrivileges=yes",
    ]


# Commands


@pytest.fixture
def answers(monkeypatch):
    """Have each command end with a status and an output; what was run."""

    def answers(status, output=""):
        ran = []

        def run(argv, timeout=0):
            ran.append(argv)
            return subprocess.CompletedProcess(argv, status, output)

        monkeypatch.setattr(systemd, "run", run)
        return ran

    return answers


def test_systemctl_s_complaint_is_shown(answers):
    answers(1, "Failed to connect to bus\n")
    with pytest.raises(CutoverError, match="Failed to connect to bus"):
        systemd.unit_states(["hello.service"])


def test_a_one_off_command_reaches_its_program_unchanged(answers):
    """systemd-run(1) takes $$ for a dollar sign, and leaves percent signs alone."""
    ran = answers(0)
    systemd.run_with([], ["/bin/sh", "-c", "for x in a; do echo ${x} $$ 50%i; done"], 60)
    assert ran[0][-1] == "for x in a; do echo $${x} $$$$ 50%i; done"


def test_a_one_off_command_that_fails_shows_its_last_lines(answers):
    answers(3, "".join(f"line {number}\n" for number in range(40)))
    with pytest.raises(CutoverError) as raised:
        systemd.run_with([], ["false"], 1)
    assert str(raised.value) == "ended with 3"
    assert raised.value.journal == [f"line {number}" for number in range(10, 40)]


def test_a_one_off_command_gives_way_by_its_session_and_keeps_its_words(answers, tmp_path):
    ran = answers(0)
    systemd.run_with([], ["/bin/sh", "-c", 'cat /proc/self/autogroup; printf "%s|" "$@"', "sh", "a b", "$c"], 60, True)
    words = [word.replace("$$", "$") for word in ran[0][ran[0].index("--") + 1 :]]
    done = subprocess.run(words, capture_output=True, check=True, text=True, start_new_session=True)
    assert done.stdout.endswith("a b|$c|")
    assert " nice 10\n" in done.stdout or not os.path.exists("/proc/self/autogroup")


def test_a_one_off_command_gives_way_less_and_less(monkeypatch):
    told, over = [], threading.Event()

    def run(argv, timeout=0):
        if argv[0] == "systemd-run":
            over.wait(20)
        return subprocess.CompletedProcess(argv, 0, "42\n")

    def session_gives_way(leader, nice):
        told.append((leader, nice))
        if nice == 0:
            over.set()

    monkeypatch.setattr(systemd, "run", run)
    monkeypatch.setattr(systemd, "session_gives_way", session_gives_way)
    monkeypatch.setattr(systemd, "_EASE_SECONDS", 0.01)
    systemd.run_with([], ["true"], 60, True)
    assert told == [(42, nice) for nice in (8, 6, 4, 2, 0)]


NAMESPACING = [
    "slipway-1-2.service: Failed to set up mount namespacing: /srv/hello/shared: No such file or directory",
    "slipway-1-2.service: Failed at step NAMESPACE spawning /bin/sh: No such file or directory",
]


@pytest.mark.parametrize(
    ("status", "journal", "end", "shown"),
    [
        (226, ["Started it.", *NAMESPACING], "systemd could not start it in its sandbox (status 226)", NAMESPACING),
        (226, ["Started it."], "ended with 226", ["its own words"]),
        (7, NAMESPACING, "ended with 7", ["its own words"]),
    ],
    ids=["no sandbox", "a status of its own", "another status"],
)
def test_a_sandbox_that_cannot_be_set_up_is_told_with_the_journal_s_reason(
    monkeypatch, answers, status, journal, end, shown
):
    ran, asked = answers(status, "its own words\n"), []
    monkeypatch.setattr(systemd, "journal", lambda unit, since: asked.append(unit) or journal)
    with pytest.raises(CutoverError) as raised:
        systemd.run_with([], ["true"], 60)
    assert (str(raised.value), raised.value.journal) == (end, shown)
    assert all(f"--unit={unit}" in ran[0] for unit in asked)


def test_a_command_that_takes_too_long_is_named():
    with pytest.raises(systemd.Late, match=r"sleep 60 did not end within 0 s"):
        systemd.run(["sleep", "60"], 0.01)


def test_last_lines_hold_the_cause_not_the_server_s_own_frames():
    lines = [
        "Traceback (most recent call last):",
        '  File "/srv/hello/blue/venv/lib/python3.13/site-packages/gunicorn/arbiter.py", line 683, in reap_workers',
        "    raise HaltServer(reason)",
        "    ~~~~~~~~~~^^^^^^^^",
        '  File "/usr/lib/python3.13/importlib/__init__.py", line 88, in import_module',
        "    return _bootstrap._gcd_import(name)",
        '  File "/srv/hello/blue/src/app.py", line 3, in <module>',
        "    raise RuntimeError('no such planet')",
        "RuntimeError: no such planet",
    ]
    assert systemd.last_lines("\n".join(lines)) == [lines[0], *lines[6:]]
    assert systemd.last_lines("\n".join(lines), 1) == [lines[-1]]


def test_a_command_that_is_not_done_in_time_is_told_from_one_that_fails(answers):
    answers(1, "words\n")
    with pytest.raises(CutoverError, match="ended with 1"):
        systemd.run_with([], ["true"], 5)
    with pytest.raises(CutoverError, match="not done within 0 s"):
        systemd.run_with([], ["true"], 0)
