"""Batches of several lengths in one compiled program: stored at the greatest length, computed at their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import numpy as np

from gru_bench.tasks.task import Batch
from gru_bench.training.step import Scalars, TrainState, Update, UpdateMetrics

_TIMED = ("inputs", "padding")  # what has time steps, along its second axis, where batches differ in length
_LENGTH = "length"  # which of the lengths a batch had


def store(batch: Batch, lengths: Sequence[int]) -> Batch:
    """Return a batch padded to the greatest of `lengths`, which are ascending; see `TrainBatches`."""
    if len(lengths) == 1:
        return batch
    length = batch["inputs"].shape[1]

    def pad(array: np.ndarray) -> np.ndarray:
        return np.pad(array, ((0, 0), (0, lengths[-1] - length), *((0, 0),) * (array.ndim - 2)))

    padded = {name: pad(batch[name]) for name in _TIMED}
    return {**batch, **padded, _LENGTH: np.asarray(lengths.index(length), np.int32)}


def at_own_length(update: Update, lengths: Sequence[int]) -> Update:
    """Return an update that computes no time step that `store` has added."""
    if len(lengths) == 1:
        return update

    def cut(state: TrainState, batch: Batch, scalars: Scalars) -> tuple[TrainState, UpdateMetrics]:
        def at(length: int) -> Callable[[], tuple[TrainState, UpdateMetrics]]:
            return lambda: update(state, {**batch, **{name: batch[name][:, :length] for name in _TIMED}}, scalars)

        return jax.lax.switch(batch[_LENGTH], [at(length) for length in lengths])

    return cut
