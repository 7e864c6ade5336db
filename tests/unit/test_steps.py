"""What a build's commands get of the outside, and how they end."""

from __future__ import annotations

import os
import time

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import steps
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.proc import BUILD


@pytest.fixture
def release(folders):
    return folders()


def test_the_version_from_git_is_told_to_build_systems(release, steps_of):
    assert steps_of(release, scm_version="1.2.3").environment()["SETUPTOOLS_SCM_PRETEND_VERSION"] == "1.2.3"


def test_nothing_of_the_callers_environment_reaches_the_build(release, steps_of, monkeypatch):
    monkeypatch.setenv("AWS_SECRET", "x")
    assert "AWS_SECRET" not in steps_of(release).environment()


@pytest.mark.parametrize(
    ("argv", "printed"),
    [(["echo", "a"], b"a\n"), (["sh", "-c", "echo a; exit 1"], b""), (["/no/such"], b""), (["sleep", "9"], b"")],
    ids=["done", "failed", "missing", "late"],
)
def test_what_a_build_can_do_without_prints_nothing_when_it_fails(release, steps_of, argv, printed):
    assert steps_of(release, timeout=1).output(argv) == printed


def test_a_failed_step_is_named_with_its_last_lines(release, steps_of):
    script = "for n in $(seq 50); do echo line $n; done; echo https://u:secret@pypi.example.com; exit 3"
    with pytest.raises(BuildError, match="installing x failed with exit status 3") as caught:
        steps_of(release).run("installing x", ["sh", "-c", script])
    assert "line 50\nhttps://***@pypi.example.com" in str(caught.value)
    assert "line 20\n" not in str(caught.value)


def test_a_step_gives_way_by_its_session_as_well(release, steps_of, monkeypatch):
    """Its own niceness counts within its session alone, where the kernel shares its time out by session."""
    told = []
    monkeypatch.setattr(steps, "session_gives_way", lambda leader, nice: told.append((leader, nice)))
    steps_of(release).run("telling", ["sh", "-c", "echo $$ > leader"])
    with open(f"{release.src}/leader", encoding="ascii") as file:
        assert told == [(int(file.read()), BUILD)]


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


def test_a_step_that_takes_too_long_is_killed_with_its_children(release, steps_of):
    one = steps_of(release, timeout=1)
    before = time.monotonic()
    with pytest.raises(BuildError, match=r"was not done when the build's 1 s were over \(build_timeout\)"):
        one.run("waiting", ["sh", "-c", "sleep 60 & echo $! > child; wait"])
    assert time.monotonic() - before < 10
    assert ended(f"{release.src}/child")


def test_what_a_step_leaves_running_is_killed_before_the_release_is_sealed(release, steps_of):
    one = steps_of(release)
    one.run("straying", ["sh", "-c", "setsid sleep 60 & echo $! > child"])
    one.kill_leftovers()
    assert ended(f"{release.src}/child")
