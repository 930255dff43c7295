"""Metrics of a split: sums over batches, divided once at the end."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from gru_bench.tasks.task import Batch, Carry, EvalBatches, Sums, Task
from gru_bench.training.step import Compiled, Params


class Evaluator:
    """Scores a split with given weights; compiled once per shape of a batch."""

    def __init__(self, graph: nnx.GraphDef, task: Task):
        self._graph, self._task = graph, task

        def add(params: Params, carry: Carry, sums: Sums, batch: Batch) -> tuple[Carry, Sums]:
            carry, batch_sums = task.score(nnx.merge(graph, params), batch, carry)
            return carry, jax.tree.map(jnp.add, sums, batch_sums)

        self._add = Compiled(add)

    def __call__(self, params: Params, batches: EvalBatches) -> dict[str, float]:
        """Return the task's metrics over all batches; see `sums`."""
        return self._task.metrics(self.sums(params, batches))

    def batch_bytes(self, params: Params, batch: Batch) -> int | None:
        """Return the memory that scoring a batch needs; see `needed_bytes`."""
        carry = self._task.initial_carry(nnx.merge(self._graph, params), batch["mask"].shape[0])
        self._add(params, carry, self._task.zero_sums(), batch)
        return self._add.step_bytes

    def sums(self, params: Params, batches: EvalBatches) -> dict[str, np.ndarray]:
        """Return the sums that the task's metrics are made of, over all batches in order.

        Args:
            params: weights.
            batches: the whole split; a carry passes from each batch to the next one.
        """
        carry = self._task.initial_carry(nnx.merge(self._graph, params), batches[0]["mask"].shape[0])
        sums = self._task.zero_sums()
        for index in range(len(batches)):
            carry, sums = self._add(params, carry, sums, batches[index])
        return jax.device_get(sums)
