"""Which folder Nginx serves under a URL prefix."""

from __future__ import annotations

import grp
import os
import stat

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.errors import BuildError
from ansible_collections.slipway.flask.plugins.module_utils.shared import Shared
from ansible_collections.slipway.flask.plugins.module_utils.static import Static

SITE_PACKAGES = "venv/lib/python3.13/site-packages"
# The app's home, from a folder of a release.
HOME = "../../.."


@pytest.fixture
def published(layout, steps_of):
    """Publishes a release's static files; its links and where they lead."""

    def published(release, static=None, modules=(), shared=(), group=""):
        folders = Shared(layout, release, steps_of(release))
        folders.lead(shared, modules)
        Static(release, folders, group).publish(static, modules)
        return {
            os.path.relpath(os.path.join(folder, name), release.public): os.readlink(os.path.join(folder, name))
            for folder, inner, names in os.walk(release.public)
            for name in inner + names
            if os.path.islink(os.path.join(folder, name))
        }

    return published


@pytest.mark.parametrize(
    ("file", "modules", "folder"),
    [
        ("src/hello/static/a.css", ["hello"], "../src/hello/static"),
        ("src/src/hello/static/a.css", ["hello"], "../src/src/hello/static"),
        (f"{SITE_PACKAGES}/hello/static/a.css", ["hello"], f"../{SITE_PACKAGES}/hello/static"),
        ("src/hello/web/static/a.css", ["hello.web", "hello"], "../src/hello/web/static"),
        ("src/hello/static/a.css", ["hello.web", "hello"], "../src/hello/static"),
    ],
)
def test_the_apps_own_static_folder_is_found(folders, published, file, modules, folder):
    assert published(folders(file), modules=modules) == {"static": folder}


def test_the_static_folder_beside_a_single_module_is_found(folders, published):
    assert published(folders("src/wsgi.py", "src/static/a.css"), modules=["wsgi"]) == {"static": "../src/static"}


def test_no_static_folder_is_no_fault(folders, published):
    assert published(folders(), modules=["hello"]) == {}


def test_prefixes_lead_to_the_tree_to_packages_and_to_shared_folders(layout, folders, published):
    static = {"/static/": "web/dist", "/admin/static/": "package:flask_admin/static", "/media/": "shared:uploads"}
    release = folders("src/web/dist/a.js", f"{SITE_PACKAGES}/flask_admin/static/a.js")
    assert published(release, static) == {
        "static": "../src/web/dist",
        "admin/static": f"../../{SITE_PACKAGES}/flask_admin/static",
        "media": f"{HOME}/shared/uploads",
    }
    assert os.path.isdir(f"{layout.shared}/uploads")


@pytest.mark.parametrize("where", ["missing", "package:missing/static", "../..", "unknown:static"])
def test_a_static_folder_that_is_not_there_is_refused_by_its_prefix(folders, published, where):
    with pytest.raises(BuildError, match=r"static /files/: .*" + where.rpartition(":")[2].replace(".", r"\.")):
        published(folders(), {"/files/": where})


def test_a_prefix_within_another_is_refused(folders, published):
    with pytest.raises(BuildError, match="static /a/b/: lies within another prefix"):
        published(folders("src/x/a.css", "src/y/b.css"), {"/a/": "x", "/a/b/": "y"})


@pytest.mark.parametrize("where", ["shared:a/uploads", "a/uploads"])
def test_a_shared_static_folder_is_readable_by_nginx(layout, folders, published, where):
    published(folders(), {"/media/": where}, shared=["a/uploads"], group=grp.getgrgid(os.getegid()).gr_name)
    for folder in ("a", "a/uploads"):
        assert stat.S_IMODE(os.stat(f"{layout.shared}/{folder}").st_mode) == 0o2750
