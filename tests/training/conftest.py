"""Fixtures of the tests of training."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The log, also where an earlier run in this process keeps its messages to itself."""
    logger = logging.getLogger("gru_bench")
    before, logger.propagate = logger.propagate, True
    yield caplog
    logger.propagate = before
