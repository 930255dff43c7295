"""Small series for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_bench.data.series.readings import Readings
from gru_bench.data.series.sampling import Step, Times
from gru_bench.data.series.series import Series, make_series

HOUR = Step("time", 3_600_000_000_000)
SPLITS = {"train": (0, 60), "valid": (60, 80), "test": (80, 100)}


def hours(rows: int) -> Times:
    """Return one time per hour from a Wednesday on."""
    return np.datetime64("2020-01-01T00", "ns") + np.arange(rows) * np.timedelta64(1, "h")


def walk(rows: int = 100, targets: int = 2, seed: int = 0) -> np.ndarray:
    """Return random walks of unlike sizes, of shape (rows, targets)."""
    steps = np.random.default_rng(seed).normal(size=(rows, targets))
    return np.cumsum(steps, axis=0) * np.arange(1, targets + 1) + 10 * np.arange(targets)


def small(values: np.ndarray | None = None, covariates: np.ndarray | None = None, **options: Any) -> Series:
    """Return a series of 100 hourly rows: 60 train, 20 valid, 20 test."""
    values = walk() if values is None else values
    covariates = np.zeros((len(values), 0)) if covariates is None else covariates
    settings: dict[str, Any] = {"context": 8, "horizon": 4, "season": 3, "step": HOUR, **options}
    return make_series(
        "small",
        Readings(hours(len(values)), values, covariates),
        SPLITS,
        targets=[f"y{number}" for number in range(values.shape[1])],
        covariates=[f"c{number}" for number in range(covariates.shape[1])],
        **settings,
    )
