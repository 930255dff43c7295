"""Layouts of one run in one process: on a single device, or data-parallel on several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gru_bench.data.batches.base import Batches
from gru_bench.tasks.task import Batch
from gru_bench.training.lengths import at_own_shape
from gru_bench.training.step import Compiled, Scalars, TrainState, Update, UpdateMetrics, make_dispatch


class SingleDevice:
    """One run on one device."""

    rows: Sequence[int | None] = (0,)
    skips_rows = False

    def __init__(self, batches: Batches):
        """Take the batches, for their shapes."""
        self._run_batches = batches

    def join(self, states: Sequence[TrainState]) -> TrainState:
        """Return the state of the run."""
        (state,) = states
        return state

    def arrange(self, runs: int) -> None:
        """Leave the one run where it is."""

    def gather(self, state: TrainState, run: int) -> TrainState:
        """Return the state."""
        return state

    def place(self, batches: Batch) -> Batch:
        """Return the batches of the one run; the dispatch puts them on the device."""
        return {name: array[0] for name, array in batches.items()}

    def counts(self, count: int) -> np.int32:
        """Return the number."""
        return np.int32(count)

    def scalars(self, scalars: Sequence[dict[str, float]]) -> Scalars:
        """Return none: all settings are constants."""
        return {}

    def losses(self, metrics: UpdateMetrics) -> tuple[np.ndarray, np.ndarray]:
        """Return losses and gradient norms, of shape (updates, 1)."""
        loss, norm = jax.device_get(metrics)
        return loss[:, None], norm[:, None]

    def compile(self, update: Update) -> Compiled:
        """Return several updates as one compiled function."""
        return Compiled(make_dispatch(at_own_shape(update, self._run_batches)), donate=(0,))


class DataParallel(SingleDevice):
    """One run on several devices: each has all weights and an equal share of the batch and of the carry."""

    def __init__(self, batches: Batches, devices: Sequence[Any]):
        """Take the batches, and the devices."""
        super().__init__(batches)
        self._first = devices[0]
        mesh = Mesh(np.array(devices), ("share",))
        self._everywhere = NamedSharding(mesh, PartitionSpec())
        self._rows = NamedSharding(mesh, PartitionSpec("share"))
        self._batches = NamedSharding(mesh, PartitionSpec(None, "share"))

    def join(self, states: Sequence[TrainState]) -> TrainState:
        """Return the state of the run, on the devices."""
        (state,) = states
        self._shardings = self._state_shardings(state)
        return jax.device_put(state, self._shardings)

    def gather(self, state: TrainState, run: int) -> TrainState:
        """Return the state on the first device, so that all but the updates is that of a run on one device."""
        return jax.device_put(state, self._first)

    def place(self, batches: Batch) -> Batch:
        """Share the rows of the batches out."""
        return {
            name: jax.device_put(array, self._batches if array.ndim > 1 else self._everywhere)
            for name, array in super().place(batches).items()
        }

    def compile(self, update: Update) -> Compiled:
        """Return several updates as one compiled function."""
        dispatch = make_dispatch(at_own_shape(update, self._run_batches))
        return Compiled(dispatch, donate=(0,), out_shardings=(self._shardings, self._everywhere))

    def _state_shardings(self, state: TrainState) -> TrainState:
        everywhere = jax.tree.map(lambda _: self._everywhere, state)
        return everywhere._replace(carry=jax.tree.map(lambda _: self._rows, state.carry))
