"""The module packages, with stand-ins for the system's commands."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.slipway.flask.plugins.modules import packages


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A host where ``answers`` gives exit status and output by the command's last words; ``calls`` keeps what was run."""

    class System:
        lists, calls, answers = tmp_path / "lists", [], {}

        def fetch(self, age: float = 0) -> None:
            self.lists.mkdir()
            (self.lists / "deb_dists_trixie_InRelease").touch()
            os.utime(self.lists, (packages.time.time() - age,) * 2)

        def run(self, argv: list[str]) -> subprocess.CompletedProcess:
            words = " ".join(word for word in argv if word not in packages.OPTIONS)
            self.calls.append(words)
            answers = self.answers.get(words, [(0, "")])
            status, output = answers.pop(0) if len(answers) > 1 else answers[0]
            return subprocess.CompletedProcess(argv, status, output)

    system = System()
    monkeypatch.setattr(packages, "LISTS", str(system.lists))
    monkeypatch.setattr(packages, "run", system.run)
    monkeypatch.setattr(packages.time, "sleep", lambda seconds: None)
    return system


def test_missing_are_those_that_dpkg_does_not_call_installed(system):
    words = "dpkg-query --show --showformat=${Package} ${db:Status-Status}\n nginx git uv"
    system.answers[words] = [(1, "nginx installed\ngit config-files\ndpkg-query: no packages found matching uv\n")]
    assert packages.missing(["nginx", "git", "uv"]) == ["git", "uv"]


def test_lists_of_today_are_not_fetched_again(system):
    system.fetch()
    packages.install(["nginx"])
    assert system.calls == ["apt-get install nginx"]


@pytest.mark.parametrize("age", [None, packages.LISTS_SECONDS + 1])
def test_lists_that_are_missing_or_old_are_fetched(system, age):
    if age:
        system.fetch(age)
    packages.install(["nginx"])
    assert system.calls == ["apt-get update", "apt-get install nginx"]


def test_lists_that_name_what_is_gone_are_fetched_again(system):
    system.fetch()
    system.answers["apt-get install nginx"] = [(100, "E: 404 Not Found"), (0, "")]
    packages.install(["nginx"])
    assert system.calls == ["apt-get install nginx", "apt-get update", "apt-get install nginx"]


def test_a_failure_shows_what_apt_said_and_what_it_could_not_fetch(system):
    system.answers["apt-get update"] = [(0, "Hit:1 mirror\nW: Failed to fetch other\n")]
    system.answers["apt-get install uv"] = [(100, "E: Unable to locate package uv\n")]
    with pytest.raises(packages.PackagesError, match=r"(?s)`apt-get install uv`.*Unable to locate.*W: Failed to fetch"):
        packages.install(["uv"])


def test_it_waits_for_who_has_the_lock(system):
    held = (100, "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt-get)\n")
    system.answers["apt-get install nginx"] = [held, held, (0, "")]
    packages.apt_get("install", "nginx")
    assert len(system.calls) == 3


def test_it_does_not_wait_for_ever(system, monkeypatch):
    monkeypatch.setattr(packages, "LOCK_SECONDS", -1)
    system.answers["apt-get update"] = [(100, "E: Could not get lock /var/lib/apt/lists/lock\n")]
    with pytest.raises(packages.PackagesError, match="Could not get lock"):
        packages.apt_get("update")
