"""Folders that outlive releases, and how a release leads to them."""

from __future__ import annotations

import grp
import os
import shutil
import stat
import types

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import shared
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.shared import Shared

# The app's home, from a folder of a release.
HOME = "../../.."


@pytest.fixture
def share(layout, steps_of):
    """Lead folders of a release's tree to the shared ones; these."""

    def share(release, *paths, modules=()):
        folders = Shared(layout, release, steps_of(release))
        folders.lead(paths, modules)
        return folders

    return share


def test_a_shared_folder_keeps_what_the_tree_shipped_at_first(layout, folders, share):
    release = folders("src/data/a.txt")
    share(release, "data")
    with open(f"{layout.shared}/data/a.txt", "a", encoding="utf-8") as file:
        file.write(", changed")
    assert os.readlink(f"{release.src}/data") == f"{HOME}/shared/data"
    shutil.rmtree(release.path)
    share(folders("src/data/a.txt", "src/data/b.txt"), "data")
    assert os.listdir(f"{layout.shared}/data") == ["a.txt"]
    with open(f"{layout.shared}/data/a.txt", encoding="utf-8") as file:
        assert file.read() == "src/data/a.txt, changed"


def test_a_shared_folder_is_made_with_its_parents(layout, folders, share):
    release = folders()
    share(release, ".cache/a/b")
    assert os.path.realpath(f"{release.src}/.cache/a/b") == os.path.realpath(f"{layout.shared}/.cache/a/b")
    assert stat.S_IMODE(os.stat(f"{layout.shared}/.cache/a").st_mode) & 0o7 == 0


@pytest.mark.parametrize("module", ["hello", "hello.web"])
def test_the_instance_folder_of_an_installed_project_is_shared(layout, folders, share, module):
    release = folders()
    share(release, "instance", modules=["hello.web", "hello"])
    assert os.path.realpath(f"{release.venv}/var/{module}-instance") == os.path.realpath(f"{layout.shared}/instance")


@pytest.mark.parametrize("path", ["a/../../../b", "../b"])
def test_a_shared_path_out_of_the_tree_is_refused(folders, share, path):
    with pytest.raises(BuildError, match="leads out of the tree"):
        share(folders(), path)


def test_a_shared_path_through_a_link_that_the_build_made_is_refused(tmp_path, folders, share):
    release = folders()
    os.symlink(tmp_path, f"{release.src}/etc")
    with pytest.raises(BuildError, match="leads out of the tree"):
        share(release, "etc/evil")
    assert not (tmp_path / "evil").exists()


def test_a_file_cannot_be_shared(folders, share):
    with pytest.raises(BuildError, match=r"shared app.db: expected a folder"):
        share(folders("src/app.db"), "app.db")


def test_a_link_that_the_app_made_is_not_followed(tmp_path, layout, folders, share):
    (tmp_path / "victim").mkdir(mode=0o700)
    os.symlink(tmp_path / "victim", f"{layout.shared}/data")
    with pytest.raises(BuildError, match="shared/data, found a link or a file"):
        share(folders(), "data/inner")
    assert os.listdir(tmp_path / "victim") == []


def test_a_group_may_read_a_folder_for_it(layout, folders, share):
    share(folders(), "a/uploads").folder("a/uploads", grp.getgrgid(os.getegid()).gr_name)
    for folder in ("a", "a/uploads"):
        assert stat.S_IMODE(os.stat(f"{layout.shared}/{folder}").st_mode) == 0o2750


def test_what_the_app_wrote_before_a_group_could_read_it_is_readable_too(layout, folders, share, monkeypatch):
    uploads = share(folders("src/uploads/shipped.txt"), "uploads")
    monkeypatch.setattr(shared.grp, "getgrnam", lambda name: grp.getgrgid(os.getegid()))
    monkeypatch.setattr(shared.os, "fstat", lambda descriptor: types.SimpleNamespace(st_uid=os.geteuid(), st_gid=-1))
    uploads.folder("uploads", "web")
    monkeypatch.undo()
    assert stat.S_IMODE(os.stat(f"{layout.shared}/uploads/shipped.txt").st_mode) == 0o644
    assert stat.S_IMODE(os.stat(f"{layout.shared}/uploads").st_mode) == 0o2750
