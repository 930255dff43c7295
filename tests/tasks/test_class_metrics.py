from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.tasks.class_metrics import (
    BINS,
    class_metrics,
    class_sums,
    detailed_metrics,
    score_probabilities,
)

pytestmark = pytest.mark.usefixtures("strict")


def draw(texts, classes, seed=0, sharpness=2.0):
    random = np.random.default_rng(seed)
    scores = random.normal(size=(texts, classes)) * sharpness
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return probabilities, random.integers(0, classes, texts)


def sums_of(probabilities, labels, mask=None):
    mask = np.ones(len(labels), bool) if mask is None else mask
    log_probabilities = jnp.asarray(np.log(probabilities), jnp.float32)
    return jax.device_get(class_sums(log_probabilities, jnp.asarray(labels, jnp.int32), jnp.asarray(mask)))


def test_calibration_error_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.96, 0.04], [0.3, 0.7], [0.45, 0.55]])
    found = class_metrics(sums_of(probabilities, np.array([0, 1, 1, 0])))
    # bins of a 15th: 0.95 and 0.96 share the last one; 0.7 and 0.55 are alone
    expected = (abs(1 - (0.95 + 0.96)) + abs(1 - 0.7) + abs(0 - 0.55)) / 4
    assert found["ece"] == pytest.approx(expected, rel=1e-6)
    assert found["accuracy"] == 0.5
    assert found["nll"] == pytest.approx(-np.log([0.95, 0.04, 0.7, 0.45]).mean(), rel=1e-6)
    assert found["items"] == 4


def test_the_edges_of_the_bins():
    probabilities = np.array([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1]])
    texts = sums_of(np.maximum(probabilities, 1e-30), np.array([0, 0, 0]))["texts"]
    assert np.flatnonzero(texts).tolist() == [7, 13, 14]


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("seed", range(3))
def test_like_scikit_learn(classes, seed):
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss

    probabilities, labels = draw(57, classes, seed)
    predicted = probabilities.argmax(axis=1)
    sums = sums_of(probabilities, labels)
    found = class_metrics(sums)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert found["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert found["nll"] == pytest.approx(log_loss(labels, probabilities, labels=range(classes)), rel=1e-5)
    np.testing.assert_array_equal(sums["confusion"], confusion_matrix(labels, predicted, labels=range(classes)))


def test_a_class_that_nobody_saw_does_not_count():
    from sklearn.metrics import f1_score

    probabilities, labels = draw(40, 3)
    with_fourth = np.concatenate([probabilities * (1 - 1e-6), np.full((40, 1), 1e-6)], axis=1)
    expected = f1_score(labels, probabilities.argmax(axis=1), average="macro")
    assert class_metrics(sums_of(with_fourth, labels))["macro_f1"] == pytest.approx(expected)


@given(st.sampled_from([1, 7, 30]), st.integers(0, 100), st.sampled_from([1, 4, 20]))  # few shapes to compile
def test_batches_and_masked_rows_do_not_matter(texts, seed, batch):
    probabilities, labels = draw(texts, 3, seed)
    whole = class_metrics(sums_of(probabilities, labels))
    parts = []
    for start in range(0, texts, batch):
        rows = np.arange(start, start + batch)
        inside = np.minimum(rows, texts - 1)
        parts.append(sums_of(probabilities[inside], labels[inside], rows < texts))
    total = jax.tree.map(lambda *sums: np.sum(sums, axis=0), *parts)
    assert class_metrics(total) == pytest.approx(whole, rel=1e-5)


def test_probabilities_of_a_baseline():
    probabilities, labels = draw(50, 2)
    expected = class_metrics(sums_of(probabilities, labels))
    del expected["items"]
    assert score_probabilities(probabilities, labels) == pytest.approx(expected, rel=1e-6)
    certain = score_probabilities(np.array([[1.0, 0.0]]), np.array([1]))
    assert certain["nll"] == pytest.approx(-np.log(1e-30), rel=1e-5)
    assert BINS == 15


def test_areas_under_curves_are_those_of_counted_pairs():
    probabilities = np.array([0.9, 0.8, 0.8, 0.4, 0.3, 0.1])
    labels = np.array([1, 0, 1, 1, 0, 0])
    found = detailed_metrics(labels, np.stack([1 - probabilities, probabilities], axis=1), ("no", "yes"))
    pairs = [(a > b) + (a == b) / 2 for a in probabilities[labels == 1] for b in probabilities[labels == 0]]
    assert found["auroc"] == pytest.approx(np.mean(pairs))
    assert found["auprc"] == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3 + 1 / 3 * 3 / 4)
    assert (found["recall_no"], found["recall_yes"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_metrics_that_need_an_absent_class_are_left_out():
    found = detailed_metrics(np.array([1, 1]), np.array([[0.2, 0.8], [0.6, 0.4]]), ("no", "yes"))
    assert found == {"recall_yes": 0.5}
