"""Make the apps' sources that are more than a folder, in .cache/shapes: a repository and archives. The same content every time."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

APPS = Path(__file__).resolve().parent / "apps"
MADE = Path(__file__).resolve().parents[2] / ".cache" / "shapes"
WHEN = "2026-01-01T00:00:00+0000"


def repository(app: Path) -> None:
    """A tag v1.2, and a commit after it whose app no longer loads."""
    folder = MADE / app.name
    shutil.copytree(app, folder, ignore=shutil.ignore_patterns("__pycache__"))

    def git(*words: str) -> None:
        person = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                  for what, value in (("NAME", "Shape"), ("EMAIL", "shape@example.com"), ("DATE", WHEN))}  # fmt: skip
        subprocess.run(["git", *words], cwd=folder, env={**os.environ, **person}, check=True, timeout=30)

    git("init", "--quiet", "--initial-branch=main")
    git("add", ".")
    git("commit", "--quiet", "--message=One")
    git("tag", "v1.2")
    (folder / "src" / "shape_project" / "__init__.py").write_text("raise SystemExit('not the tag')\n", encoding="utf-8")
    git("commit", "--quiet", "--all", "--message=Two")


def tarball(app: Path) -> None:
    """All in one folder, as source archives are, and its checksum beside it."""
    path = MADE / f"{app.name}.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(app, f"{app.name}-1.0", filter=lambda member: None if "__pycache__" in member.name else member)
    path.with_suffix(".sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest(), encoding="utf-8")


def zipped(app: Path) -> None:
    """The app in one folder of several."""
    with zipfile.ZipFile(MADE / f"{app.name}.zip", "w") as archive:
        archive.write(app / "app.py", "team/backend/app.py")
        archive.writestr("README", "The app is in team/backend.\n")


shutil.rmtree(MADE, ignore_errors=True)
MADE.mkdir(parents=True)
repository(APPS / "project")
tarball(APPS / "quotes")
zipped(APPS / "listed")
