"""How the state of one run, or those of several that are trained at once, lies on the devices.

Why replicas follow each other on a processor's core and are one batched computation on an accelerator:
docs/decisions/replicas.md.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.multihost_utils import broadcast_one_to_all
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array

from gru_bench.data.batches.base import Batches
from gru_bench.errors import ConfigError
from gru_bench.tasks.task import Batch
from gru_bench.training.environment import threads
from gru_bench.training.lengths import at_own_shape
from gru_bench.training.processes import channel
from gru_bench.training.step import Compiled, Scalars, TrainState, Update, UpdateMetrics, make_dispatch

_FORCED = "xla_force_host_platform_device_count"

logger = logging.getLogger("gru_bench")


@runtime_checkable
class Layout(Protocol):
    """Joins what belongs to several runs, row by row, and takes it apart again."""

    def join(self, states: Sequence[TrainState]) -> TrainState:
        """Return the states of all runs as one, on the devices."""
        ...

    def part(self, state: TrainState, row: int) -> TrainState:
        """Return the state of one run, on one device."""
        ...

    def batch(self, batches: Sequence[Batch]) -> Batch:
        """Return the batches of all runs for one update as one; of a batch that processes share, this one's part."""
        ...

    def place(self, batches: Batch) -> Batch:
        """Put batches, stacked over updates, on the devices."""
        ...

    def scalars(self, scalars: Sequence[dict[str, float]]) -> Scalars:
        """Return the scalars in which runs differ as one."""
        ...

    def losses(self, metrics: UpdateMetrics) -> tuple[np.ndarray, np.ndarray]:
        """Return losses and gradient norms of some updates, of shape (updates, rows)."""
        ...

    def compile(self, update: Update) -> Compiled:
        """Return several updates of all runs as one compiled function; see `make_dispatch`."""
        ...


def make_layout(runs: int, batch_size: int, batches: Batches, devices: int | str) -> Layout:
    """Choose the layout.

    Args:
        runs: how many runs are trained at once.
        batch_size: sequences of a batch of one run.
        batches: those of a run; the shapes are the same for all.
        devices: how many devices of each process to use, or `all`. Replicas always use all cores of a processor.

    Raises:
        ConfigError: there are not so many devices, or they cannot share a batch.
    """
    present = jax.local_devices()
    count = len(present) if devices == "all" else int(devices)
    if count > len(present):
        raise ConfigError("training.devices", devices, f"at most {len(present)}, or all: that many devices are here")
    if runs > 1:
        on_cores = present[0].platform == "cpu"
        return Together(runs, batches, present if on_cores else present[:count], one_by_one=on_cores)
    processes = jax.process_count()
    if count * processes == 1:
        return Alone(batches)
    if batch_size % (count * processes):
        of_processes = f" and training.processes={processes}" if processes > 1 else ""
        raise ConfigError(
            "training.batch_size",
            batch_size,
            f"a multiple of {count * processes} with training.devices={devices}{of_processes}",
            "Each device takes an equal share of a batch.",
        )
    return DataParallel(batches, present[:count]) if processes == 1 else Shared(batches, batch_size, count)


class Alone:
    """One run on one device."""

    def __init__(self, batches: Batches):
        """Take the batches, for their shapes."""
        self._read = batches

    def join(self, states: Sequence[TrainState]) -> TrainState:
        """Return the state of the run."""
        (state,) = states
        return state

    def part(self, state: TrainState, row: int) -> TrainState:
        """Return the state."""
        return state

    def batch(self, batches: Sequence[Batch]) -> Batch:
        """Return the batch."""
        (batch,) = batches
        return batch

    def place(self, batches: Batch) -> Batch:
        """Leave it to the dispatch."""
        return batches

    def scalars(self, scalars: Sequence[dict[str, float]]) -> Scalars:
        """Return none: all settings are constants."""
        return {}

    def losses(self, metrics: UpdateMetrics) -> tuple[np.ndarray, np.ndarray]:
        """Return losses and gradient norms, of shape (updates, 1)."""
        loss, norm = jax.device_get(metrics)
        return loss[:, None], norm[:, None]

    def compile(self, update: Update) -> Compiled:
        """Return several updates as one compiled function."""
        return Compiled(make_dispatch(at_own_shape(update, self._read)), donate=(0,))


