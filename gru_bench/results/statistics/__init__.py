"""All statistics of reports and claims, pure NumPy and SciPy.

Methods, sources and measured coverage: docs/statistics.md. Whatever draws at random takes a `numpy.random.Generator`.
"""

from gru_bench.results.statistics.censored import restricted_times
from gru_bench.results.statistics.paired import (
    Interval,
    effect_size,
    log_ratios,
    mean_difference,
    mean_ratio,
    probability_better,
)
from gru_bench.results.statistics.summary import (
    Estimate,
    PairedDifference,
    mean_interval,
    median,
    paired_difference,
    ratio,
)
from gru_bench.results.statistics.tasks import holm, interquartile_mean, interquartile_mean_interval
from gru_bench.results.statistics.tuning import expected_best
from gru_bench.results.statistics.verdict import (
    LEVEL,
    Evidence,
    Verdict,
    decide,
    evidence,
    holm_evidence,
    p_above,
)

__all__ = [
    "LEVEL",
    "Estimate",
    "Evidence",
    "Interval",
    "PairedDifference",
    "Verdict",
    "decide",
    "effect_size",
    "evidence",
    "expected_best",
    "holm",
    "holm_evidence",
    "interquartile_mean",
    "interquartile_mean_interval",
    "log_ratios",
    "mean_difference",
    "mean_interval",
    "mean_ratio",
    "median",
    "p_above",
    "paired_difference",
    "probability_better",
    "ratio",
    "restricted_times",
]
