"""The Mackey-Glass series: a delay differential equation with a chaotic, bounded solution."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.data_set import SPLITS
from gru_bench.data.random import random_words
from gru_bench.data.series.readings import Readings
from gru_bench.data.series.series import Rows, Series, make_series
from gru_bench.data.source import gives
from gru_bench.validation import Natural, Positive, PositiveFloat, Range

Size = Annotated[int, Range(low=10, high=5_000_000)]
Delay = Annotated[int, Range(low=1, high=1000)]

PER_UNIT = 10  # Runge-Kutta steps per unit of time
TRANSIENT = 1000  # units of time before the first row


@gives("series")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    tau: Delay = 17,
    beta: PositiveFloat = 0.2,
    gamma: PositiveFloat = 0.1,
    train_size: Size = 10_000,
    valid_size: Size = 2_000,
    test_size: Size = 3_000,
    context: Positive = 64,
    horizon: Positive = 24,
    season: Positive | None = 50,
    seed: Natural = 0,
) -> Series:
    """Generate one trajectory, a row per unit of time, and split it in order.

    Args:
        mirror: unused.
        cache: unused.
        tau: the delay; chaotic from about 17 on.
        beta: strength of the delayed feedback.
        gamma: decay per unit of time.
        train_size: training rows.
        valid_size: validation rows.
        test_size: test rows.
        context: rows that are read.
        horizon: rows that are forecast.
        season: period of the seasonal-naive forecast; with tau 17 it is about 50 rows from peak to peak.
        seed: seed of the values before the first row, independent of the seed of the run.

    References: Mackey & Glass 1977, Oscillation and chaos in physiological control systems.
    """
    start = 0.5 + float(random_words((seed, 0), 1)[0] >> np.uint64(11)) / 2**53
    rows = train_size + valid_size + test_size
    values = solve(rows, start=start, tau=tau, beta=beta, gamma=gamma)
    ends = np.cumsum([0, train_size, valid_size, test_size]).tolist()
    splits: dict[str, Rows] = dict(zip(SPLITS, itertools.pairwise(ends), strict=True))
    return make_series(
        "mackey_glass",
        Readings(None, values[:, None], np.zeros((rows, 0))),
        splits,
        targets=("x",),
        step=None,
        context=context,
        horizon=horizon,
        season=season,
        facts={"data_seed": seed},
    )


def solve(rows: int, *, start: float, tau: int, beta: float, gamma: float) -> NDArray[np.float64]:
    """Return x at `rows` consecutive units of time, after a transient.

        dx/dt = beta x(t - tau) / (1 + x(t - tau)^10) - gamma x(t)

    Fourth-order Runge-Kutta with steps of 0.1; the delayed value at half a step is interpolated by a cubic. It uses
    only additions, products and quotients, so that this chaotic series is the same to the bit on every machine.

    Args:
        rows: number of rows.
        start: x before time 0.
        tau: the delay, in units of time.
        beta: strength of the delayed feedback.
        gamma: decay per unit of time.
    """
    step, delay = 1.0 / PER_UNIT, tau * PER_UNIT
    steps = (TRANSIENT + rows) * PER_UNIT
    past = [start] * (delay + 2)
    x = start

    def feedback(delayed: float) -> float:
        square = delayed * delayed
        fourth = square * square
        return beta * delayed / (1.0 + fourth * fourth * square)

    here = feedback(start)
    for now in range(steps):
        before, left, right, after = past[now : now + 4]  # left: `delay` steps ago
        middle = feedback((9.0 * (left + right) - before - after) / 16.0)
        there = feedback(right)
        k1 = here - gamma * x
        k2 = middle - gamma * (x + 0.5 * step * k1)
        k3 = middle - gamma * (x + 0.5 * step * k2)
        k4 = there - gamma * (x + step * k3)
        x += step / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        past.append(x)
        here = there
    return np.array(past[delay + 1 :: PER_UNIT])[TRANSIENT : TRANSIENT + rows]