class DataParallel(Alone):
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
        self._places = self._places_of(state)
        return jax.device_put(state, self._places)

    def _places_of(self, state: TrainState) -> TrainState:
        everywhere = jax.tree.map(lambda _: self._everywhere, state)
        return everywhere._replace(carry=jax.tree.map(lambda _: self._rows, state.carry))

    def part(self, state: TrainState, row: int) -> TrainState:
        """Return the state on the first device, so that all but the updates is that of a run on one device."""
        return jax.device_put(state, self._first)

    def place(self, batches: Batch) -> Batch:
        """Share the rows of the batches out."""
        return {
            name: jax.device_put(array, self._batches if array.ndim > 1 else self._everywhere)
            for name, array in batches.items()
        }

    def compile(self, update: Update) -> Compiled:
        """Return several updates as one compiled function."""
        dispatch = make_dispatch(at_own_shape(update, self._read))
        return Compiled(dispatch, donate=(0,), out_shardings=(self._places, self._everywhere))


class Shared(DataParallel):
    """One run on the devices of several processes; see `gru_bench.training.processes`."""

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
            channel.say("begin")
        channel.meet()
        self._places = self._places_of(state)
        plain = broadcast_one_to_all(state._replace(key=jax.random.key_data(state.key)))

        def placed(array: np.ndarray, place: NamedSharding) -> jax.Array:
            return jax.make_array_from_callback(array.shape, place, lambda index: array[index])

        told = jax.tree.map(placed, plain, self._places)
        wrap = jax.jit(jax.random.wrap_key_data, out_shardings=self._everywhere)
        return told._replace(key=wrap(told.key))

    def part(self, state: TrainState, row: int) -> TrainState:
        """Return the state on the first device of process 0."""
        channel.say("gather")
        here = state._replace(carry=self.gather(state))
        return jax.device_put(jax.tree.map(lambda leaf: leaf.addressable_data(0), here), self._first)

    def gather(self, state: TrainState) -> Any:
        """Return the carry whole, on each device; all processes do so at once."""
        return self._whole(state.carry)

    def batch(self, batches: Sequence[Batch]) -> Batch:
        """Return the rows of the batch that are this process's."""
        (batch,) = batches
        return {name: array[self._own] if array.ndim else array for name, array in batch.items()}

    def place(self, batches: Batch) -> Batch:
        """Put the rows on this process's devices."""

        def placed(array: np.ndarray) -> jax.Array:
            if array.ndim == 1:
                return jax.make_array_from_process_local_data(self._everywhere, array)
            whole = (len(array), self._size, *array.shape[2:])
            return jax.make_array_from_process_local_data(self._batches, array, whole)

        return {name: placed(array) for name, array in batches.items()}

    def compile(self, update: Update) -> Compiled:
        """Return several updates as one compiled function, which process 0 tells the others to call as well."""
        dispatch = make_dispatch(at_own_shape(update, self._read))
        return _Told(dispatch, donate=(0,), out_shardings=(self._places, self._everywhere))


class _Told(Compiled):
    """Updates that all processes do at once."""

    def __call__(self, *arguments: Any) -> Any:
        """Have all processes run."""
        _, _, count, _ = arguments
        if jax.process_index() == 0:
            channel.say(f"update {count}")
        return super().__call__(*arguments)

    def executable(self, *arguments: Any) -> Any:
        """Return the compiled function once all have it, because a collective waits for half a minute only."""
        before = len(self._executables)
        found = super().executable(*arguments)
        if len(self._executables) > before:
            channel.meet()
        return found


