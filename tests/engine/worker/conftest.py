"""What the worker's tests share."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def log_to_a_stream_that_lives() -> Iterator[None]:
    """A backend points Ultralytics' log at stderr, which under capture is closed with the test that loaded it."""
    yield
    for handler in logging.getLogger("ultralytics").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.stream = sys.__stderr__  # not setStream, which flushes the closed one
