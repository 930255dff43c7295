"""How often the intervals and tests of gru_bench.results.statistics are right, on simulated pairs with known truth.

    python scripts/coverage.py

Every number is a share of `simulations`; docs/statistics.md shows the tables.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable

import numpy as np
import scipy
from jaxtyping import Float
from rich import box
from rich.console import Console
from rich.table import Table
from scipy.special import stdtrit
from scipy.stats import bootstrap

from gru_bench.arguments import run_command
from gru_bench.results.statistics import (
    Verdict,
    decide,
    evidence,
    holm_evidence,
    interquartile_mean_interval,
    mean_difference,
    probability_better,
    restricted_times,
)
from gru_bench.validation import Positive

PAIRS = (5, 10, 30)
Draw = Callable[[np.random.Generator, tuple[int, int]], Float[np.ndarray, "simulations pairs"]]
DIFFERENCES: dict[str, tuple[Draw, float]] = {  # what is drawn, and its true mean
    "normal": (lambda generator, shape: generator.normal(size=shape), 0.0),
    "heavy tails, t(3)": (lambda generator, shape: generator.standard_t(3, size=shape), 0.0),
    "skewed, exponential": (lambda generator, shape: generator.exponential(size=shape), 1.0),
}
NOISE = 0.02  # standard deviation of the simulated differences between arms
MARGIN = 0.05
TASKS, REAL = 8, 0.03
MEANS, LIMIT = (0.7, 1.0), 1.5  # of exponential times to a target; where they are cut


def coverage(*, seed: int = 0, simulations: Positive = 2000, resamples: Positive = 2000) -> None:
    """Measure the coverage of intervals, and how often verdicts are false, by simulation.

    Args:
        seed: of the generator
        simulations: experiments drawn for each number
        resamples: of each bootstrap
    """
    generator = np.random.default_rng(seed)
    console = Console(width=120)
    for table in (
        _means(generator, simulations, resamples),
        _others(generator, simulations, resamples),
        _verdicts(generator, simulations),
        _holm(generator, simulations),
    ):
        console.print(table)
    error = 100 * (0.05 * 0.95 / simulations) ** 0.5
    console.print(
        f"{simulations} simulations of {resamples} resamples, seed {seed}; standard error of 95 %: {error:.2f} points. "
        f"NumPy {np.__version__}, SciPy {scipy.__version__}, Python {platform.python_version()}."
    )


def _means(generator: np.random.Generator, simulations: int, resamples: int) -> Table:
    table = _table("95 % intervals of a mean difference hold the truth", "differences", "pairs")
    for name in ("percentile", "BCa", "expanded percentile (ours)", "Student t"):
        table.add_column(name, justify="right")
    for name, (draw, truth) in DIFFERENCES.items():
        for pairs in PAIRS:
            drawn = draw(generator, (simulations, pairs))
            plain = [_scipy(drawn, method, generator, resamples) for method in ("percentile", "BCa")]
            expanded = [mean_difference(row, generator, resamples=resamples) for row in drawn]
            means, errors = drawn.mean(axis=1), drawn.std(axis=1, ddof=1) / pairs**0.5
            held = [
                *(((low <= truth) & (truth <= high)).mean() for low, high in plain),
                np.mean([found.low <= truth <= found.high for found in expanded]),
                (np.abs(means - truth) <= stdtrit(pairs - 1, 0.975) * errors).mean(),
            ]
            table.add_row(name, str(pairs), *(f"{100 * share:.1f}" for share in held))
    return table


def _scipy(
    drawn: Float[np.ndarray, "simulations pairs"], method: str, generator: np.random.Generator, resamples: int
) -> tuple[Float[np.ndarray, " simulations"], Float[np.ndarray, " simulations"]]:
    found = bootstrap((drawn,), np.mean, axis=1, method=method, rng=generator, n_resamples=resamples, batch=100)
    return found.confidence_interval.low, found.confidence_interval.high


def _others(generator: np.random.Generator, simulations: int, resamples: int) -> Table:
    table = _table("other 95 % intervals hold the truth", "interval of", "truth")
    for pairs in PAIRS:
        table.add_column(f"{pairs} pairs", justify="right")
    for truth in (0.5, 0.8, 0.95):
        held = []
        for pairs in PAIRS:
            wins = np.where(generator.random((simulations, pairs)) < truth, 1.0, -1.0)
            found = [probability_better(row) for row in wins]
            held.append(np.mean([interval.low <= truth <= interval.high for interval in found]))
        table.add_row("probability of winning a pair", f"{truth:g}", *(f"{100 * share:.1f}" for share in held))
    first, second = MEANS
    truth = float(np.diff([mean * np.expm1(-LIMIT / mean) for mean in (first, second)])[0])
    held = []
    for pairs in PAIRS:
        times = [generator.exponential(mean, (simulations, pairs)) for mean in MEANS]
        cut = [[restricted_times(np.minimum(row, LIMIT), row <= LIMIT, LIMIT) for row in rows] for rows in times]
        found = [mean_difference(one - two, generator, resamples=resamples) for one, two in zip(*cut, strict=True)]
        held.append(np.mean([interval.low <= truth <= interval.high for interval in found]))
    table.add_row("difference of restricted mean times", f"{truth:.3f}", *(f"{100 * share:.1f}" for share in held))
    held = []
    for pairs in PAIRS:
        drawn = generator.normal(np.arange(-2, 3)[:, None], 1, (simulations, 5, pairs))  # symmetric: the IQM is 0
        found = [interquartile_mean_interval(list(tasks), generator, resamples=resamples) for tasks in drawn]
        held.append(np.mean([interval.low <= 0 <= interval.high for interval in found]))
    table.add_row("IQM over five tasks", "0", *(f"{100 * share:.1f}" for share in held))
    return table


def _verdicts(generator: np.random.Generator, simulations: int) -> Table:
    table = _table(f"verdicts, noise {NOISE:g}, margin {MARGIN:g}", "true difference", "pairs")
    for verdict in Verdict:
        table.add_column(verdict.value, justify="right")
    for truth in (0.0, 0.01, 0.03, MARGIN, 0.075):
        for pairs in PAIRS:
            drawn = generator.normal(truth, NOISE, (simulations, pairs))
            table.add_row(f"{truth:g}", str(pairs), *_shares([decide(evidence(row, margin=MARGIN)) for row in drawn]))
    return table


def _shares(found: list[Verdict]) -> list[str]:
    return [f"{100 * found.count(verdict) / len(found):.1f}" for verdict in Verdict]


def _holm(generator: np.random.Generator, simulations: int) -> Table:
    table = _table(f"{TASKS} tasks without a difference and one with {REAL:g}, noise {NOISE:g}", "pairs", "correction")
    for column in ("any of the eight better", "the ninth better"):
        table.add_column(column, justify="right")
    for pairs in PAIRS:
        drawn = generator.normal(0, NOISE, (simulations, TASKS + 1, pairs))
        drawn[:, -1] += REAL
        plain = [[evidence(task) for task in tasks] for tasks in drawn]
        for rule, found in (("none", plain), ("Holm", [holm_evidence(tasks) for tasks in plain])):
            better = np.array([[decide(task) is not Verdict.OPEN for task in tasks] for tasks in found])
            any_false, true_one = better[:, :-1].any(axis=1).mean(), better[:, -1].mean()
            table.add_row(str(pairs), rule, f"{100 * any_false:.1f}", f"{100 * true_one:.1f}")
    return table


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, title=f"{title} (% of simulations)", title_justify="left", box=box.MARKDOWN)


if __name__ == "__main__":
    sys.exit(run_command(coverage))
