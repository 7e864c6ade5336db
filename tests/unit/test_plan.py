"""How an app is installed: the steps that its requirements and its project lead to, and the version that git knows."""

from __future__ import annotations

import re

import pytest
from ansible_collections.slipway.flask.plugins.plugin_utils.plan import plan_of, requirements_of, scm_version
from ansible_collections.slipway.flask.plugins.plugin_utils.tree import SourceError
from packaging.version import Version

BUILDABLE = '[build-system]\nrequires = ["setuptools"]\n'
PROJECT = '[project]\nname = "hello"\nversion = "1"\ndependencies = ["flask"]\noptional-dependencies.pg = ["psycopg"]\n'
DYNAMIC = '[project]\nname = "hello"\ndynamic = ["optional-dependencies"]\n'
PLAIN, LOCKED = "flask\n", "flask==3.1.0 \\\n    --hash=sha256:00\n"


def project(extras=(), deps=True):
    return {"project": ".", "extras": list(extras), "deps": deps}


@pytest.mark.parametrize(
    ("files", "asked", "expected"),
    [
        ({}, {}, []),
        ({"requirements.txt": PLAIN}, {}, [{"requirements": "requirements.txt", "hashes": False}]),
        ({"requirements.txt": LOCKED}, {}, [{"requirements": "requirements.txt", "hashes": True}]),
        (
            {"a.txt": PLAIN, "b.lock": LOCKED},
            {"files": ["a.txt", "b.lock"]},
            [{"requirements": "a.txt", "hashes": False}, {"requirements": "b.lock", "hashes": True}],
        ),
        ({"setup.py": ""}, {}, [project()]),
        ({"pyproject.toml": BUILDABLE, "requirements.txt": PLAIN}, {}, [project()]),
        (
            {"pyproject.toml": BUILDABLE, "a.lock": LOCKED, "b.txt": PLAIN},
            {"files": ["a.lock", "b.txt"]},
            [
                {"requirements": "a.lock", "hashes": True},
                {"requirements": "b.txt", "hashes": False},
                project(deps=False),
            ],
        ),
        ({"pyproject.toml": PROJECT + BUILDABLE}, {"extras": ["pg"]}, [project(["pg"])]),
        ({"pyproject.toml": DYNAMIC + BUILDABLE}, {"extras": ["pg"]}, [project(["pg"])]),
        ({"setup.py": ""}, {"extras": ["pg"]}, [project(["pg"])]),
        ({"pyproject.toml": PROJECT}, {}, [{"packages": ["flask"]}]),
        ({"pyproject.toml": PROJECT}, {"extras": ["pg"]}, [{"packages": ["flask", "psycopg"]}]),
        (
            {"pyproject.toml": PROJECT, "requirements.txt": LOCKED},
            {},
            [{"requirements": "requirements.txt", "hashes": True}],
        ),
        ({"pyproject.toml": PROJECT + BUILDABLE}, {"project": "dependencies"}, [{"packages": ["flask"]}]),
        (
            {"pyproject.toml": PROJECT + BUILDABLE, "requirements.txt": PLAIN},
            {"project": "none"},
            [{"requirements": "requirements.txt", "hashes": False}],
        ),
        ({"setup.py": ""}, {"packages": ["redis"]}, [{"packages": ["redis"]}, project()]),
        ({"pyproject.toml": "[tool.ruff]\n"}, {}, []),
        ({"setup.py": ""}, {"files": None, "packages": None, "extras": None, "project": None}, [project()]),
    ],
    ids=[
        *("nothing", "requirements.txt", "locked", "named files", "setup.py", "built", "built with a lock"),
        *("extra", "dynamic extra", "setup.py's extra", "dependencies", "dependencies with an extra"),
        *(
            "lock instead of dependencies",
            "dependencies asked for",
            "no project",
            "packages",
            "tools only",
            "empty keys",
        ),
    ],
)
def test_plan(files, asked, expected):
    assert plan_of(files, asked) == expected


@pytest.mark.parametrize(
    ("files", "asked", "says"),
    [
        (
            {"dev.txt": "", "base.in": "", "app.py": ""},
            {"files": ["prod.txt"]},
            "requirements.files: expected a file of the tree, found none called 'prod.txt'; there are: base.in, dev.txt",
        ),
        ({}, {"files": ["prod.txt"]}, "found none called 'prod.txt'; there are: none"),
        ({"pyproject.toml": PROJECT + BUILDABLE}, {"extras": ["pg", "my"]}, "extras: expected some of pg, found my"),
        ({"pyproject.toml": DYNAMIC}, {"extras": ["pg"]}, "requirements.extras: expected some of none, found pg"),
        ({"pyproject.toml": PROJECT}, {"project": "install"}, "expected a pyproject.toml with [build-system]"),
        ({"setup.py": ""}, {"project": "dependencies"}, "expected a pyproject.toml with [project], found none"),
        ({"pyproject.toml": "[project"}, {}, "source: expected a valid pyproject.toml, found: "),
    ],
    ids=["missing file", "no files", "extra", "dynamic extra", "not buildable", "no dependencies", "not TOML"],
)
def test_no_plan(files, asked, says):
    with pytest.raises(SourceError, match=re.escape(says)):
        plan_of(files, asked)


