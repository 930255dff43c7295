"""Which settings mattered, on data whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from gru_bench.results.importance import FEWEST, importance


def columns(trials: int) -> dict[str, list[float]]:
    generator = np.random.default_rng(0)
    return {name: generator.uniform(size=trials).tolist() for name in ("strong", "weak", "none")}


def test_what_decides_is_found_and_what_does_not_is_near_zero():
    given = columns(60)
    values = [3 * (strong - 0.5) ** 2 + 0.2 * weak for strong, weak in zip(given["strong"], given["weak"], strict=True)]
    found = importance(given, values, repetitions=3)
    lost = {name: spread.mean() for name, spread in found.lost.items()}
    assert list(lost) == ["strong", "weak", "none"]
    assert lost["strong"] > 0.8 > lost["weak"] > lost["none"]
    assert abs(lost["none"]) < 0.05
    assert 0.8 < found.explained.mean() < 1
    assert {spread.shape for spread in found.lost.values()} == {(3,)}


def test_noise_explains_nothing():
    found = importance(columns(40), np.random.default_rng(1).normal(size=40).tolist(), repetitions=3)
    assert found.explained.mean() < 0.1
    assert all(spread.mean() < 0.2 for spread in found.lost.values())


def test_trials_that_went_astray_weigh_no_more_than_bad_ones():
    given = columns(30)
    tame = importance(given, given["strong"], repetitions=2)
    wild = importance(given, [value if value < 0.9 else 1e9 * value for value in given["strong"]], repetitions=2)
    np.testing.assert_array_equal(tame.lost["strong"], wild.lost["strong"])


@pytest.mark.parametrize("values", [[1.0] * (FEWEST - 1), [*map(float, range(FEWEST)), np.inf]])
def test_too_few_trials_or_no_values_are_refused(values: list[float]):
    with pytest.raises(ValueError, match=f"expected at least {FEWEST} trials and finite values"):
        importance({"a": [0.5] * len(values)}, values)
