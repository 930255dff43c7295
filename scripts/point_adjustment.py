"""What point adjustment does to a random score: the best F1 of uniform noise on SMAP and MSL, with it and without.

    python scripts/point_adjustment.py DIR/smap_msl/SMAP_MSL.tar.xz

Point adjustment counts all rows of a labelled window as found when one of them is flagged. Thresholds are chosen on the
test rows, as is usual where it is used.
"""

from __future__ import annotations

import ast
import csv
import io
import sys
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.labelled_series.labelled_series import windows

LABELS = "SMAP_MSL/labeled_anomalies.csv"
SEEDS = 5


def labels(archive: Path, spacecraft: str) -> NDArray[np.bool_]:
    """Return the labels of the test rows of all channels of a spacecraft, one after the other."""
    with tarfile.open(archive) as packed:
        member = packed.extractfile(LABELS)
        assert member is not None
        rows = list(csv.DictReader(io.TextIOWrapper(member, "utf-8")))
    parts = []
    for row in rows:
        if row["spacecraft"] == spacecraft:
            part = np.zeros(int(row["num_values"]), bool)
            for first, last in ast.literal_eval(row["anomaly_sequences"]):
                part[first : last + 1] = True
            parts.append(part)
    return np.concatenate(parts)


def adjusted(anomalous: NDArray[np.bool_], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores in which each row of a window has the greatest score of the window."""
    raised = scores.copy()
    for start, end in windows(anomalous):
        raised[start:end] = scores[start:end].max()
    return raised


def best_f1(anomalous: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Return the greatest F1 over all thresholds."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(anomalous[order])[last]
    return float((2 * hits / (last + 1 + anomalous.sum())).max())


def main(archive: Path) -> None:
    """Print mean F1 over seeds of the noise."""
    for spacecraft in ("SMAP", "MSL"):
        anomalous = labels(archive, spacecraft)
        plain, raised = [], []
        for seed in range(SEEDS):
            noise = np.random.default_rng(seed).random(anomalous.size)
            plain.append(best_f1(anomalous, noise))
            raised.append(best_f1(anomalous, adjusted(anomalous, noise)))
        print(f"{spacecraft}: random score, F1 {np.mean(plain):.3f}, point-adjusted {np.mean(raised):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