INCLUDES = [
    "-r other",
    "-rother",
    "--requirement other",
    "--requirement=other",
    "-c other",
    "--constraint 'other' # why",
]


@pytest.mark.parametrize("include", INCLUDES)
def test_an_included_file_that_is_locked_locks_the_whole(include):
    files = {"setup.py": "", "requirements/main.txt": f"flask\n{include}\n", "requirements/other": LOCKED}
    assert plan_of(files, {"files": ["requirements/main.txt"]}) == [
        {"requirements": "requirements/main.txt", "hashes": True},
        project(deps=False),
    ]


@pytest.mark.parametrize("include", INCLUDES)
def test_an_included_file_must_be_there(include):
    with pytest.raises(SourceError) as raised:
        plan_of({"requirements.txt": f"flask\n\n{include}\n"}, {})
    assert str(raised.value) == (
        "requirements.files: requirements.txt, line 3: expected a file of the tree, found 'other', which is not there; "
        "there are: requirements.txt"
    )


@pytest.mark.parametrize("path", ["/etc/other", "../other", "deep/../../other", "file:///etc/other"])
def test_an_included_file_lies_in_the_tree(path):
    says = f"requirements.txt, line 1: expected a file of the tree, found '{path}', which "
    with pytest.raises(SourceError, match=re.escape(says)):
        plan_of({"requirements.txt": f"-r {path}"}, {})


def test_an_included_file_must_be_there_behind_a_lock_too():
    with pytest.raises(SourceError, match=re.escape("requirements.txt, line 3: ")):
        plan_of({"requirements.txt": LOCKED + "-r other"}, {})


def test_the_fault_of_a_file_deeper_down_is_named_there():
    files = {"requirements.txt": "-r deep/a.txt", "deep/a.txt": "-c ../b.txt", "b.txt": "flask\n-r ../c.txt"}
    with pytest.raises(SourceError, match=re.escape("b.txt, line 2: expected a file of the tree, found '../c.txt'")):
        plan_of(files, {})


@pytest.mark.parametrize(
    "text",
    ["# -r none", "flask # -r none", "-r requirements.txt", "-r  https://example.com/x.txt", "# use --hash=", "-e ."],
    ids=["comment", "comment behind", "itself", "address", "hash in a comment", "another option"],
)
def test_what_includes_nothing_of_the_tree(text):
    assert plan_of({"requirements.txt": text}, {}) == [{"requirements": "requirements.txt", "hashes": False}]


# Versions that come from git


@pytest.mark.parametrize(
    ("describe", "version"),
    [
        ("v1.2.3-0-gabc1234", "1.2.3"),
        ("v1.2.3-4-gabc1234", "1.2.4.dev4+gabc1234"),
        ("1.2-4-gabc1234", "1.3.dev4+gabc1234"),
        ("1.2.3rc1-2-gabc1234", "1.2.3rc2.dev2+gabc1234"),
        ("1.2.3-rc1-0-gabc1234", "1.2.3rc1"),
        ("1.2.3.post1-0-gabc1234", "1.2.3.post1"),
        ("1.3.dev0-5-gabc1234", "1.3.dev5+gabc1234"),
        ("app2-1.0-0-gabc1234", "1.0"),
        ("release/2024.01-0-gabc1234", "2024.1"),
        ("v1.2.3-4-gabc1234-dirty", "1.2.4.dev4+gabc1234.dirty"),
        ("v1.2.3-0-gabc1234-dirty", "1.2.4.dev0+gabc1234.dirty"),
        ("stable2-0-gabc1234", ""),
        ("abc1234", ""),
        ("", ""),
    ],
)
def test_scm_version_is_what_setuptools_scm_documents(describe, version):
    assert scm_version(describe) == version
    assert not version or str(Version(version)) == version


# What decides whether an environment that is there suffices

SAME = {
    "a comment": {"requirements.txt": "-r base.txt  # ours\n"},
    "other files": {"app.py": "x = 1\n", "dev.txt": "pytest\n"},
    "the project's version": {"pyproject.toml": PROJECT.replace('"1"', '"2"')},
}
OTHER = {
    "a file's line": {"requirements.txt": "-r base.txt\nattrs\n"},
    "an included file's line": {"base.txt": "flask>=3\n"},
    "uv's settings": {"pyproject.toml": '[tool.uv]\nconstraint-dependencies = ["attrs<25"]\n'},
    "uv's own file": {"uv.toml": "prerelease = 'allow'\n"},
}


@pytest.mark.parametrize(
    ("change", "same"),
    [*((change, True) for change in SAME.values()), *((change, False) for change in OTHER.values())],
    ids=[*SAME, *OTHER],
)
def test_what_is_asked_for(change, same):
    files = {"requirements.txt": "-r base.txt\n", "base.txt": "flask\n", "pyproject.toml": PROJECT}
    plan = [{"requirements": "requirements.txt", "hashes": False}]
    assert (requirements_of(files, plan) == requirements_of({**files, **change}, plan)) == same
