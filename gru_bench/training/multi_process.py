"""The layout of one run on the devices of several processes; see `gru_bench.training.processes`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental.multihost_utils import broadcast_one_to_all
from jax.sharding import NamedSharding

from gru_bench.data.batches.base import Batches
from gru_bench.tasks.task import Batch
from gru_bench.training.data_parallel import DataParallel
from gru_bench.training.lengths import at_own_shape
from gru_bench.training.processes import channel
from gru_bench.training.step import Compiled, TrainState, Update, make_dispatch


class MultiProcess(DataParallel):
    """One run on the devices of several processes; process 0 announces each collective call to the others."""

    def __init__(self, batches: Batches, batch_size: int, count: int):
        """Take the batches, the rows of one, and how many devices of each process there are."""
        by_process: dict[int, list[Any]] = {}
        for device in jax.devices():
            by_process.setdefault(device.process_index, []).append(device)
        super().__init__(batches, [device for _, own in sorted(by_process.items()) for device in own[:count]])
        self._leads = jax.process_index() == 0
        self._first, self._size = jax.local_devices()[0], batch_size
        share = batch_size // len(by_process)
        self._own = slice(jax.process_index() * share, (jax.process_index() + 1) * share)
        self._whole = jax.jit(lambda carry: carry, out_shardings=self._everywhere)

    def join(self, states: Sequence[TrainState]) -> TrainState:
        """Return the state that process 0 has, on the devices of all."""
        (state,) = states
        if self._leads:
            channel.send("begin")
        channel.wait_for_all()
        self._shardings = self._state_shardings(state)
        plain = broadcast_one_to_all(state._replace(key=jax.random.key_data(state.key)))

        def placed(array: np.ndarray, sharding: NamedSharding) -> jax.Array:
            return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

        state = jax.tree.map(placed, plain, self._shardings)
        wrap = jax.jit(jax.random.wrap_key_data, out_shardings=self._everywhere)
        return state._replace(key=wrap(state.key))

    def gather(self, state: TrainState, run: int) -> TrainState:
        """Return the state, the carry whole, on this process's first device."""
        if self._leads:
            channel.send("gather")
        whole = state._replace(carry=self._whole(state.carry))
        return jax.device_put(jax.tree.map(lambda leaf: leaf.addressable_data(0), whole), self._first)

    def place(self, batches: Batch) -> Batch:
        """Put this process's rows on its devices."""

        def placed(array: np.ndarray) -> jax.Array:
            if array.ndim == 1:
                return jax.make_array_from_process_local_data(self._everywhere, array)
            return jax.make_array_from_process_local_data(self._batches, array[:, self._own], array.shape)

        return {name: placed(array[0]) for name, array in batches.items()}

    def compile(self, update: Update) -> Compiled:
        """Return several updates as one compiled function, which all processes call when process 0 does."""
        dispatch = make_dispatch(at_own_shape(update, self._run_batches))
        return _CollectiveUpdates(dispatch, donate=(0,), out_shardings=(self._shardings, self._everywhere))


class _CollectiveUpdates(Compiled):
    """Updates that all processes compute at once."""

    def __call__(self, *arguments: Any) -> Any:
        """Have all processes run."""
        _, _, count, _ = arguments
        if jax.process_index() == 0:
            channel.send(f"update {count}")
        return super().__call__(*arguments)

    def executable(self, *arguments: Any) -> Any:
        """Return the compiled function once all processes have it: a collective waits for half a minute only."""
        before = len(self._executables)
        executable = super().executable(*arguments)
        if len(self._executables) > before:
            channel.wait_for_all()
        return executable
