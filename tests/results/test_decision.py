from __future__ import annotations

import numpy as np
import pytest

from gru_bench.results.decision import beats, best_baseline, default_margin, standing
from gru_bench.results.statistics.sequential import make_rule

RULE = make_rule(12, margin=0.1)
CELLS = ("gru", "lstm")


def _scores(mean: float, spread: float = 0.05, count: int = 12, seed: int = 0) -> list[float | None]:
    return np.random.default_rng(seed).normal(mean, spread, count).tolist()


def test_the_worse_cell_is_out_and_less_or_more_may_be_better():
    scores = {"gru": _scores(1.0), "lstm": _scores(2.0, seed=1)}
    less = standing(CELLS, scores, RULE, "min", 3.0)
    assert (less.kind, less.left, less.wanted) == ("better", ("gru",), None)
    assert less.pairings[0].look.mean == pytest.approx(1.0, abs=0.1)
    assert standing(CELLS, scores, RULE, "max", 0.0).left == ("lstm",)


def test_equal_cells_do_not_matter_and_noisy_ones_are_open():
    equal = standing(CELLS, {"gru": _scores(1.0), "lstm": _scores(1.0, seed=1)}, RULE, "min", 3.0)
    assert (equal.kind, equal.left) == ("either", CELLS)
    noisy = {"gru": _scores(1.0, 1.0), "lstm": _scores(1.0, 1.0, seed=1)}
    found = standing(CELLS, noisy, RULE, "min", 9.0)
    assert found.kind == "open"
    assert found.undecided == found.pairings
    assert found.pairings[0].look.pairs == 12


def test_the_next_look_is_wanted_until_the_scores_reach_it():
    scores = {"gru": _scores(1.0, 1.0), "lstm": _scores(1.0, 1.0, seed=1)}
    wanted = [
        standing(CELLS, {cell: values[:count] for cell, values in scores.items()}, RULE, "min", 9.0).wanted
        for count in (0, 4, 7, 8, 12)
    ]
    assert wanted == [4, 8, 8, 12, None]


def test_later_scores_do_not_change_an_earlier_look():
    scores = {"gru": _scores(1.0), "lstm": _scores(2.0, seed=1)}
    early = standing(CELLS, {cell: values[:8] for cell, values in scores.items()}, RULE, "min", 3.0)
    late = standing(CELLS, {cell: [*values[:8], *[99.0] * 4] for cell, values in scores.items()}, RULE, "min", 3.0)
    assert early == late


def test_of_three_cells_one_that_is_out_needs_no_more_seeds():
    scores = {"gru": _scores(1.0, 1.0, 4), "lstm": _scores(1.0, 1.0, 4, seed=1), "rnn": _scores(90.0, 0.01, 4)}
    found = standing(("gru", "lstm", "rnn"), scores, RULE, "min", 99.0)
    assert (found.left, found.wanted) == (CELLS, 8)
    assert {one.worse for one in found.pairings} == {None, "rnn"}


def test_a_diverged_run_counts_as_the_worst():
    scores = {"gru": _scores(1.0), "lstm": [None, *_scores(1.0, seed=1)[1:]]}
    found = standing(CELLS, scores, RULE, "min", 5.0)
    assert found.kind == "open"
    assert found.pairings[0].look.mean > 0.2  # as if the first run had scored 5
    assert standing(CELLS, {"gru": _scores(1.0), "lstm": [None] * 12}, RULE, "min", 5.0).left == ("gru",)


def test_a_cell_whose_rivals_all_diverged_is_still_scored():
    assert standing(("gru",), {"gru": []}, RULE, "min", 9.0).wanted == 4
    alone = standing(("gru",), {"gru": _scores(1.0, count=4)}, RULE, "min", 9.0)
    assert (alone.kind, alone.pairings, alone.wanted) == ("better", (), None)


def test_baselines():
    assert best_baseline({"last": 2.0, "linear": 1.0}, "min") == ("linear", 1.0)
    assert best_baseline({"last": 2.0, "linear": 1.0}, "max") == ("last", 2.0)
    assert best_baseline({}, "min") is None
    assert beats([0.9, 0.91, 0.92], 1.0, "min")
    assert not beats([0.9, 0.91, 0.92], 1.0, "max")
    assert not beats([0.9, 1.5, 0.92], 1.0, "min")
    assert default_margin(0.75, 1.0, 0.02) == pytest.approx(0.005)
