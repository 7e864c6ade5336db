"""The controller's half of a release: any source becomes one checked archive and a plan to install it."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
import tarfile
import zipfile

import pytest
from ansible_collections.slipway.flask.plugins.plugin_utils import source, tree
from ansible_collections.slipway.flask.plugins.plugin_utils.tree import Entry, SourceError, digest, pack

APP = {"app.py": "app = 1\n", "static/site.css": "a {}\n"}


@pytest.fixture(autouse=True)
def no_git_settings(monkeypatch):
    """No git settings of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def prepare(tmp_path):
    """Prepare a source in a run of its own; relative paths are looked for in ``tmp_path``."""
    runs = iter(range(100))

    def prepare(requirements=None, **keys):
        return source.prepare(keys, requirements or {}, str(tmp_path), str(tmp_path / f"run{next(runs)}"))

    return prepare


@pytest.fixture
def refused(prepare):
    """The message that refuses a source."""

    def refused(**keys):
        with pytest.raises(SourceError) as raised:
            prepare(**keys)
        return str(raised.value)

    return refused


def fill(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def git(folder, *words):
    identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.com"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder, files):
    fill(folder, files)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "x")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, APP)
    return folder


def members(prepared):
    """Names and texts of what would be sent, a link as the path it leads to."""
    with tarfile.open(prepared["archive"]) as tar:
        return {m.name: m.linkname if m.issym() else tar.extractfile(m).read().decode() for m in tar}


def headers(prepared):
    with tarfile.open(prepared["archive"]) as tar:
        return {(m.name, oct(m.mode), m.mtime, m.uid, m.gid, m.uname, m.gname) for m in tar}


def tar_of(path, *members):
    """A tar archive of members, each a name with either a text or the header's fields."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            fields = content if isinstance(content, dict) else {"size": len(content)}
            for key, value in fields.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(b"" if isinstance(content, dict) else content.encode()))
    return str(path)


def zip_of(path, *members):
    """A zip archive of members, each a name with its text and, if need be, its Unix mode."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content, *mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = (mode[0] if mode else 0o100644) << 16
            archive.writestr(info, content)
    return str(path)


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


# Which source


@pytest.mark.parametrize(
    ("keys", "found"),
    [({}, "none"), ({"path": "a", "git": "b"}, "path, git"), ({"path": "", "package": None}, "none")],
    ids=["nothing", "two", "empty"],
)
def test_a_source_is_of_one_kind(refused, keys, found):
    assert refused(**keys) == f"source: expected one of path, git, archive and package, found {found}"


def test_a_package_needs_no_archive(prepare):
    assert prepare(package="hello==1.2", requirements={"packages": ["redis"]}) == {
        "kind": "package",
        "describe": "hello==1.2",
        "requirement": "hello==1.2",
        "requirements": "",
        "digest": "",
        "archive": "",
        "scm_version": "",
        "plan": [{"packages": ["redis"]}],
    }


def test_a_run_reads_a_source_once(tmp_path):
    fill(tmp_path / "app", APP)
    arguments = ({"path": "app"}, {}, str(tmp_path), str(tmp_path / "cache"))
    first = source.prepare(*arguments)
    fill(tmp_path / "app", {"app.py": "changed"})
    assert source.prepare(*arguments) == first
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


def test_every_kind_of_source_gives_the_same_tree(prepare, tmp_path, repository):
    fill(tmp_path / "plain", APP)
    made = [
        prepare(path="plain"),
        prepare(path="repository"),
        prepare(git="repository", version="main"),
        prepare(archive=tar_of(tmp_path / "a.tar.gz", *APP.items())),
        prepare(archive=zip_of(tmp_path / "a.zip", *APP.items())),
    ]
    assert [one["kind"] for one in made] == ["path", "path", "git", "archive", "archive"]
    assert all(members(one) == APP for one in made)
    assert len({one["digest"] for one in made}) == len({sha256(one["archive"]) for one in made}) == 1


# The archive that goes to the hosts


