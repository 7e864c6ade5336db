"""Make the apps' trees in .cache/deploy: the sample app with trial.py around it, which can be told to fail."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MADE = ROOT / ".cache" / "deploy"


def make(name: str, fault: str = "", version: str = "1") -> Path:
    """The tree of an app, in place of what it was; another ``version`` is another release."""
    tree = MADE / name
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(ROOT / "sample_app" / "hello", tree / "hello", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests" / "deploy" / "apps" / "trial.py", tree)
    (tree / "fault").write_text(fault, encoding="utf-8")
    (tree / "version").write_text(version, encoding="utf-8")
    (tree / "requirements.txt").write_text("flask[async]>=3.1\n", encoding="utf-8")
    return tree


if __name__ == "__main__":
    for name in ("sync", "gthread", "gevent"):
        make(name)
