"""Make the app's tree in .cache/fleet: the sample app with apps/picky.py around it, which can be told to fail on some hosts."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / ".cache" / "fleet" / "hello"


def make(*refuses: str) -> None:
    """Another release, in place of what the tree was, which is not ready on the named hosts."""
    project = tomllib.loads((ROOT / "sample_app/pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.rmtree(TREE, ignore_errors=True)
    shutil.copytree(ROOT / "sample_app" / "hello", TREE / "hello", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests" / "fleet" / "apps" / "picky.py", TREE)
    (TREE / "refuses").write_text(" ".join(refuses), encoding="utf-8")
    (TREE / "version").write_text(str(time.time_ns()), encoding="utf-8")
    packages = [*project["dependencies"], *project["optional-dependencies"]["cache"]]
    (TREE / "requirements.txt").write_text("\n".join(packages) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make()
