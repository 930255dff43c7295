"""What the tests of claims share."""

from __future__ import annotations

from pathlib import Path

import pytest

from gru_bench.claims.report import report_claims
from tests.claims.experiments import write_everything


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of experiments with everything, and its report; tests only read it."""
    folder = tmp_path_factory.mktemp("experiments")
    write_everything(folder)
    report_claims(folder)
    return folder
