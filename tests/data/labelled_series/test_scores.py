from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gru_bench.data.labelled_series.baselines import detect, residuals
from gru_bench.data.labelled_series.detection import auroc, average_precision, delay, detection_metrics, mean_metrics
from gru_bench.data.labelled_series.labelled_series import LabelledSeries, scored_rows, windows
from gru_bench.data.labelled_series.scores import fit_scorer, ranks
from gru_bench.data.series.baselines import last_value
from tests.data.kinds import load


def some_residuals(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.3, [1.0, 2.0, 0.5], (rows, 3))


def test_training_rows_score_one_on_average_and_the_threshold_leaves_its_share_above():
    found = some_residuals(4000)
    scorer = fit_scorer(found, smoothing=4, false_alarms=0.05)
    scores = scorer(found)
    assert scores.mean() == pytest.approx(1.0, abs=0.02)
    assert (scores > scorer.threshold).mean() == pytest.approx(0.05, abs=0.001)


def test_a_score_is_the_mean_mahalanobis_distance_of_the_last_rows():
    found = some_residuals(50)
    scorer = fit_scorer(found, smoothing=3, false_alarms=0.1)
    centred = found - scorer.mean
    distances = [row @ scorer.precision @ row / 3 for row in centred]
    expected = np.array([np.mean(distances[max(row - 2, 0) : row + 1]) for row in range(50)])
    np.testing.assert_allclose(scorer(found), expected, rtol=1e-10)


def test_a_score_depends_on_no_later_row():
    found = some_residuals(60)
    scorer = fit_scorer(found, smoothing=5, false_alarms=0.1)
    changed = found.copy()
    changed[40:] += 100.0
    np.testing.assert_array_equal(scorer(found)[:40], scorer(changed)[:40])
    np.testing.assert_allclose(scorer(found[:40]), scorer(found)[:40], rtol=1e-12)


def test_a_missing_value_adds_nothing():
    found = some_residuals(200)
    scorer = fit_scorer(found, smoothing=1, false_alarms=0.1)
    gap = np.full((1, 3), np.nan)
    assert scorer(gap)[0] == 0.0
    assert np.isfinite(fit_scorer(np.concatenate([found, gap]), smoothing=1, false_alarms=0.1).threshold)


def test_a_column_that_never_moves_and_fewer_rows_than_residuals_are_scored():
    found = np.zeros((4, 6))
    found[:, 0] = [0.1, -0.1, 0.2, -0.2]
    scorer = fit_scorer(found, smoothing=1, false_alarms=0.25)
    moved = np.zeros((1, 6))
    moved[0, 3] = 1.0
    assert scorer(moved)[0] > scorer.threshold


def test_metrics_of_a_case_by_hand():
    anomalous = np.array([0, 1, 0, 1, 0], bool)
    scores = np.array([0.1, 0.9, 0.8, 0.7, 0.2])
    assert average_precision(anomalous, scores) == pytest.approx((1 + 2 / 3) / 2)
    assert auroc(anomalous, scores) == pytest.approx(5 / 6)


def test_ties_are_one_step_and_a_constant_score_is_at_chance():
    anomalous = np.array([1, 0, 0, 1, 0, 0, 0, 0], bool)
    assert average_precision(anomalous, np.ones(8)) == pytest.approx(0.25)
    assert auroc(anomalous, np.ones(8)) == pytest.approx(0.5)


def test_metrics_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(1)
    anomalous, scores = draw.random(500) < 0.2, draw.integers(0, 40, 500).astype(float)
    assert average_precision(anomalous, scores) == pytest.approx(metrics.average_precision_score(anomalous, scores))
    assert auroc(anomalous, scores) == pytest.approx(metrics.roc_auc_score(anomalous, scores))


def test_delay_counts_rows_to_the_first_flag_and_undetected_windows_whole():
    anomalous = np.zeros(110, bool)
    anomalous[20:25] = anomalous[60:65] = True
    scores = np.zeros(110)
    scores[[0, 1]] = 5.0  # two of 100 normal rows
    scores[22] = scores[60] = 6.0
    assert delay(anomalous, scores, 0.02) == (1.0, 1.0)
    scores[60] = 0.0
    assert delay(anomalous, scores, 0.02) == (3.5, 0.5)


def test_without_both_kinds_of_rows_only_the_flagged_share_is_known():
    assert detection_metrics(np.zeros(4, bool), np.arange(4.0), 1.5, 0.1) == {"flagged": 0.5}
    assert mean_metrics([{"flagged": 0.5}, {"flagged": 0.1, "auroc": 0.7}]) == {
        "flagged": pytest.approx(0.3),
        "auroc": 0.7,
    }


def test_windows_are_runs_of_anomalous_rows():
    assert windows(np.array([1, 1, 0, 1, 0, 0, 1], bool)) == [(0, 2), (3, 4), (6, 7)]
    assert windows(np.zeros(3, bool)) == []


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> LabelledSeries:
    return load("labelled_series", tmp_path_factory.mktemp("cache"))


def test_residuals_of_a_row_are_the_errors_of_all_forecasts_of_it(data: LabelledSeries):
    (series,) = data.members.values()
    series = replace(series, form=replace(series.form, horizon=2))
    found = residuals(series, last_value(series), (100, 103))
    scaled = series.scaled
    for place, row in enumerate(range(100, 103)):
        expected = np.concatenate([scaled[row - 1] - scaled[row], scaled[row - 2] - scaled[row]])
        np.testing.assert_allclose(found[place], expected)


def test_baselines_cannot_find_a_break_of_phase_and_read_no_label(data: LabelledSeries):
    found = detect(data, 8, 0.01)
    assert set(found) == {"deviation from mean", "difference to last", "seasonal-naive", "linear autoregression"}
    ((name, anomalous),) = data.anomalous.items()
    share = anomalous[slice(*scored_rows(data.members[name], "test"))].mean()
    assert found["deviation from mean"]["average_precision"] < share + 0.15
    unlabelled = LabelledSeries(data.members, {name: np.zeros_like(anomalous)}, data.facts)
    again = detect(unlabelled, 8, 0.01)
    assert {key: row["flagged"] for key, row in again.items()} == {key: row["flagged"] for key, row in found.items()}


def test_a_rank_is_the_share_of_lower_scores_so_far():
    earlier = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(ranks(np.array([3.5, 9.0, 9.0, 0.5]), earlier), [3 / 4, 1.0, 5 / 6, 0.0])
