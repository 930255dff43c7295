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

_ROWS = PartitionSpec("replica")
_FORCED = "xla_force_host_platform_device_count"

logger = logging.getLogger("gru_bench")


class Replicas:
    """Several runs that differ in their numbers alone, stacked along a first axis and shared out to the devices.

    Attributes:
        rows: the run of each row. Further rows, which make the shares equal, compute nothing where rows are skipped,
            and the first run where all rows of a device are one computation.
        skips_rows: whether the runs of a device follow each other.
    """

    def __init__(self, runs: int, batches: Batches, devices: Sequence[Any], *, one_by_one: bool):
        """Share the runs out.

        Args:
            runs: how many there are.
            batches: those of a run.
            devices: where they may run.
            one_by_one: whether the runs of a device follow each other, or are one batched computation.
        """
        self._share = math.ceil(runs / min(runs, len(devices)))
        devices = devices[: math.ceil(runs / self._share)]
        self._first, self._run_batches, self.skips_rows = devices[0], batches, one_by_one
        self._by_row = NamedSharding(Mesh(np.array(devices), ("replica",)), _ROWS)
        self.arrange(runs)

    def arrange(self, runs: int) -> None:
        """Spread so many runs evenly over the devices; there may be fewer than at first, but not more."""
        size = self._by_row.mesh.size * self._share
        self._row_of = sorted(range(size), key=lambda row: (row % self._share, row))[:runs]
        run_of = {row: run for run, row in enumerate(self._row_of)}
        self.rows: Sequence[int | None] = [run_of.get(row, None if self.skips_rows else 0) for row in range(size)]

    def join(self, states: Sequence[TrainState]) -> TrainState:
        """Return the states stacked, each device's share on it."""
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *self._by_rows(states))
        return jax.device_put(stacked, self._by_row)

    def gather(self, state: TrainState, run: int) -> TrainState:
        """Return the state of one run, on the first device."""
        return jax.device_put(_row(state, self._row_of[run]), self._first)

    def place(self, batches: Batch) -> Batch:
        """Put each row's batches where its state is."""
        return jax.device_put(dict(batches), self._by_row)

    def counts(self, count: int) -> jax.Array:
        """Return how many updates each row does."""
        counts = np.array([0 if run is None else count for run in self.rows], np.int32)
        return jax.device_put(counts, self._by_row)

    def scalars(self, scalars: Sequence[dict[str, float]]) -> Scalars:
        """Return the scalars as arrays, where the states are."""
        by_rows = self._by_rows(scalars)
        values = {name: np.array([values[name] for values in by_rows], np.float32) for name in by_rows[0]}
        return jax.device_put(values, self._by_row)

    def losses(self, metrics: UpdateMetrics) -> tuple[np.ndarray, np.ndarray]:
        """Return losses and gradient norms, of shape (updates, runs)."""
        losses, norms = (values[self._row_of].T for values in jax.device_get(metrics))
        return losses, norms

    def compile(self, update: Update) -> Compiled:
        """Return several updates of all runs as one compiled function; devices do not wait for each other.

        A batched computation has one length: it computes the padded time steps as well, which change no result.
        """
        alone = make_dispatch(at_own_shape(update, self._run_batches))
        batched = jax.vmap(make_dispatch(update), in_axes=(0, 0, None, 0))

        def one_by_one(*rows: Any) -> tuple[TrainState, UpdateMetrics]:
            return jax.lax.map(lambda row: alone(*row), rows)

        def at_once(state: TrainState, batches: Batch, counts: Array, scalars: Scalars) -> Any:
            return batched(state, batches, counts[0], scalars)

        shared_out = jax.shard_map(
            one_by_one if self.skips_rows else at_once,
            mesh=self._by_row.mesh,
            in_specs=_ROWS,
            out_specs=_ROWS,
            check_vma=False,
        )
        return Compiled(shared_out, donate=(0,))

    def _by_rows(self, values: Sequence[Any]) -> list[Any]:
        return [values[run or 0] for run in self.rows]


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
