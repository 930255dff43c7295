"""Cut a series into windows: a context that is read and the horizon after it that is forecast.

The network reads scaled values; a window may also be normalised by its own `location` and `scale`. Its output is
mapped back by `output * scale + location` and compared with targets scaled by the training statistics. With `joint`
channels a row of a batch is a window with all targets; with `shared` it is one target of a window, and one network
serves all targets.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.batches.base import Batches
from gru_bench.data.random import permutation
from gru_bench.data.series.series import Rows, Series, Values, origins
from gru_bench.errors import DataError

Channels = Literal["joint", "shared"]
Normalise = Literal["none", "last", "instance"]
Items = NDArray[np.int64]

EPSILON = 1e-5  # of the variance of a context, in scaled units


class ForecastWindows:
    """The windows of a series by number, as batches.

    Args:
        series: the rows.
        channels: whether a row of a batch has all targets (`joint`) or one of them (`shared`).
        normalise: what is removed from a context and restored in its forecast: nothing, its last value, or its mean
            and standard deviation (`instance`).

    Raises:
        DataError: there are too few rows for one window.
    """

    def __init__(self, series: Series, channels: Channels, normalise: Normalise):
        self.series, self.form = series, series.form
        self.normalise: Normalise = normalise
        self.rows_per_window = 1 if channels == "joint" else len(series.form.targets)
        self._shared = channels == "shared"
        if len(series.values) < self._length:
            raise DataError(
                f"found {len(series.values):,} rows, expected at least {self._length:,}: a context of "
                f"{self.form.context} (data.context) and a horizon of {self.form.horizon} (data.horizon)."
            )
        self._values = np.lib.stride_tricks.sliding_window_view(series.scaled, self._length, axis=0)
        self._read = np.lib.stride_tricks.sliding_window_view(series.read, self._length, axis=0)
        self._observed = np.lib.stride_tricks.sliding_window_view(series.observed, self._length, axis=0)
        self._known = np.lib.stride_tricks.sliding_window_view(series.known.astype(np.float32), self._length, axis=0)

    @property
    def _length(self) -> int:
        return self.form.context + self.form.horizon

    def items(self, origin: NDArray[np.int64]) -> Items:
        """Return the batch rows of windows, which are named by their first target row: one per target if shared."""
        rows = self.rows_per_window
        return (origin[:, None] * rows + np.arange(rows)).reshape(-1)

    def batch(self, items: Items, size: int) -> dict[str, NDArray[Any]]:
        """Return rows as a batch of `size`, filled with masked rows.

        Returns:
            `inputs` (size, context, 1 or targets, then future covariates), `targets` and `observed` (size, horizon, 1
            or targets), `location` and `scale` (size, 1, 1 or targets), `mask` (size,); with future covariates,
            `features` (size, horizon * features); with shared channels, `channel` (size,): the target of each row.
        """
        count = items.size
        chosen = np.concatenate([items, np.broadcast_to(items[:1], (size - count,))])
        origin, channel = np.divmod(chosen, self.rows_per_window)
        start, context = origin - self.form.context, self.form.context
        place: Any = (start, channel) if self._shared else start
        shape = (size, -1, self._length)
        values = self._values[place].reshape(shape).swapaxes(1, 2)
        contexts = self._read[place].reshape(shape).swapaxes(1, 2)[:, :context]
        observed = self._observed[place].reshape(shape).swapaxes(1, 2)
        location, scale = normaliser(contexts, self.normalise)
        mask = np.arange(size) < count
        inputs = ((contexts - location) / scale).astype(np.float32)
        batch = {
            "inputs": inputs,
            "targets": values[:, context:].astype(np.float32),
            "observed": observed[:, context:] & mask[:, None, None],
            "location": location.astype(np.float32),
            "scale": scale.astype(np.float32),
            "mask": mask,
        }
        if self.form.features:
            known = self._known[start].swapaxes(1, 2)
            batch["inputs"] = np.concatenate([inputs, known[:, :context]], axis=2)
            batch["features"] = known[:, context:].reshape(size, -1)
        if self._shared:
            batch["channel"] = channel.astype(np.int32)
        return batch


def normaliser(contexts: Values, normalise: Normalise) -> tuple[Values, Values]:
    """Return the location and the scale of contexts of shape (rows, context, columns): both (rows, 1, columns).

    References: Kim et al. 2022, Reversible instance normalization for time-series forecasting (without its trained
    scale and shift).
    """
    shape = (len(contexts), 1, contexts.shape[2])
    if normalise == "last":
        return contexts[:, -1:], np.ones(shape)
    if normalise == "instance":
        return contexts.mean(axis=1, keepdims=True), np.sqrt(contexts.var(axis=1, keepdims=True) + EPSILON)
    return np.zeros(shape), np.ones(shape)


class ForecastTrainWindows(Batches[dict[str, NDArray[Any]]]):
    """The windows of the training rows, random access, in an order that is a pure function of (seed, epoch).

    Each row of an epoch occurs exactly once; the last batch is filled with masked rows.
    """

    def __init__(self, windows: ForecastWindows, batch_size: int, *, stride: int = 1, seed: int = 0):
        """Choose the windows.

        Args:
            windows: the windows of the series.
            batch_size: rows of a batch.
            stride: rows of the series from one window to the next; the epochs begin in turn at each of the first
                `stride` windows.
            seed: seed of the order.
        """
        self.windows, self.batch_size, self.stride, self.seed = windows, batch_size, stride, seed
        self._origins = origins(windows.form, windows.series.splits["train"])
        self._stride = min(stride, len(self._origins))
        self._rows = len(self._origins) // self._stride * windows.rows_per_window

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return -(-self._rows // self.batch_size)

    def make(self, epoch: int, index: int) -> dict[str, NDArray[Any]]:
        """Return batch `index` of an epoch."""
        rows = self.order(epoch)[index * self.batch_size : (index + 1) * self.batch_size]
        return self.windows.batch(rows, self.batch_size)

    def arrange(self, epoch: int) -> Items:
        """Return the rows of an epoch, shuffled."""
        kept = np.array(self._origins[epoch % self._stride :: self._stride], np.int64)
        items = self.windows.items(kept)[: self._rows]
        return items[permutation(self.seed, epoch, items.size)]


class ForecastEvalWindows(Batches[dict[str, NDArray[Any]]]):
    """All windows whose whole horizon lies in some rows, in order; the last batch is filled with masked rows."""

    def __init__(self, windows: ForecastWindows, rows: Rows, batch_size: int):
        """Choose the windows.

        Args:
            windows: the windows of the series.
            rows: first row and the row after the last one.
            batch_size: rows of a batch, at most.
        """
        self.windows, self.origins = windows, origins(windows.form, rows)
        self._items = windows.items(np.array(self.origins, np.int64))
        self.batch_size = min(batch_size, self._items.size)

    def __len__(self) -> int:
        """Number of batches."""
        return -(-self._items.size // self.batch_size)

    def make(self, epoch: int, index: int) -> dict[str, NDArray[Any]]:
        """Return batch `index`."""
        return self.windows.batch(self._items[index * self.batch_size : (index + 1) * self.batch_size], self.batch_size)
