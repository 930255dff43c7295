from __future__ import annotations

import math

import numpy as np
import pytest

from gru_bench.data.labelled_series.nab_score import PROFILES, nab_scores

ROWS = 100
LABELS = np.zeros(ROWS, bool)
LABELS[40:50] = True  # one window of ten rows


def squashed(position: float) -> float:
    return 2 / (1 + math.exp(5 * position)) - 1


def flags(*rows: int) -> np.ndarray:
    scores = np.zeros(ROWS)
    scores[list(rows)] = 1.0
    return scores


def standard(*rows: int) -> float:
    return nab_scores([LABELS], [flags(*rows)])["nab_standard"]


def normalised(raw: float, missed: float = 1.0) -> float:
    return 100 * (raw + missed) / (1 + missed)


def test_the_first_row_of_a_window_alone_is_perfect_and_no_flag_is_zero():
    assert standard(40) == pytest.approx(100.0)
    assert nab_scores([LABELS], [np.zeros(ROWS)])["nab_standard"] == pytest.approx(
        max(0.0, normalised(1 - 0.11 * sum_outside()))
    )


def sum_outside() -> float:
    """Return what flags on all rows outside cost, in false alarms."""
    after = [1.0 if (row - 49) / 9 >= 3 else -squashed((row - 49) / 9) for row in range(50, ROWS)]
    return 40 + sum(after)


@pytest.mark.parametrize("row", [41, 45, 49])
def test_a_later_row_of_a_window_is_worth_less(row: int):
    assert standard(row) == pytest.approx(normalised(squashed((row - 50) / 10) / squashed(-1.0)))
    assert standard(row, 49) == standard(row)  # only the earliest counts


@pytest.mark.parametrize(("name", "cost", "missed"), [("standard", 0.11, 1), ("low_fp", 0.22, 1), ("low_fn", 0.11, 2)])
def test_a_false_alarm_costs_by_its_distance_and_profile(name: str, cost: float, missed: int):
    for row, part in ((10, 1.0), (53, -squashed(4 / 9)), (90, 1.0)):
        found = nab_scores([LABELS], [flags(40, row)])[f"nab_{name}"]
        assert found == pytest.approx(normalised(1 - cost * part, missed))


def test_the_best_threshold_is_that_of_each_profile():
    scores = flags(40)
    scores[5] = 2.0  # a false alarm above the hit: both, or neither
    scores[60:] = 0.5  # a lower threshold would add these
    found = nab_scores([LABELS], [scores])
    assert found == {
        f"nab_{name}": pytest.approx(value)
        for name, value in {
            "standard": normalised(0.89),
            "low_fp": normalised(0.78),
            "low_fn": normalised(0.89, 2),
        }.items()
    }


def test_one_threshold_serves_all_series_and_windows_add_up():
    found = nab_scores([LABELS, LABELS, np.zeros(ROWS, bool)], [flags(40), np.full(ROWS, 0.0), np.zeros(ROWS)])
    assert found["nab_standard"] == pytest.approx(50.0)
    assert found["nab_low_fn"] == pytest.approx(50.0)
    assert set(found) == set(PROFILES)


def test_a_row_near_the_window_before_it_counts_from_there():
    labels = LABELS.copy()
    labels[70:80] = True
    one = nab_scores([labels], [flags(40, 70, 82)])["nab_standard"]
    assert one == pytest.approx(100 * (2 + 0.11 * squashed(3 / 9) + 2) / 4)


def test_there_is_no_score_without_windows():
    assert nab_scores([np.zeros(5, bool)], [np.arange(5.0)]) == {}
