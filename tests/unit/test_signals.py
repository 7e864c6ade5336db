"""A run whose result no one is there to read ends."""

from __future__ import annotations

import contextlib
import os
import time

import pytest
from ansible_collections.slipway.flask.plugins.module_utils.signals import Interrupted, attended


def attend(seconds):
    with attended():
        time.sleep(seconds)


@contextlib.contextmanager
def result():
    """A pipe in place of standard output; closing its reading end is what a lost connection does."""
    kept, (reader, writer) = os.dup(1), os.pipe()
    os.dup2(writer, 1)
    try:
        yield reader
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(writer)


def test_a_run_whose_controller_is_gone_ends():
    with result() as reader:
        os.close(reader)
        with pytest.raises(Interrupted, match="the loss of its controller"):
            attend(5)


def test_a_run_whose_controller_waits_goes_on():
    with result() as reader:
        attend(0.7)
        os.close(reader)
        time.sleep(0.7)  # No longer looked after.