def test_only_content_decides_the_bytes(prepare, tmp_path):
    fill(tmp_path / "one", APP)
    fill(tmp_path / "two", dict(reversed(APP.items())))
    for path in (tmp_path / "two").rglob("*.*"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    os.link(tmp_path / "two/app.py", tmp_path / "another_name_of_it")
    one, two = prepare(path="one"), prepare(path="two")
    assert sha256(one["archive"]) == sha256(two["archive"]) and one["digest"] == two["digest"]
    assert headers(one) == {(name, "0o644", 0, 0, 0, "", "") for name in APP}


@pytest.mark.parametrize(
    "changed",
    [
        {"a": Entry(b"2"), "l": Entry(b"", target="a")},
        {"a": Entry(b"1", executable=True), "l": Entry(b"", target="a")},
        {"a": Entry(b"1"), "l": Entry(b"", target="b")},
        {"a": Entry(b"1"), "m": Entry(b"", target="a")},
        {"a": Entry(b"1")},
    ],
    ids=["content", "executable bit", "link's target", "name", "one less"],
)
def test_a_change_of_content_is_another_digest(changed):
    before = {"a": Entry(b"1"), "l": Entry(b"", target="a")}
    assert digest(changed) != digest(before) and pack(changed) != pack(before)
    assert digest(dict(reversed(before.items()))) == digest(before)


# A folder


def test_executable_bits_and_links_are_kept(prepare, tmp_path):
    fill(tmp_path / "app", {"run.sh": "", "deep/x": ""})
    (tmp_path / "app/run.sh").chmod(0o700)
    (tmp_path / "app/deep/up").symlink_to("../run.sh")
    (tmp_path / "app/folder").symlink_to("deep")
    prepared = prepare(path="app")
    assert members(prepared) == {"run.sh": "", "deep/x": "", "deep/up": "../run.sh", "folder": "deep"}
    assert ("run.sh", "0o755") in {header[:2] for header in headers(prepared)}


@pytest.mark.parametrize("is_checkout", [False, True], ids=["plain folder", "git checkout"])
@pytest.mark.parametrize(
    "name", [*(f"sub/{name}/x" for name in sorted(source.LEFT_OUT - {".git"})), "old.pyc", "sub/old.pyo"]
)
def test_what_is_never_part_of_an_app_is_left_out(prepare, tmp_path, is_checkout, name):
    folder = fill(tmp_path / "app", {**APP, name: ""})
    if is_checkout:
        git(folder, "init", "--quiet")
    assert members(prepare(path="app")) == APP


@pytest.mark.parametrize(
    ("pattern", "left_out"),
    [
        ("*.sqlite", {"a.sqlite", "data/b.sqlite"}),
        ("data/", {"data/b.sqlite", "data/deep/c"}),
        ("deep", {"data/deep/c"}),
        ("data/b*", {"data/b.sqlite"}),
        ("dat", set()),
    ],
)
def test_excluded_files_are_left_out(prepare, tmp_path, pattern, left_out):
    files = dict.fromkeys(["a.sqlite", "data/b.sqlite", "data/deep/c", "app.py"], "")
    fill(tmp_path / "app", files)
    assert set(files) - set(members(prepare(path="app", exclude=[pattern]))) == left_out


def test_what_git_ignores_is_left_out_and_what_it_does_not_know_yet_is_not(prepare, repository):
    fill(repository, {".gitignore": "*.env\n", "local.env": "secret", "new.py": "", "app.py": "changed\n"})
    (repository / "static/site.css").unlink()
    assert members(prepare(path="repository")) == {".gitignore": "*.env\n", "new.py": "", "app.py": "changed\n"}


def test_a_checkout_of_another_user_is_not_sent_with_what_it_ignores(refused, repository, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    fill(repository, {".gitignore": "*.env\n", "local.env": "secret"})
    assert "write git config --global --add safe.directory FOLDER" in refused(path="repository")


def test_a_folder_that_an_outer_checkout_ignores_is_a_plain_folder(prepare, repository):
    fill(repository, {".gitignore": "apps\n", "apps/hello/app.py": ""})
    assert members(prepare(path="repository/apps/hello")) == {"app.py": ""}


def test_a_part_of_a_checkout_is_a_tree_of_its_own(prepare, repository):
    assert members(prepare(path="repository/static")) == {"site.css": "a {}\n"}


def test_a_missing_folder_is_named(refused, tmp_path):
    assert refused(path="none") == f"source.path: expected a folder on this machine, found none at {tmp_path}/none"


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "sub/../../outside"])
def test_a_link_out_of_the_folder_is_refused(refused, tmp_path, target):
    fill(tmp_path / "app", APP)
    (tmp_path / "app/static/link").symlink_to(f"../{target}" if target[0] != "/" else target)
    assert "the link 'static/link' leads out of the tree" in refused(path="app")


def test_what_is_no_file_is_refused(refused, tmp_path):
    fill(tmp_path / "app", APP)
    os.mkfifo(tmp_path / "app/queue")
    assert "found queue, which is none of them; exclude it" in refused(path="app")


