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
    """Publishes a release's static files; of each where it comes from, of a link where it leads."""

    def published(release, static=None, modules=(), shared=(), group=""):
        folders = Shared(layout, release, steps_of(release))
        folders.lead(shared, modules)
        Static(release, folders, steps_of(release), group).publish(static, modules)
        origins = {
            os.stat(path).st_ino: os.path.relpath(path, release.path) for path in files(release.src, release.venv)
        }
        return {
            os.path.relpath(path, release.public): os.readlink(path)
            if os.path.islink(path)
            else origins[os.stat(path).st_ino]
            for path in files(release.public)
        }

    return published


def files(*tops):
    """Paths of all files and links below."""
    return [
        path
        for top in tops
        for folder, folders, names in os.walk(top)
        for path in (os.path.join(folder, name) for name in folders + names)
        if os.path.islink(path) or os.path.isfile(path)
    ]


@pytest.mark.parametrize(
    ("file", "modules"),
    [
        ("src/hello/static/a.css", ["hello"]),
        ("src/src/hello/static/a.css", ["hello"]),
        (f"{SITE_PACKAGES}/hello/static/a.css", ["hello"]),
        ("src/hello/web/static/a.css", ["hello.web", "hello"]),
        ("src/hello/static/a.css", ["hello.web", "hello"]),
    ],
)
def test_the_apps_own_static_folder_is_found(folders, published, file, modules):
    assert published(folders(file), modules=modules) == {"static/a.css": file}


def test_the_static_folder_beside_a_single_module_is_found(folders, published):
    release = folders("src/wsgi.py", "src/static/a.css")
    assert published(release, modules=["wsgi"]) == {"static/a.css": "src/static/a.css"}


def test_no_static_folder_is_no_fault(folders, published):
    assert published(folders(), modules=["hello"]) == {}


def test_prefixes_lead_to_the_tree_to_packages_and_to_shared_folders(layout, folders, published):
    static = {"/static/": "web/dist", "/admin/static/": "package:flask_admin/static", "/media/": "shared:uploads"}
    release = folders("src/web/dist/a.js", f"{SITE_PACKAGES}/flask_admin/static/a.js")
    assert published(release, static) == {
        "static/a.js": "src/web/dist/a.js",
        "admin/static/a.js": f"{SITE_PACKAGES}/flask_admin/static/a.js",
        "media": f"{HOME}/shared/uploads",
    }
    assert os.path.isdir(f"{layout.shared}/uploads")


def test_protected_folders_lie_apart(layout, folders, steps_of):
    release = folders("src/reports/a.pdf")
    steps = steps_of(release)
    static = Static(release, Shared(layout, release, steps), steps, "")
    static.protect({"/internal/reports/": "reports", "/paid/": "shared:paid"})
    assert {path: os.readlink(f"{release.protected}/{path}") for path in ("internal/reports", "paid")} == {
        "internal/reports": "../../src/reports",
        "paid": f"{HOME}/shared/paid",
    }
    assert not files(release.public)


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
