"""From forecast errors to a score per row and a threshold: all that is measured comes from training rows.

Every detector, a network or a baseline, takes this one path.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

SMALLEST_VARIANCE = 1e-6  # of scaled residuals: a column that never moves in training has none


@dataclass(frozen=True)
class Scorer:
    """Scores rows by how unusual their residuals are among those of training.

    The residuals of a row are the errors of all forecasts of it, 1 to `horizon` rows ahead, of all columns. The score
    is the mean, over the last `smoothing` rows, of the squared Mahalanobis distance per residual: about 1 for rows like
    those of training. A missing value adds nothing. The score of a row depends on no later row.

    Attributes:
        mean: of the training residuals, of shape (residuals,).
        precision: the inverse of their covariance.
        smoothing: rows of the moving average.
        threshold: the score above which a row is flagged.
        of_training: the scores of the training rows, ascending.

    References: Malhotra et al. 2015, Long short term memory networks for anomaly detection in time series.
    """

    mean: Values
    precision: Values
    smoothing: int
    threshold: float
    of_training: Values

    def __call__(self, residuals: Values) -> Values:
        """Return the scores of consecutive rows from their residuals, NaN where unknown, of shape (rows, residuals)."""
        centred = np.nan_to_num(residuals - self.mean, nan=0.0)
        distance = np.einsum("ri,ij,rj->r", centred, self.precision, centred) / len(self.mean)
        sums = np.cumsum(np.concatenate([np.zeros(1), distance]))
        first = np.maximum(np.arange(len(distance)) + 1 - self.smoothing, 0)
        count = np.arange(1, len(distance) + 1) - first
        return (sums[1:] - sums[first]) / count


def fit_scorer(residuals: Values, smoothing: int, false_alarms: float, span: int = 1) -> Scorer:
    """Measure the residuals of training rows.

    The covariance is shrunk towards its diagonal, the more the fewer rows there are.

    Args:
        residuals: NaN where unknown, of shape (rows, residuals).
        smoothing: rows of the moving average.
        false_alarms: the share of training rows whose score lies above the threshold.
        span: rows that share one score, that of their last row.
    """
    known = ~np.isnan(residuals)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, residuals, 0.0).sum(axis=0) / count
    centred = np.where(known, residuals - mean, 0.0)
    together = np.maximum(known.T.astype(float) @ known, 1.0)
    covariance = centred.T @ centred / together
    rows, size = residuals.shape
    diagonal = np.diag(np.maximum(np.diag(covariance), SMALLEST_VARIANCE))
    kept = rows / (rows + size)
    precision = np.linalg.pinv(kept * covariance + (1 - kept) * diagonal, hermitian=True)
    scores = np.sort(Scorer(mean, precision, smoothing, np.inf, np.zeros(0))(residuals)[span - 1 :: span])
    return Scorer(mean, precision, smoothing, float(np.quantile(scores, 1 - false_alarms)), scores)


def ranks(scores: Values, earlier: Values) -> Values:
    """Return the share of all earlier scores of a series that are lower than each one: one scale for all series.

    Args:
        scores: of consecutive rows.
        earlier: the scores before them, ascending.
    """
    past = earlier.tolist()
    shares = np.empty(len(scores))
    for row, score in enumerate(scores.tolist()):
        place = bisect.bisect_left(past, score)
        shares[row] = place / max(len(past), 1)
        past.insert(place, score)
    return shares
