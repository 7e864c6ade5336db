"""Static files laid out for Nginx, in folders of the test's own."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from ansible_collections.slipway.flask.plugins.module_utils import assets
from ansible_collections.slipway.flask.plugins.module_utils.layout import Layout

TEXT = "body { margin: 0 }\n" * 100


def write(top: Path, **files: str) -> Path:
    for name, text in files.items():
        path = top / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return top


def there(top: Path) -> list[str]:
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir())


def brotli(path: str) -> bytes:
    return b"brotli of " + os.path.basename(path).encode()


def laid_out(source: Path, target: Path, before: str = "", brotli=brotli) -> list[str]:
    assets.lay_out(str(source), str(target), before, brotli)
    return there(target)


def test_compressed_forms_stand_beside_a_file_and_not_in_the_app_s_tree(tmp_path):
    source = write(tmp_path / "src", css__a_css=TEXT)
    assert laid_out(source, tmp_path / "public") == ["css/a.css", "css/a.css.br", "css/a.css.gz"]
    assert gzip.decompress((tmp_path / "public/css/a.css.gz").read_bytes()).decode() == TEXT
    assert there(source) == ["css/a.css"]


def test_a_compressed_form_has_the_time_of_its_file(tmp_path):
    source = write(tmp_path / "src", a_css=TEXT)
    os.utime(source / "a.css", (1, 1))
    laid_out(source, tmp_path / "public")
    assert (tmp_path / "public/a.css.gz").stat().st_mtime == 1


def test_a_host_without_brotli_has_gzip_alone(tmp_path):
    source = write(tmp_path / "src", a_css=TEXT)
    assert laid_out(source, tmp_path / "public", brotli=None) == ["a.css", "a.css.gz"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("a_css", "small", id="small"),
        pytest.param("a_png", TEXT, id="compressed already"),
        pytest.param("a_css", os.urandom(2000).hex()[:1024], id="gains nothing"),
    ],
)
def test_what_gains_nothing_is_left_as_it_is(tmp_path, name, text, monkeypatch):
    monkeypatch.setattr(assets.gzip, "compress", lambda content, level, mtime: content)
    source = write(tmp_path / "src", **{name: text})
    assert laid_out(source, tmp_path / "public", brotli=None) == [name.replace("_", ".")]


def test_what_the_app_compressed_itself_is_kept(tmp_path):
    source = write(tmp_path / "src", a_css=TEXT, a_css_gz="its own")
    assert laid_out(source, tmp_path / "public") == ["a.css", "a.css.br", "a.css.gz"]
    assert (tmp_path / "public/a.css.gz").read_text() == "its own"


def test_a_link_leads_where_it_led(tmp_path):
    source = write(tmp_path / "src", a_css=TEXT)
    (tmp_path / "uploads").mkdir()
    (source / "b.css").symlink_to("a.css")
    (source / "up").symlink_to("../uploads")
    laid_out(source, tmp_path / "public/static")
    assert (tmp_path / "public/static/b.css").resolve() == source / "a.css"
    assert (tmp_path / "public/static/up").resolve() == tmp_path / "uploads"


def test_what_did_not_change_is_not_compressed_again(tmp_path):
    old, new = write(tmp_path / "old", a_css=TEXT, b_css=TEXT), write(tmp_path / "new", a_css=TEXT, b_css=TEXT + "new")
    laid_out(old, tmp_path / "before")
    asked = []
    laid_out(new, tmp_path / "public", str(tmp_path / "before"), lambda path: asked.append(path) or brotli(path))
    assert asked == [str(tmp_path / "public/b.css")]
    same = {
        name: (tmp_path / "public" / name).samefile(tmp_path / "before" / name) for name in there(tmp_path / "public")
    }
    assert same == {name: name.startswith("a") for name in same}


# The files of all releases


@pytest.fixture
def layout(tmp_path) -> Layout:
    return Layout("hello", str(tmp_path))


def release(layout: Layout, name: str, built: int, **files: str) -> None:
    path = write(
        Path(layout.release(name)), release_json="{}", **{f"public__{file}": text for file, text in files.items()}
    )
    os.utime(path / "release.json", (built, built))


def test_the_files_of_all_releases_are_in_one_folder_the_newest_s_where_they_differ(layout):
    release(layout, "old", 1, a_1_css="old", logo_svg="old")
    release(layout, "new", 2, a_2_css="new", logo_svg="new")
    assets.gather(layout)
    union = Path(layout.assets)
    assert {name: (union / name).read_text() for name in there(union)} == {
        "a.1.css": "old",
        "a.2.css": "new",
        "logo.svg": "new",
    }


def test_files_that_no_release_has_are_gone(layout):
    release(layout, "old", 1, css__a_1_css="old")
    assets.gather(layout)
    os.unlink(f"{layout.release('old')}/release.json")
    release(layout, "new", 2, a_2_css="new")
    assets.gather(layout)
    assert there(Path(layout.assets)) == ["a.2.css"] and os.listdir(layout.assets) == ["a.2.css"]


def test_the_release_that_is_about_to_be_complete_counts(layout):
    release(layout, "old", 1, a_css="old")
    write(Path(layout.release("new")), public__a_css="new")
    assets.gather(layout, "new")
    assert Path(layout.assets, "a.css").read_text() == "new"


def test_a_second_time_changes_nothing(layout):
    release(layout, "old", 1, css__a_css="old")
    assets.gather(layout)
    before = os.stat(f"{layout.assets}/css").st_mtime_ns
    assets.gather(layout)
    assert os.stat(f"{layout.assets}/css").st_mtime_ns == before


def test_what_is_a_file_in_one_release_and_a_folder_in_another_is_a_folder(layout):
    release(layout, "old", 1, a="old")
    assets.gather(layout)
    release(layout, "new", 2, a__b_css="new")
    assets.gather(layout)
    assert there(Path(layout.assets)) == ["a/b.css"]
    release(layout, "newest", 3, a="newest")
    assets.gather(layout)
    assert there(Path(layout.assets)) == ["a/b.css"]


def test_shared_folders_are_left_out(layout):
    release(layout, "old", 1, a_css="old")
    os.symlink("/etc", f"{layout.release('old')}/public/media")
    assets.gather(layout)
    assert there(Path(layout.assets)) == ["a.css"]


def test_what_is_made_can_be_read_whatever_the_umask_is(tmp_path):
    source, before = write(tmp_path / "src", css__a_css=TEXT), os.umask(0o077)
    try:
        laid_out(source, tmp_path / "public/static")
        assets.unite([str(tmp_path / "public")], str(tmp_path / "assets"))
    finally:
        os.umask(before)
    for path in ("public", "public/static/css", "assets", "assets/static/css"):
        assert (tmp_path / path).stat().st_mode & 0o777 == 0o755, path
