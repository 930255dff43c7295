"""Fixtures that many tests share."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("gru_bench", deadline=None)  # a shared machine stalls now and then
hypothesis.settings.load_profile("gru_bench")


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real data files; tests that need it are skipped without it."""
    folder = os.environ.get("GRU_BENCH_MIRROR")
    if not folder:
        pytest.skip("GRU_BENCH_MIRROR is not set: no real data files")
    return Path(folder)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of this test session, so that every public set is prepared at most once."""
    return tmp_path_factory.mktemp("cache")
