"""Two oscillations, one locked to the other at twice its pace, and breaks of their phase as anomalies.

The pace wanders, so that no period comes again and a linear forecast of the noisy response has to follow it from
behind; only its lock to the drive, which is not linear, gives it away. In an anomalous window the response runs half a
period late: all values, steps and amplitudes stay as they were.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated

import numpy as np

from gru_bench.data.changes import normal
from gru_bench.data.data_set import SPLITS
from gru_bench.data.labelled_series.labelled_series import LabelledSeries, make_labelled_series, random_windows
from gru_bench.data.series.readings import Readings
from gru_bench.data.series.series import Rows, make_series
from gru_bench.data.source import gives
from gru_bench.validation import Natural, NonNegativeFloat, Positive, Range

Size = Annotated[int, Range(low=200, high=1_000_000)]

PERIOD = 28  # rows of the drive, on average
MEMORY, SPREAD = 0.97, 0.35  # of the wandering logarithm of the period: from row to row; at most to either side
ANGLE = np.pi / 4  # of the response while the drive begins its period
LENGTHS, GAPS = (60, 140), (350, 700)  # rows of an anomalous window, normal rows before it
DECIMALS = 6  # so that machines whose sines differ in the last bit agree


@gives("labelled_series")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    train_size: Size = 12_000,
    valid_size: Size = 2_000,
    test_size: Size = 6_000,
    drive_noise: NonNegativeFloat = 0.05,
    response_noise: NonNegativeFloat = 0.2,
    context: Positive = 64,
    horizon: Positive = 1,
    season: Positive | None = PERIOD,
    seed: Natural = 0,
) -> LabelledSeries:
    """Generate the two columns `drive` and `response`, split in order; only the test rows have anomalies.

    Args:
        mirror: unused.
        cache: unused.
        train_size: training rows.
        valid_size: validation rows.
        test_size: test rows.
        drive_noise: standard deviation of the noise of the drive, whose amplitude is 1.
        response_noise: the same of the response.
        context: rows that are read before a forecast, at least.
        horizon: rows that are forecast.
        season: period of the seasonal-naive forecast.
        seed: seed of the data, independent of the seed of the run.
    """
    rows = train_size + valid_size + test_size
    ends = np.cumsum([0, train_size, valid_size, test_size]).tolist()
    splits: dict[str, Rows] = dict(zip(SPLITS, itertools.pairwise(ends), strict=True))
    anomalous = np.zeros(rows, bool)
    anomalous[ends[2] :] = random_windows(test_size, LENGTHS, GAPS, (seed, 3))
    phase = _phase(rows, seed)
    clean = np.stack([np.sin(phase), np.sin(2 * phase + ANGLE + np.pi * anomalous)], axis=1)
    values = clean + np.array([drive_noise, response_noise]) * normal((rows, 2), (seed, 2))
    series = make_series(
        "phase_break",
        Readings(None, values.round(DECIMALS), np.zeros((rows, 0))),
        splits,
        targets=("drive", "response"),
        step=None,
        context=context,
        horizon=horizon,
        season=season,
        facts={"data_seed": seed},
    )
    return make_labelled_series({"phase_break": series}, {"phase_break": anomalous}, label_column="anomaly")


def _phase(rows: int, seed: int) -> np.ndarray:
    """Return the phase of the drive: the logarithm of its period wanders within bounds."""
    shocks = np.sqrt(1 - MEMORY**2) * normal((rows, 1), (seed, 1))[:, 0]
    pace, level = np.zeros(rows), 0.0
    for row, shock in enumerate(shocks.tolist()):
        level = MEMORY * level + shock
        pace[row] = level
    return np.cumsum(2 * np.pi / (PERIOD * np.exp(SPREAD * np.tanh(pace))))