@pytest.mark.parametrize("is_checkout", [False, True], ids=["plain folder", "git checkout"])
def test_a_name_need_not_be_utf_8(prepare, tmp_path, is_checkout):
    name = os.fsdecode(b"caf\xe9.txt")
    folder = fill(tmp_path / "app", {name: ""})
    if is_checkout:
        git(folder, "init", "--quiet")
    assert members(prepare(path="app")) == {name: ""}


# git


@pytest.fixture
def history(repository):
    """Commits by name: ``v1`` is a tag, ``main`` a branch, ``both`` a tag and another commit's branch."""
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "v1")
    git(repository, "branch", "both")
    second = commit(repository, {"app.py": "app = 2\n"})
    git(repository, "tag", "--annotate", "--message", "x", "both")
    return {"v1": first, "main": second, "both": second, first: first, second[:10]: second}


@pytest.mark.parametrize("index", range(5), ids=["tag", "branch", "tag before branch", "commit", "short commit"])
def test_git_has_tags_branches_and_commits(prepare, history, index):
    version, expected = list(history.items())[index]
    prepared = prepare(git="repository", version=version)
    assert members(prepared)["app.py"] == ("app = 1\n" if expected == history["v1"] else "app = 2\n")
    assert prepared["describe"].endswith(f"repository {version} ({expected[:12]})")


def test_a_checkout_s_own_changes_are_not_in_git(prepare, repository):
    fill(repository, {"app.py": "not committed", "new.py": ""})
    assert members(prepare(git="repository", version="main")) == APP


def test_git_gives_what_a_checkout_would_hold(prepare, repository):
    marked = {".gitattributes": "a export-ignore\nb export-subst\n", "a": "a", "b": "$Format:%H$"}
    commit(repository, marked)
    assert members(prepare(git="repository", version="main")) == {**APP, **marked}


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"git": "repository"}, "source.version: expected a tag, a branch or a commit beside source.git, found none"),
        ({"git": "repository", "version": "v9"}, "found none called 'v9'"),
        ({"git": "repository", "version": "--help"}, "source.git and source.version must not begin with -"),
        ({"git": "--upload-pack=x", "version": "v1"}, "source.git and source.version must not begin with -"),
        ({"git": "none", "version": "v1"}, "source.git: none cannot be fetched: "),
        ({"git": "repository", "version": "main", "subdirectory": "docs"}, "source.subdirectory: expected a folder"),
    ],
    ids=["no version", "unknown version", "version is an option", "address is an option", "no repository", "no folder"],
)
def test_git_is_refused(refused, repository, keys, says):
    assert says in refused(**keys)


def test_an_unknown_version_is_unknown_to_the_next_host_too(tmp_path, repository):
    for _ in range(2):
        with pytest.raises(SourceError, match="found none called 'v9'"):
            source.prepare({"git": str(repository), "version": "v9"}, {}, "", str(tmp_path / "cache"))


def test_without_git_a_folder_will_do_and_a_repository_will_not(prepare, refused, repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert members(prepare(path="repository")) == APP
    assert "expected git on this machine, found none; install it" in refused(git="repository", version="main")


def test_a_password_is_in_no_message(refused):
    says = refused(git="file://me:pass@word@/none", version="v1")
    assert "pass" not in says and "word" not in says and "//***@/none" in says


# Archives


@pytest.mark.parametrize("make", [tar_of, zip_of], ids=["tar.gz", "zip"])
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["hello-1.0/app.py", "hello-1.0/pkg/x"], {"app.py", "pkg/x"}),
        (["./hello-1.0/app.py"], {"app.py"}),
        (["app.py", "pkg/x"], {"app.py", "pkg/x"}),
        (["app.py"], {"app.py"}),
        (["hello/app.py", "docs/x"], {"hello/app.py", "docs/x"}),
    ],
    ids=["one folder", "dot before it", "file beside it", "one file", "two folders"],
)
def test_a_single_top_folder_is_stripped(prepare, tmp_path, make, names, expected):
    archive = make(tmp_path / "archive", *((name, "text") for name in names))
    assert members(prepare(archive=archive)) == dict.fromkeys(expected, "text")


def test_a_subdirectory_holds_the_app(prepare, tmp_path):
    archive = tar_of(tmp_path / "a", ("top/web/app.py", "1"), ("top/docs/x", "2"))
    assert members(prepare(archive=archive, subdirectory="web/")) == {"app.py": "1"}


