from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from trial import FULL, Trial

RESULTS = Path(__file__).resolve().parents[2] / ".cache" / "guarantees.jsonl"


@pytest.fixture
def trial(host, worker_class) -> Trial:
    """The app with this class of workers, which serves and around which all is in order."""
    trial = Trial(host, worker_class)
    assert trial.state() == []
    return trial


@pytest.fixture(scope="module")
def deployed(host) -> None:
    """The tree is what serves, whatever an earlier test left of it."""
    trial = Trial(host, "gthread")
    trial.change()
    assert trial.deploy().ok


@pytest.fixture
def worker_class() -> str:
    return "gthread"


@pytest.fixture
def record():
    """Add a row to a table of docs/guarantees.md: ``record(table, column=value)``."""

    def add(table: str, **cells) -> None:
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"table": table, "full": FULL, **cells}) + "\n")

    return add
