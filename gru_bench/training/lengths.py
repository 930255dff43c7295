"""Batches of several shapes in one compiled program: stored at the greatest lengths, computed at their own."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

from gru_bench.data.batches.base import Batches, pad_axis
from gru_bench.tasks.task import Batch
from gru_bench.training.step import Scalars, TrainState, Update, UpdateMetrics

_SHAPE = "shape"  # which of the shapes a stored batch had


def store(batch: Batch, batches: Batches) -> Batch:
    """Return a batch of `batches` padded along each time axis to the greatest length that any batch has there."""
    if len(batches.shapes) == 1:
        return batch
    greatest = {axis: max(shape[axis] for shape in batches.shapes) for axis in batches.shapes[0]}
    padded = {name: pad_axis(batch[name], greatest[axis]) for name, axis in batches.axes.items() if name in batch}
    return {**batch, **padded, _SHAPE: np.asarray(batches.shapes.index(batches.lengths(batch)), np.int32)}


def at_own_shape(update: Update, batches: Batches) -> Update:
    """Return an update that computes no time step that `store` has added."""
    if len(batches.shapes) == 1:
        return update

    def cut(state: TrainState, batch: Batch, scalars: Scalars) -> tuple[TrainState, UpdateMetrics]:
        def at(shape: int) -> Callable[[], tuple[TrainState, UpdateMetrics]]:
            lengths = batches.shapes[shape]
            own = {name: batch[name][:, : lengths[axis]] for name, axis in batches.axes.items() if name in batch}
            return lambda: update(state, {**batch, **own}, scalars)

        return jax.lax.switch(batch[_SHAPE], [at(shape) for shape in range(len(batches.shapes))])

    return cut
