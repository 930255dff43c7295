"""Checks of a series: enough rows, values to score, no extreme values."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import DataError

log = logging.getLogger(__name__)

FARTHEST = 1e12  # standard deviations from the mean


def check_rows(splits: Mapping[str, tuple[int, int]], rows: int, context: int, horizon: int) -> None:
    """Check that each split is at least as long as a window.

    Raises:
        DataError: a split is shorter.
    """
    required = {"train": context + horizon, "valid": horizon, "test": horizon}
    for split, (start, end) in splits.items():
        if end - start < required[split]:
            read = f"data.context={context} + " if split == "train" else ""
            raise DataError(
                f"the {split} split has {end - start:,} of {rows:,} rows, expected at least "
                f"{required[split]:,} ({read}data.horizon={horizon}). Give more rows, or lower these settings."
            )


def check_known(
    place: str, names: Sequence[str], splits: Mapping[str, tuple[int, int]], values: NDArray[np.float64]
) -> None:
    """Check that each split has values to score, and warn of columns without values in a held-out split.

    Args:
        place: the file, for messages.
        names: of the columns.
        splits: first row and the row after the last one, by split.
        values: NaN where missing, of shape (rows, targets).

    Raises:
        DataError: a split has no value.
    """
    for split, (start, end) in splits.items():
        if end > start and np.isnan(values[start:end]).all():
            raise DataError(
                f"{place}: none of the {end - start:,} rows of {split} has a target value, expected at least "
                "one. Give other rows, or change the size of the splits."
            )
        absent = [name for name, column in zip(names, values[start:end].T, strict=True) if np.isnan(column).all()]
        if absent and split != "train":
            log.warning(
                "%s: %s: no value in the %s rows of %s, so its metrics do not cover it",
                place,
                ", ".join(absent),
                f"{end - start:,}",
                split,
            )


def check_scaled(scaled: NDArray[np.float64], values: NDArray[np.float64], names: Sequence[str]) -> None:
    """Check that float32 can hold the sum of squares of the scaled values.

    Args:
        scaled: in standard deviations from the mean over the training rows, of shape (rows, columns).
        values: the same in their own units.
        names: of the columns.

    Raises:
        DataError: a value lies too many standard deviations of its column from the mean over train.
    """
    for name, column, own in zip(names, scaled.T, values.T, strict=True):
        if column.size and np.abs(column).max() > FARTHEST:
            row = int(np.abs(column).argmax())
            raise DataError(
                f"column {name!r}: the value {own[row]:g} lies {abs(column[row]):.3g} standard deviations from the "
                f"mean over the training rows, expected at most {FARTHEST:.0g}. Correct it, or name it as a "
                "missing-value marker (data.missing=)."
            )
