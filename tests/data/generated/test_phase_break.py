from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.generated.phase_break import GAPS, LENGTHS, load
from gru_bench.data.labelled_series.labelled_series import LabelledSeries, windows


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> LabelledSeries:
    return load(mirror=None, cache=tmp_path_factory.mktemp("cache"))


def test_only_test_rows_are_anomalous_in_windows_apart(data: LabelledSeries):
    series, anomalous = data.members["phase_break"], data.anomalous["phase_break"]
    assert series.splits == {"train": (0, 12_000), "valid": (12_000, 14_000), "test": (14_000, 20_000)}
    runs = windows(anomalous)
    assert len(runs) == 10
    assert all(LENGTHS[0] <= end - start < LENGTHS[1] for start, end in runs)
    assert min(start for start, _ in runs) >= 14_000 + GAPS[0]
    assert data.facts["anomalous_windows"] == {"phase_break": 10}


def test_no_threshold_on_values_or_steps_tells_a_break(data: LabelledSeries):
    values, anomalous = data.members["phase_break"].values, data.anomalous["phase_break"]
    normal, broken = values[14_000:][~anomalous[14_000:]], values[anomalous]
    for share in (0.02, 0.25, 0.5, 0.75, 0.98):
        assert np.abs(np.quantile(normal, share, axis=0) - np.quantile(broken, share, axis=0)).max() < 0.25
    assert np.abs(broken).max() <= np.abs(values[:14_000]).max()


def test_the_response_changes_its_sign_in_a_break_and_nothing_else(tmp_path: Path):
    """Without noise, the drive fixes the response but for its sign: sin(2p + pi/4) = (2 s c + 1 - 2 s^2) / sqrt(2)."""
    clean = load(mirror=None, cache=tmp_path, drive_noise=0.0, response_noise=0.0)
    values, anomalous = clean.members["phase_break"].values, clean.anomalous["phase_break"]
    sine, response = values.T
    cosine = np.sqrt(np.maximum(1 - sine**2, 0)) * np.sign(np.gradient(sine))
    expected = (2 * sine * cosine + 1 - 2 * sine**2) / np.sqrt(2) * np.where(anomalous, -1, 1)
    assert np.quantile(np.abs(response - expected), 0.95) < 1e-5


def test_another_seed_is_another_series(data: LabelledSeries, tmp_path: Path):
    again, other = (load(mirror=None, cache=tmp_path, seed=seed) for seed in (0, 1))
    assert again.facts["digest"] == data.facts["digest"] != other.facts["digest"]
