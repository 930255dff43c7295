"""Metrics of a split: sums over batches, divided once at the end, and what is decoded of them."""

from __future__ import annotations

from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from gru_bench.data.batches.base import Batches
from gru_bench.tasks.task import Batch, Carry, Sums, Task
from gru_bench.training.step import Compiled, Params


class Evaluator:
    """Scores a split with given weights; compiled once per shape of a batch."""

    def __init__(self, graph: nnx.GraphDef, task: Task):
        self._graph, self._task = graph, task

        def score(params: Params, carry: Carry, batch: Batch) -> tuple[Carry, Sums]:
            return task.score(nnx.merge(graph, params), batch, carry)

        def add(params: Params, carry: Carry, sums: Sums, batch: Batch) -> tuple[Carry, Sums]:
            carry, batch_sums = score(params, carry, batch)
            return carry, jax.tree.map(jnp.add, sums, batch_sums)

        self._score, self._add = score, Compiled(add)
        self._zero: Sums | None = None

    def __call__(self, params: Params, batches: Batches, *, decode: bool = True) -> dict[str, float]:
        """Return the task's metrics over all batches; see `sums` and `metrics`."""
        return self.metrics(params, batches, self.sums(params, batches), decode=decode)

    def metrics(
        self, params: Params, batches: Batches, sums: dict[str, np.ndarray], *, decode: bool = True
    ) -> dict[str, float]:
        """Return the task's metrics.

        Args:
            params: weights.
            batches: the whole split.
            sums: over these batches.
            decode: whether metrics of decoded output are wanted, where the task has such.
        """
        metrics = self._task.metrics(sums)
        if decode and self._task.decodes:
            model = nnx.merge(self._graph, params)
            metrics |= self._task.decoded_metrics([self._task.decode(model, batch) for batch in batches])
        return metrics

    def batch_bytes(self, params: Params, batch: Batch) -> int | None:
        """Return the memory that scoring a batch needs; see `needed_bytes`."""
        carry = self._carry(params, batch)
        self._add(params, carry, self._zeros(params, carry, batch), batch)
        return self._add.step_bytes

    def sums(self, params: Params, batches: Batches) -> dict[str, np.ndarray]:
        """Return the sums that the task's metrics are made of, over all batches in order.

        Args:
            params: weights.
            batches: the whole split; a carry passes from each batch to the next one.
        """
        carry = self._carry(params, batches[0])
        sums = self._zeros(params, carry, batches[0])
        for batch in batches:
            carry, sums = self._add(params, carry, sums, batch)
        return jax.device_get(sums)

    def _carry(self, params: Params, batch: Batch) -> Carry:
        return self._task.initial_carry(nnx.merge(self._graph, params), batch["mask"].shape[0])

    def _zeros(self, params: Params, carry: Carry, batch: Batch) -> Sums:
        if self._zero is None:
            _, shapes = jax.eval_shape(self._score, params, carry, batch)
            self._zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return cast(Sums, self._zero)