def test_a_zip_has_modes_and_links(prepare, tmp_path):
    members_of_it = [("run.sh", "#!", 0o100755), ("link", "run.sh", 0o120777), ("made_elsewhere.py", "", 0)]
    prepared = prepare(archive=zip_of(tmp_path / "a.zip", *members_of_it))
    assert members(prepared) == {"run.sh": "#!", "link": "run.sh", "made_elsewhere.py": ""}
    assert ("run.sh", "0o755") in {header[:2] for header in headers(prepared)}


def test_a_checksum_is_compared(prepare, refused, tmp_path):
    archive = tar_of(tmp_path / "a", *APP.items())
    assert members(prepare(archive=archive, sha256=sha256(archive).upper())) == APP
    assert f"source.sha256: expected {'0' * 64}, found {sha256(archive)}" in refused(archive=archive, sha256="0" * 64)


def test_an_address_is_fetched_and_its_password_not_shown(prepare, tmp_path, monkeypatch):
    archive = tar_of(tmp_path / "a", *APP.items())
    content = (tmp_path / "a").read_bytes()
    monkeypatch.setattr(source, "open_url", lambda url, timeout: io.BytesIO(content))
    prepared = prepare(archive="https://me:word@example.com/a.tgz", sha256=sha256(archive))
    assert members(prepared) == APP and prepared["describe"] == "https://***@example.com/a.tgz"


def test_an_address_needs_a_checksum(refused):
    says = refused(archive="https://me:word@example.com/a.tgz")
    assert says.startswith("source.sha256: expected the checksum of https://***@example.com/a.tgz, found none; write ")


def test_an_address_that_cannot_be_one_is_refused(refused):
    says = refused(archive="https://example.com/a b.tgz", sha256="0" * 64)
    assert says.startswith("source.archive: https://example.com/a b.tgz cannot be fetched: ")


def test_a_missing_archive_is_named(refused, tmp_path):
    assert refused(archive="none.zip").endswith(f"found none at {tmp_path}/none.zip")


def encrypted(path):
    zip_of(path, ("app.py", "text"))
    content = bytearray(path.read_bytes())
    # General purpose flags (bit 0: encrypted) of the local header and of the central one.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


def damaged(path):
    tar_of(path, ("app.py", "text" * 1000))
    content = path.read_bytes()
    path.write_bytes(content[:40] + bytes(byte ^ 0xFF for byte in content[40:60]) + content[60:])


def cut_short(path):
    tar_of(path, ("app.py", "text" * 1000))
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize("make", [lambda path: path.write_text("hello"), encrypted, damaged, cut_short])
def test_what_cannot_be_read_is_refused(refused, tmp_path, make):
    make(tmp_path / "a")
    assert refused(archive="a").startswith("source.archive: expected a tar or zip archive, found a: ")


LINK, HARD, DEVICE, FIFO = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE


@pytest.mark.parametrize(
    ("hostile", "says"),
    [
        ([("/etc/x", "")], "member '/etc/x' leads out of the tree"),
        ([("../x", "")], "member '../x' leads out of the tree"),
        ([("a/../../x", "")], "member 'a/../../x' leads out of the tree"),
        ([("a\\..\\x", "")], r"member 'a\\..\\x' leads out of the tree"),
        ([("bad", {"type": LINK, "linkname": "/etc/passwd"})], "the link 'bad' leads out of the tree"),
        ([("a/bad", {"type": LINK, "linkname": "../../x"})], "the link 'a/bad' leads out of the tree"),
        ([("bad", {"type": HARD, "linkname": "ok"})], "member 'bad' is neither a file, a folder nor a symbolic link"),
        ([("bad", {"type": DEVICE})], "member 'bad' is neither a file, a folder nor a symbolic link"),
        ([("bad", {"type": FIFO})], "member 'bad' is neither a file, a folder nor a symbolic link"),
        ([("bad", {"mode": 0o4755})], "member 'bad' is set-uid or set-gid"),
        ([("bad", {"mode": 0o2755})], "member 'bad' is set-uid or set-gid"),
        ([("ok", "again")], "member 'ok' is there twice"),
        ([("./a//b", ""), ("a/./b", "")], "member 'a/./b' is there twice"),
        ([("s", {"type": LINK, "linkname": "."}), ("s/x", "")], "'s/x' lies below 's', which is no folder"),
        ([("ok/x", "")], "'ok/x' lies below 'ok', which is no folder"),
    ],
    ids=[
        *("absolute", "up", "up again", "backslash", "link absolute", "link up", "hard link", "device", "fifo"),
        *("set-uid", "set-gid", "twice", "twice by two names", "below a link", "below a file"),
    ],
)
def test_a_hostile_tar_is_refused(refused, tmp_path, hostile, says):
    archive = tar_of(tmp_path / "a", ("ok", ""), *hostile)
    assert f"source.archive: {says}" in refused(archive=archive)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("hostile", "says"),
    [
        ([("/etc/x", "")], "member '/etc/x' leads out of the tree"),
        ([("../x", "")], "member '../x' leads out of the tree"),
        ([("bad", "/etc/passwd", 0o120777)], "the link 'bad' leads out of the tree"),
        ([("bad", "", 0o020644)], "member 'bad' is neither a plain file, a folder nor a symbolic link"),
        ([("bad", "", 0o104755)], "member 'bad' is neither a plain file, a folder nor a symbolic link"),
        ([("ok", "again")], "member 'ok' is there twice"),
        ([("s", ".", 0o120777), ("s/x", "")], "'s/x' lies below 's', which is no folder"),
    ],
    ids=["absolute", "up", "link out", "device", "set-uid", "twice", "below a link"],
)
def test_a_hostile_zip_is_refused(refused, tmp_path, hostile, says):
    archive = zip_of(tmp_path / "a.zip", ("ok", ""), *hostile)
    assert f"source.archive: {says}" in refused(archive=archive)