class Together:
    """Several runs that differ in their numbers alone, stacked along a first axis and shared out to the devices.

    Rows that only make the shares equal repeat the first run.
    """

    def __init__(self, runs: int, batches: Batches, devices: Sequence[Any], *, one_by_one: bool):
        """Share the runs out.

        Args:
            runs: how many there are.
            batches: those of a run.
            devices: where they may run.
            one_by_one: whether the runs of a device follow each other, update by update, or are one batched
                computation.
        """
        share = math.ceil(runs / min(runs, len(devices)))
        devices = devices[: math.ceil(runs / share)]
        self._first, self._filling, self._read = devices[0], share * len(devices) - runs, batches
        self._mesh, self._one_by_one = Mesh(np.array(devices), ("replica",)), one_by_one

    def join(self, states: Sequence[TrainState]) -> TrainState:
        """Return the states stacked, each device's share on it."""
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *self._filled(states))
        return jax.device_put(stacked, NamedSharding(self._mesh, PartitionSpec("replica")))

    def part(self, state: TrainState, row: int) -> TrainState:
        """Return the state of one run, on the first device."""
        return jax.device_put(_row(state, row), self._first)

    def batch(self, batches: Sequence[Batch]) -> Batch:
        """Return the batches stacked."""
        filled = self._filled(batches)
        return {name: np.stack([batch[name] for batch in filled]) for name in filled[0]}

    def place(self, batches: Batch) -> Batch:
        """Put each run's batches where its state is."""
        return jax.device_put(dict(batches), NamedSharding(self._mesh, PartitionSpec(None, "replica")))

    def scalars(self, scalars: Sequence[dict[str, float]]) -> Scalars:
        """Return the scalars as arrays, where the states are."""
        filled = self._filled(scalars)
        values = {name: np.array([values[name] for values in filled], np.float32) for name in filled[0]}
        return jax.device_put(values, NamedSharding(self._mesh, PartitionSpec("replica")))

    def losses(self, metrics: UpdateMetrics) -> tuple[np.ndarray, np.ndarray]:
        """Return losses and gradient norms, of shape (updates, rows)."""
        return tuple(jax.device_get(metrics))

    def compile(self, update: Update) -> Compiled:
        """Return several updates of all runs as one compiled function; devices do not wait for each other.

        A batched computation has one length: it takes the added time steps along, which change no result.
        """

        def one_by_one(state: TrainState, batch: Batch, scalars: Scalars) -> tuple[TrainState, UpdateMetrics]:
            return jax.lax.map(lambda row: alone(*row), (state, dict(batch), scalars))

        alone = at_own_shape(update, self._read)
        each = one_by_one if self._one_by_one else jax.vmap(update)
        rows = PartitionSpec("replica")
        of_updates = PartitionSpec(None, "replica")
        shared_out = jax.shard_map(
            make_dispatch(each),
            mesh=self._mesh,
            in_specs=(rows, of_updates, PartitionSpec(), rows),
            out_specs=(rows, of_updates),
            check_vma=False,
        )
        return Compiled(shared_out, donate=(0,))

    def _filled(self, values: Sequence[Any]) -> list[Any]:
        return [*values, *([values[0]] * self._filling)]


def take_cores_as_devices(most: int) -> None:
    """Have XLA take each core as a device, up to `most`, so that replicas can run side by side.

    It must come before the first computation of a process; later it changes nothing, and is told so in the log.
    """
    if _FORCED in os.environ.get("XLA_FLAGS", ""):
        return
    try:
        jax.config.update("jax_num_cpu_devices", min(most, threads()))
    except RuntimeError:
        logger.info(
            "This process has computed before: replicas share its %d device(s) instead of one per core.",
            len(jax.local_devices()),
        )


@jax.jit
def _row(tree: Any, row: Array | int) -> Any:
    return jax.tree.map(lambda leaf: leaf[row], tree)
