"""An app's home, made in place of nothing else."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.home import refuse_foreign_home
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout


def test_a_folder_of_the_system_is_no_home(tmp_path):
    (tmp_path / "ftp").mkdir()
    (tmp_path / "ftp" / "welcome.msg").touch()
    with pytest.raises(
        BuildError, match=r"ftp is there and is no app's home \(it holds welcome.msg\); give the app another"
    ):
        refuse_foreign_home(Layout("ftp", str(tmp_path)))


def test_a_file_is_no_home(tmp_path):
    (tmp_path / "hello").touch()
    with pytest.raises(BuildError, match="no app's home"):
        refuse_foreign_home(Layout("hello", str(tmp_path)))


def test_a_home_that_an_earlier_run_made_or_began_is_taken(tmp_path, layout):
    refuse_foreign_home(layout)
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / ".lock").touch()
    refuse_foreign_home(Layout("begun", str(tmp_path)))


def test_others_may_pass_the_shared_folder_but_not_look(layout):
    assert stat.S_IMODE(os.stat(layout.shared).st_mode) == 0o751