def test_a_link_within_the_archive_may_not_leave_its_top_folder(refused, tmp_path):
    archive = tar_of(tmp_path / "a", ("top/ok", ""), ("top/bad", {"type": LINK, "linkname": "../other"}))
    assert "source.archive: the link 'bad' leads out of the tree" in refused(archive=archive)


@pytest.mark.parametrize("make", [tar_of, zip_of], ids=["tar.gz", "zip"])
@pytest.mark.parametrize(
    ("bound", "value", "over"),
    [("MAX_MEMBERS", 2, "third"), ("MAX_BYTES", 2 << 20, "second")],
    ids=["count", "size"],
)
def test_a_bomb_is_refused_before_it_is_unpacked(refused, tmp_path, monkeypatch, make, bound, value, over):
    archive = make(tmp_path / "a", *((name, "x" * (3 << 19)) for name in ("first", "second", "third")))
    monkeypatch.setattr(tree, bound, value)
    says = refused(archive=archive)
    assert "source.archive: expected at most " in says and f"found more with '{over}'" in says


# The plan and the version of a whole tree


def test_a_plan_follows_links_and_any_name(prepare, tmp_path):
    fill(tmp_path / "app", {"locked/prod": "flask==3.1.0 --hash=sha256:00\n", "locked/main.lock": "-r prod"})
    (tmp_path / "app/requirements.txt").symlink_to("locked/main.lock")
    (tmp_path / "app/circle").symlink_to("circle")
    (tmp_path / "app/nowhere").symlink_to("none")
    (tmp_path / "app/prod").symlink_to("locked/prod")
    assert prepare(path="app")["plan"] == [{"requirements": "requirements.txt", "hashes": True}]


SCM = '[build-system]\nrequires = ["setuptools-scm"]\n'


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"pyproject.toml": SCM + '[project]\nname = "hello"\ndynamic = ["version"]\n'}, "1.1.dev1"),
        ({"setup.py": "setup(use_scm_version=True)"}, "1.1.dev1"),
        ({"setup.py": "setup(setup_requires=['pbr'], pbr=True)"}, "1.1.dev1"),
        ({"pyproject.toml": SCM + '[project]\nname = "hello"\nversion = "3"\n'}, ""),
        ({"setup.py": "setup(version='3')"}, ""),
    ],
    ids=["pyproject.toml", "setup.py", "pbr", "version of its own", "setup.py's own"],
)
@pytest.mark.parametrize(
    "keys", [{"path": "repository"}, {"git": "repository", "version": "main"}], ids=["path", "git"]
)
def test_a_project_that_wants_its_version_from_git_gets_it(prepare, repository, files, version, keys):
    git(repository, "tag", "v1.0")
    commit(repository, files)
    assert prepare(**keys)["scm_version"].partition("+")[0] == version


def test_a_mirror_is_not_left_behind(prepare, repository):
    folder = os.path.dirname(prepare(git="repository", version="main")["archive"])
    assert {name.partition(".")[2] for name in os.listdir(folder)} == {"lock", "json", "tar.gz"}
