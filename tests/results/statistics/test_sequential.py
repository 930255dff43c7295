from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import nct, t

from gru_bench.results.statistics import Verdict
from gru_bench.results.statistics.sequential import (
    ERROR,
    Rule,
    largest_spread,
    make_rule,
    pairs_needed,
    power,
)

STUDIES = 200


def _verdict(rule: Rule, differences: np.ndarray) -> Verdict:
    found = Verdict.OPEN
    for number in range(len(rule.looks)):
        found = rule.look(differences, number).verdict
        if found is not Verdict.OPEN:
            break
    return found


def _studies(rule: Rule, mean: float, spread: float) -> Counter[Verdict]:
    generator = np.random.default_rng(0)
    drawn = generator.normal(mean, spread, (STUDIES, rule.looks[-1]))
    return Counter(_verdict(rule, differences) for differences in drawn)


@pytest.mark.parametrize("pairs", [4, 6, 12, 24])
def test_equal_means_are_not_told_apart_and_two_margins_are_found(pairs: int):
    rule = make_rule(pairs, margin=1.0)
    spread = largest_spread(pairs, 2.0, rule.levels[-1])
    equal = _studies(rule, 0.0, spread)
    assert equal[Verdict.SAME] + equal[Verdict.OPEN] >= 0.95 * STUDIES
    assert equal[Verdict.FIRST] + equal[Verdict.SECOND] <= ERROR * STUDIES
    far = _studies(rule, 2.0, spread)
    assert far[Verdict.FIRST] >= 0.75 * STUDIES  # 80 % and three standard errors of 200 studies
    assert far[Verdict.SAME] + far[Verdict.SECOND] <= ERROR * STUDIES
    assert _studies(rule, 2.0, 0.8 * spread)[Verdict.FIRST] >= 0.8 * STUDIES


@pytest.mark.parametrize("pairs", [4, 12, 24])
def test_a_difference_of_the_margin_is_rarely_called_none(pairs: int):
    rule = make_rule(pairs, margin=1.0)
    assert _studies(rule, 1.0, 0.5)[Verdict.SAME] <= ERROR * STUDIES


def test_a_small_spread_shows_that_no_difference_matters_before_the_last_look():
    rule = make_rule(24, margin=1.0)
    assert _studies(rule, 0.0, 0.3)[Verdict.SAME] >= 0.95 * STUDIES
    generator = np.random.default_rng(1)
    assert rule.look(generator.normal(0, 0.3, 24), 1).verdict is Verdict.SAME


def test_the_looks_share_the_error():
    rule = make_rule(24, margin=1.0)
    assert rule.looks == (8, 16, 24)
    assert 2 * sum(rule.levels) == pytest.approx(ERROR)
    assert rule.levels == tuple(sorted(rule.levels))
    assert 2 * sum(make_rule(24, 1.0, comparisons=3).levels) == pytest.approx(ERROR / 3)
    assert make_rule(3, 1.0).looks == (3,)
    with pytest.raises(ValueError, match="at least 3 pairs"):
        make_rule(2, 1.0)


def test_a_look_is_students_interval_of_its_pairs():
    rule = Rule(1.0, (4, 6), (0.01, 0.02))
    values = np.array([1.0, 2.0, 0.5, 1.5, 9.0, 9.0])
    look = rule.look(values, 0)
    half = t.ppf(0.99, 3) * values[:4].std(ddof=1) / 2
    assert (look.pairs, look.mean) == (4, 1.25)
    assert (look.low, look.high) == (pytest.approx(1.25 - half), pytest.approx(1.25 + half))


def test_power_is_that_of_the_noncentral_t():
    assert power(10, 1.0, 1.5, 0.02) == pytest.approx(nct.sf(t.ppf(0.98, 9), 9, 10**0.5 / 1.5))
    assert power(10, 1.0, 0.0, 0.02) == 1.0
    spread = largest_spread(10, 1.0, 0.02)
    assert power(10, 1.0, spread, 0.02) == pytest.approx(0.8)
    assert pairs_needed(1.0, spread, 0.02) == 10
    assert pairs_needed(1.0, 1e6, 0.02) is None
    assert pairs_needed(0.0, 1.0, 0.02) is None
