"""Make the apps' trees in .cache/deploy/HOST: the sample app with trial.py around it, which can be told to fail.

trees.py HOST...
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[2]
MADE = ROOT / ".cache" / "deploy"
REQUIREMENTS = tomllib.loads((ROOT / "sample_app/pyproject.toml").read_text(encoding="utf-8"))["project"][
    "dependencies"
]


def made(host: str, name: str) -> Path:
    """Where a host's tree of an app is: the tests of another host change theirs meanwhile."""
    return MADE / host / name


def make(host: str, name: str, fault: str = "", version: str = "1") -> None:
    """The tree of an app, in place of what it was; another ``version`` is another release."""
    tree = made(host, name)
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(ROOT / "sample_app" / "hello", tree / "hello", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests" / "deploy" / "apps" / "trial.py", tree)
    (tree / "fault").write_text(fault, encoding="utf-8")
    (tree / "version").write_text(version, encoding="utf-8")
    (tree / "requirements.txt").write_text("\n".join(REQUIREMENTS) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for host in sys.argv[1:]:
        for name in ("sync", "gthread", "gevent"):
            make(host, name)
