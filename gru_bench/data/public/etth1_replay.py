"""Hourly loads of an electricity transformer (ETTh1) with faults: for days a meter shows what it showed a week before.

The published series has no labels. A replayed meter has the values, the steps and the daily course of a real one; only
what it has to do with the other meters is wrong, so that no threshold on a column finds it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gru_bench.data.labelled_series.labelled_series import (
    LabelledSeries,
    make_labelled_series,
    random_windows,
    windows,
)
from gru_bench.data.public.ett import CARDS
from gru_bench.data.public.public_series import load_public_series
from gru_bench.data.random import random_words
from gru_bench.data.source import gives
from gru_bench.validation import Natural, Positive

METERS = 6  # columns of loads; the last one is the temperature of the oil
WEEK = 7 * 24  # rows
LENGTHS, GAPS = (24, 73), (120, 241)  # rows of an anomalous window, normal rows before it


@gives("labelled_series")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    context: Positive = 96,
    horizon: Positive = 1,
    season: Positive | None = None,
    seed: Natural = 0,
) -> LabelledSeries:
    """Load all seven columns, 12/4/4 months; in windows of the test rows one of the six meters is replayed.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        context: rows that are read before a forecast, at least.
        horizon: rows that are forecast.
        season: period of the seasonal-naive forecast; None: a day.
        seed: of the windows and the meters, independent of the seed of the run.

    Raises:
        DataError: the file is missing or damaged.
    """
    series = load_public_series(
        CARDS["etth1"], mirror, cache, targets=None, context=context, horizon=horizon, season=season, calendar=False
    )
    start, end = series.splits["test"]
    anomalous = np.zeros(end, bool)
    anomalous[start:] = random_windows(end - start, LENGTHS, GAPS, (seed, 0))
    values, faults = series.values.copy(), windows(anomalous)
    for (first, last), word in zip(faults, random_words((seed, 1), len(faults)), strict=True):
        meter = word % METERS
        values[first:last, meter] = series.values[first - WEEK : last - WEEK, meter]
    series = replace(series, values=values)
    name = "etth1_replay"
    return make_labelled_series({name: series}, {name: anomalous}, facts={"data_seed": seed})
