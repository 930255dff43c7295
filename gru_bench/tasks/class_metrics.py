"""Metrics of classifiers, all from sums over batches: accuracy, macro F1, nll, expected calibration error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

BINS = 15
"""Equal-width bins of the probability of the predicted class: bin k is (k / 15, (k + 1) / 15]."""

Sums = dict[str, Array]


def class_sums(
    log_probabilities: Float[Array, "items classes"], labels: Int[Array, " items"], mask: Bool[Array, " items"]
) -> Sums:
    """Return the sums behind the metrics.

    Args:
        log_probabilities: in nats.
        labels: the true classes.
        mask: True for scored items.

    Returns:
        `confusion`, items by true and predicted class; by bin of the predicted class's probability `texts` (all items),
        `correct` (correctly classified ones) and `confidence` (sum of that probability); `nll`, in nats.
    """
    rows = jnp.arange(labels.shape[0])
    counted = mask.astype(jnp.int32)
    predicted = jnp.argmax(log_probabilities, axis=1).astype(jnp.int32)
    confidence = jnp.exp(log_probabilities[rows, predicted])
    place = jnp.clip(jnp.ceil(confidence * BINS).astype(jnp.int32) - 1, 0, BINS - 1)
    classes, counts = log_probabilities.shape[1], jnp.zeros(BINS, jnp.int32)
    return {
        "confusion": jnp.zeros((classes, classes), jnp.int32).at[labels, predicted].add(counted),
        "texts": counts.at[place].add(counted),
        "correct": counts.at[place].add(jnp.where(predicted == labels, counted, 0)),
        "confidence": jnp.zeros(BINS).at[place].add(jnp.where(mask, confidence, 0.0)),
        "nll": -jnp.where(mask, log_probabilities[rows, labels], 0.0).sum(),
    }


def class_metrics(sums: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics and `items`, their number.

    Macro F1 is the mean over the classes that occur, as label or as prediction, of 2 TP / (2 TP + FP + FN). The
    expected calibration error is the mean over items of |accuracy - mean confidence| of their bin.
    """
    confusion = np.asarray(sums["confusion"], np.int64)
    items = int(confusion.sum())
    correct, twice = np.diag(confusion), confusion.sum(axis=0) + confusion.sum(axis=1)
    gap = np.abs(np.asarray(sums["correct"], np.float64) - np.asarray(sums["confidence"], np.float64))
    return {
        "accuracy": float(correct.sum() / items),
        "macro_f1": float((2 * correct[twice > 0] / twice[twice > 0]).mean()),
        "nll": float(sums["nll"]) / items,
        "ece": float(gap.sum() / items),
        "items": items,
    }


def detailed_metrics(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    """Return the metrics that need the probabilities of each item, or would be too many for every evaluation.

    Args:
        labels: the true classes, of shape (items,).
        probabilities: of shape (items, classes).
        classes: their names.

    Returns:
        With two classes `auroc` and `auprc`, the areas under the ROC curve and the precision-recall curve (average
        precision) of the last class; `recall_<class>`, the share of a class that is correctly classified. Metrics that
        need an absent class are left out.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    metrics = {}
    if len(classes) == 2 and labels.min() != labels.max():
        metrics["auroc"] = float(roc_auc_score(labels, probabilities[:, 1]))
        metrics["auprc"] = float(average_precision_score(labels, probabilities[:, 1]))
    correct = probabilities.argmax(axis=1) == labels
    present = np.unique(labels)
    return metrics | {f"recall_{classes[number]}": float(correct[labels == number].mean()) for number in present}


def score_probabilities(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the metrics of probabilities of shape (items, classes), for example of a baseline."""
    log_probabilities = np.log(np.maximum(probabilities, 1e-30)).astype(np.float32)
    sums = class_sums(jnp.asarray(log_probabilities), jnp.asarray(labels, jnp.int32), jnp.ones(labels.size, bool))
    metrics = class_metrics(jax.device_get(sums))
    del metrics["items"]
    return metrics
