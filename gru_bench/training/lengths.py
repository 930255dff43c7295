"""Batches of several shapes in one compiled program: stored at the greatest lengths, computed at their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import numpy as np
from numpy.typing import NDArray

from gru_bench.data.batches.base import Batches
from gru_bench.tasks.task import Batch
from gru_bench.training.step import Scalars, TrainState, Update, UpdateMetrics

_SHAPE = "shape"  # which of the shapes a stored batch had


def store(rows: Sequence[Sequence[Batch]], of: Batches, updates: int) -> dict[str, NDArray]:
    """Return the batches of some rows as one array for each name, of shape (rows, updates, ...).

    Each time axis has the greatest length that any batch of `of` has there. What a row does not fill is zero.

    Args:
        rows: the batches of each row, by update; none for a row that is not computed.
        of: the batches that they are from, for the shapes.
        updates: how many updates there is place for.
    """
    greatest = {axis: max(shape[axis] for shape in of.shapes) for axis in of.shapes[0]}
    stored = {}
    for name, array in next(row[0] for row in rows if row).items():
        steps = [greatest[of.axes[name]]] if name in of.axes else [*array.shape[1:2]]
        stored[name] = np.zeros((len(rows), updates, *array.shape[:1], *steps, *array.shape[2:]), array.dtype)
    if len(of.shapes) > 1:
        stored[_SHAPE] = np.zeros((len(rows), updates), np.int32)
    for place, batch in (((row, update), each) for row, own in enumerate(rows) for update, each in enumerate(own)):
        for name, array in batch.items():
            whole = stored[name][place]
            (whole[:, : array.shape[1]] if name in of.axes else whole)[...] = array
        if len(of.shapes) > 1:
            stored[_SHAPE][place] = of.shapes.index(of.lengths(batch))
    return stored


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
