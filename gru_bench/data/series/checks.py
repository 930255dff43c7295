"""What a series must have to be learned from: rows enough, values to score, none beyond all scale."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import DataError

log = logging.getLogger(__name__)

FARTHEST = 1e12  # standard deviations from the mean


def check_rows(name: str, splits: Mapping[str, tuple[int, int]], rows: int, context: int, horizon: int) -> None:
    """Refuse splits that are shorter than a window.

    Raises:
        DataError: one is.
    """
    need = {"train": context + horizon, "valid": horizon, "test": horizon}
    for split, (start, end) in splits.items():
        if end - start < need[split]:
            read = f"data.context={context} + " if split == "train" else ""
            raise DataError(
                f"data={name}: the {split} split has {end - start:,} of {rows:,} rows, expected at least "
                f"{need[split]:,} ({read}data.horizon={horizon}). Give more rows, or lower them."
            )


def check_known(
    place: str, names: Sequence[str], splits: Mapping[str, tuple[int, int]], values: NDArray[np.float64]
) -> None:
    """Refuse a split in which nothing could be scored, and warn of columns that are missing in a held-out one.

    Args:
        place: the file, for messages.
        names: of the columns.
        splits: first row and the row after the last one, by split.
        values: NaN where missing, of shape (rows, targets).

    Raises:
        DataError: there is one.
    """
    for split, (start, end) in splits.items():
        if end > start and np.isnan(values[start:end]).all():
            raise DataError(
                f"{place}: none of the {end - start:,} rows of {split} has a value to forecast, expected at least "
                "one. Give other rows, or cut elsewhere."
            )
        absent = [name for name, column in zip(names, values[start:end].T, strict=True) if np.isnan(column).all()]
        if absent and split != "train":
            log.warning(
                "%s: %s: no value in the %s rows of %s, whose metrics say nothing of it",
                place,
                ", ".join(absent),
                f"{end - start:,}",
                split,
            )


def check_scaled(scaled: NDArray[np.float64], values: NDArray[np.float64], names: Sequence[str]) -> None:
    """Refuse what float32 could not hold when it is squared and summed.

    Args:
        scaled: in standard deviations from the mean over the training rows, of shape (rows, columns).
        values: the same in own units.
        names: of the columns.

    Raises:
        DataError: a value lies too many standard deviations of its column from the mean over train.
    """
    for name, column, own in zip(names, scaled.T, values.T, strict=True):
        if column.size and np.abs(column).max() > FARTHEST:
            row = int(np.abs(column).argmax())
            raise DataError(
                f"column {name!r}: the value {own[row]:g} lies {abs(column[row]):.3g} standard deviations from the "
                f"mean over the training rows, expected at most {FARTHEST:.0g}. Mend it, or name it as a missing-value "
                "marker (data.missing=)."
            )
