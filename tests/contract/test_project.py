"""What the project as a whole owes those who clone or install it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = subprocess.run(
    ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
).stdout.split("\0")
# Hosts of package registries have no place here: which one is asked is for the user's own settings to say.
REGISTRIES = re.compile(r"\b(files\.pythonhosted|pypi|test\.pypi|deb\.debian|security\.debian|quay|ghcr)\.(org|io)\b")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
CODE = re.compile(r"`[^`\n]+`")


@pytest.mark.parametrize("path", [path for path in FILES if (ROOT / path).is_file()])
def test_a_file_names_no_registry_s_host(path):
    assert not REGISTRIES.findall((ROOT / path).read_text(encoding="utf-8", errors="replace"))


@pytest.mark.parametrize("path", [path for path in FILES if path.endswith(".md")])
def test_what_a_page_links_to_is_there(path):
    links = LINK.findall(CODE.sub("", (ROOT / path).read_text(encoding="utf-8")))
    assert [link for link in links if not ((ROOT / path).parent / link).exists()] == []


def test_the_changelog_ends_with_this_version():
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    releases = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))["releases"]
    assert max(releases, key=lambda name: [int(part) for part in name.split(".")]) == version


def test_every_playbook_stands_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = [path.stem for path in (ROOT / "playbooks").glob("*.yml")]
    assert [name for name in names if f"slipway.flask.{name}" not in readme] == []
