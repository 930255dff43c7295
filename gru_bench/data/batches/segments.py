"""Segments of series: rows that are only read, then rows whose forecasts count.

A segment scores `context` consecutive rows. It reads from so many rows before them that every forecast of a scored row,
1 to `horizon` rows ahead, has a whole context behind it. What a row is scored by begins at its segment's first row and
ends before the row itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.batches.base import Batches
from gru_bench.data.labelled_series.labelled_series import Labels, warmup
from gru_bench.data.random import permutation
from gru_bench.data.series.series import Rows, Series
from gru_bench.errors import DataError

FARTHEST_READ = 5.0  # standard deviations: values beyond are read as this, so that an outlier does not fill the memory


class SeriesSegments(Batches[dict[str, NDArray[Any]]]):
    """Segments of some rows of each series: in order, or with a seed shuffled in each epoch; each row is scored once.

    The last segment of a series and the last batch are filled with masked rows.
    """

    axes = MappingProxyType({"inputs": "time"})

    def __init__(
        self,
        members: Sequence[Series],
        rows: Sequence[Rows],
        batch_size: int,
        *,
        numbers: Sequence[int] | None = None,
        anomalous: Sequence[Labels] | None = None,
        seed: int | None = None,
    ):
        """Cut the rows.

        Args:
            members: series of the same columns, context and horizon.
            rows: of each series, the first row to score and the row after the last one.
            batch_size: segments of a batch, at most.
            numbers: of the series in the run; None: 0, 1, 2, ...
            anomalous: labels of all rows of each series; None: all are normal.
            seed: of the order; None: the order of the rows.

        Raises:
            DataError: there is no row to score.
        """
        form = members[0].form
        self.length, self.read = form.context, warmup(form)
        self._seed = seed
        self._numbers = np.arange(len(members)) if numbers is None else np.array(numbers)
        labels = [np.zeros(len(series.values), bool) for series in members] if anomalous is None else anomalous
        starts = [np.arange(start, end, self.length) for start, end in rows]
        self._member = np.repeat(np.arange(len(members)), [len(part) for part in starts])
        self._first = np.concatenate(starts)
        if not self._first.size:
            found = ", ".join(f"{len(series.values):,}" for series in members)
            raise DataError(
                f"found {found} rows, expected at least {self.read + 1:,}: a context of {form.context} (data.context) "
                f"and a horizon of {form.horizon} (data.horizon)."
            )
        self._count = np.minimum(np.array([end for _, end in rows])[self._member] - self._first, self.length)
        self._offset = np.cumsum([0, *(len(series.values) + self.length for series in members[:-1])])
        self._inputs = np.concatenate([self._padded(_inputs(series)) for series in members])
        self._targets = np.concatenate([self._padded(series.scaled.astype(np.float32)) for series in members])
        self._observed = np.concatenate([self._padded(series.observed) for series in members])
        self._anomalous = np.concatenate([self._padded(one) for one in labels])
        self.batch_size = min(batch_size, self._first.size)

    def _padded(self, rows: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([rows, np.zeros((self.length, *rows.shape[1:]), rows.dtype)])

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return -(-self._first.size // self.batch_size)

    def arrange(self, epoch: int) -> NDArray[np.int64]:
        """Return the order of the segments in an epoch."""
        count = self._first.size
        return np.arange(count) if self._seed is None else permutation(self._seed, epoch, count)

    def make(self, epoch: int, index: int) -> dict[str, NDArray[Any]]:
        """Return batch `index` of an epoch.

        Returns:
            `inputs` (segments, read + length - 1, columns): the values of a row, and what is known in advance of the
            next one; `targets` and `observed` (segments, length, targets), `mask` and `anomalous` (segments, length) of
            the scored rows; `member` and `first` (segments,): the number of the series and the first scored row.
        """
        order = self.order(epoch if self._seed is not None else 0)
        chosen = order[index * self.batch_size : (index + 1) * self.batch_size]
        filled = np.concatenate([chosen, np.zeros(self.batch_size - chosen.size, np.int64)])
        member, first, count = self._member[filled], self._first[filled], self._count[filled]
        count[chosen.size :] = 0
        start = self._offset[member] + first
        scored = start[:, None] + np.arange(self.length)
        read = start[:, None] + np.arange(-self.read, self.length - 1)
        mask = np.arange(self.length) < count[:, None]
        return {
            "inputs": self._inputs[read],
            "targets": self._targets[scored],
            "observed": self._observed[scored] & mask[..., None],
            "anomalous": self._anomalous[scored] & mask,
            "mask": mask,
            "member": self._numbers[member].astype(np.int32),
            "first": first.astype(np.int32),
        }


def _inputs(series: Series) -> NDArray[np.float32]:
    next_known = np.concatenate([series.known[1:], series.known[-1:]])
    inputs = np.concatenate([series.read, next_known], axis=1)
    return np.clip(inputs, -FARTHEST_READ, FARTHEST_READ).astype(np.float32)
