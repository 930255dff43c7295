"""The gates of a model on one batch, whatever the model is made of."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool

from gru_bench.models.probes import gate_activity, gate_values
from gru_bench.models.stack import RecurrentLayer
from gru_bench.tasks.task import Batch, Task
from gru_bench.training.step import Params


class GateProbe:
    """Measures the gates of all recurrent layers as a batch is scored: with its padding, resets and carries."""

    def __init__(self, graph: nnx.GraphDef, task: Task):
        def measure(params: Params, carry: Any, batch: Batch) -> dict[str, Array]:
            model = nnx.merge(graph, params)
            layers = model.recurrent
            for layer in layers.values():
                layer.watched = True
            task.score(model, batch, carry)
            return {
                f"{name}/{place}": value
                for name, layer in layers.items()
                for place, value in layer_activity(layer, real_steps(batch, layer)).items()
            }

        self._graph, self._task, self._measure = graph, task, jax.jit(measure)

    def __call__(self, params: Params, batch: Batch) -> dict[str, float]:
        """Return mean and saturated share of each gate, named `<layer>/<direction>/<gate>/<mean|saturated>`.

        They are taken over the time steps that hold data: neither padding nor rows that only fill the batch.
        """
        carry = self._task.initial_carry(nnx.merge(self._graph, params), batch["mask"].shape[0])
        return {name: float(value) for name, value in jax.device_get(self._measure(params, carry, batch)).items()}


def real_steps(batch: Batch, layer: RecurrentLayer) -> Bool[Array, "time batch"]:
    """Return which time steps that a watched layer read hold data.

    A layer may read several sequences of each row of the batch, such as the turns of a dialogue. A layer that need not
    know where its sequences end has no padding mask; then `padding` of the batch is taken, or else its `mask`, of the
    same time axis.
    """
    seen = layer.seen
    shape = seen.inputs.shape[:2]
    mask = jnp.asarray(batch["mask"])
    rows = mask.reshape(len(mask), -1).any(axis=1).repeat(shape[1] // len(mask))
    masks = [seen.padding, *(jnp.asarray(batch[name]).T for name in ("padding", "mask") if name in batch)]
    whole = jnp.broadcast_to(rows, shape)
    return whole & next((steps for steps in masks if steps is not None and steps.shape == shape), whole)


def layer_activity(layer: RecurrentLayer, counted: Bool[Array, "time batch"]) -> dict[str, Array]:
    """Return what the gates of a watched layer did, over the time steps that count; see `GateProbe`."""
    seen, activity = layer.seen, {}
    for name, weights in layer.directions.items():
        gates, _ = gate_values(
            layer.cell,
            weights,
            seen.inputs,
            seen.carry[name],
            padding=seen.padding,
            reset=seen.reset,
            reverse=name == "backward",
            precision=jnp.dtype(layer.execution.precision),
        )
        for gate, measured in gate_activity(gates, counted).items():
            activity |= {f"{name}/{gate}/{what}": value for what, value in measured.items()}
    return activity
