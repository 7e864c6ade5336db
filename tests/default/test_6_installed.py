"""The collection as someone has it who installed it: no checkout, no ansible.cfg."""

import subprocess

import pytest
from playbook import ROOT, play

testinfra_hosts = ["ansible://debian12"]


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """An empty folder of someone who has installed the collection."""
    for name in ("ANSIBLE_CONFIG", "ANSIBLE_COLLECTIONS_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "empty"
    folder.mkdir()
    subprocess.run(
        ["ansible-galaxy", "collection", "build", "--output-path", tmp_path], cwd=ROOT, check=True, timeout=120
    )
    install = ["ansible-galaxy", "collection", "install", "--offline", next(tmp_path.glob("*.tar.gz"))]
    subprocess.run(install, cwd=folder, check=True, timeout=120)
    return folder


def test_the_installed_collection_serves_from_an_empty_folder(hello, at_home):
    """The host is served already, so that a run that finds all its parts has nothing to change."""
    played = play("slipway.flask.site", "--limit", hello.machine, cwd=at_home)
    assert played.ok and played.changed == 0, played.output
