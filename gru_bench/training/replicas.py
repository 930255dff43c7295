"""The layout of replicas: several runs that are trained at once.

Why they follow each other on a processor's core and are one batched computation on an accelerator:
docs/decisions/replicas.md.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array

from gru_bench.data.batches.base import Batches
from gru_bench.tasks.task import Batch
from gru_bench.training.environment import threads
from gru_bench.training.lengths import at_own_shape
from gru_bench.training.step import Compiled, Scalars, TrainState, Update, UpdateMetrics, make_dispatch

_FORCED = "xla_force_host_platform_device_count"

logger = logging.getLogger("gru_bench")


class Replicas:
    """Several runs that differ in their numbers alone, stacked along a first axis and shared out to the devices.

    Filler rows, which make the shares equal, repeat the first run.

    Attributes:
        rows: how many there are with them.
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
        self.rows = share * len(devices)
        self._first, self._filling, self._run_batches = devices[0], self.rows - runs, batches
        self._mesh, self._one_by_one = Mesh(np.array(devices), ("replica",)), one_by_one

    def join(self, states: Sequence[TrainState]) -> TrainState:
        """Return the states stacked, each device's share on it."""
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *self._filled(states))
        return jax.device_put(stacked, NamedSharding(self._mesh, PartitionSpec("replica")))

    def gather(self, state: TrainState, row: int) -> TrainState:
        """Return the state of one run, on the first device."""
        return jax.device_put(_row(state, row), self._first)

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

        A batched computation has one length: it computes the padded time steps as well, which change no result.
        """

        def one_by_one(state: TrainState, batch: Batch, scalars: Scalars) -> tuple[TrainState, UpdateMetrics]:
            return jax.lax.map(lambda row: alone(*row), (state, dict(batch), scalars))

        alone = at_own_shape(update, self._run_batches)
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


@jax.jit
def _row(tree: Any, row: Array | int) -> Any:
    return jax.tree.map(lambda leaf: leaf[row], tree)


def use_cores_as_devices(most: int) -> None:
    """Make XLA treat each core as a device, up to `most`, so that replicas can run side by side.

    It must come before the first computation of a process; later it changes nothing, and the log says so.
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
