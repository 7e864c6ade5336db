"""Make the checkout importable as ``ansible_collections.slipway.flask``, as Ansible itself sees it, and what tests share."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS), str(TESTS.parent / ".collections")]
