"""One optimiser update as a pure function, and its compilation."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float, Int

from gru_bench.tasks.task import Batch, Carry, Loss, Task

Params = nnx.State

_NOISE = 0x6E6F6973
"""Folded into the key of an update, so that noise on weights is drawn apart from dropout masks."""


class TrainState(NamedTuple):
    """All that changes from update to update.

    Attributes:
        params: weights.
        optimizer: state of the optax chain.
        carry: the recurrent carry that the next batch starts from.
        key: draws dropout masks and weight noise, folded with `update`; never changes.
        update: number of updates done.
    """

    params: Params
    optimizer: optax.OptState
    carry: Carry
    key: Array
    update: Int[Array, ""]


class UpdateMetrics(NamedTuple):
    """Metrics of one update: loss per item, the global gradient norm before clipping."""

    loss: Float[Array, ""]
    gradient_norm: Float[Array, ""]


Reduction = Literal["item_mean", "sequence_sum"]
Scalars = Mapping[str, Array]
Update = Callable[[TrainState, Batch, Scalars], tuple[TrainState, UpdateMetrics]]


def make_update(
    graph: nnx.GraphDef,
    task: Task,
    make_chain: Callable[[Scalars], optax.GradientTransformation],
    reduction: Reduction = "item_mean",
    weight_noise: float = 0.0,
) -> Update:
    """Return one update as a pure function of (state, batch, scalars), safe under `jit`, `vmap` and `lax.scan`.

    Args:
        graph: the network without its weights.
        task: gives the loss.
        make_chain: makes the optax chain from the scalars: settings of the optimiser that are arguments of the
            compiled program, because replicas differ in them.
        reduction: the gradient is that of the mean over items (`item_mean`), or of the sum over the items of a
            sequence and mean over sequences (`sequence_sum`; Zaremba et al. 2014 clip that one).
        weight_noise: standard deviation of the Gaussian noise on the weights at which the gradient is taken (Graves
            2011, with a fixed deviation); the update moves the weights without it.
    """

    def update(state: TrainState, batch: Batch, scalars: Scalars) -> tuple[TrainState, UpdateMetrics]:
        key = jax.random.fold_in(state.key, state.update)

        def objective(params: Params) -> tuple[Array, Loss]:
            result = task.loss(nnx.merge(graph, params), batch, state.carry, key)
            divisor = batch["mask"].shape[0] if reduction == "sequence_sum" else jnp.maximum(result.items, 1.0)
            return result.total / divisor, result

        weights = _noisy(state.params, weight_noise, key) if weight_noise else state.params
        gradients, result = jax.grad(objective, has_aux=True)(weights)
        changes, optimizer_state = make_chain(scalars).update(gradients, state.optimizer, state.params)
        after = TrainState(
            params=cast(Params, optax.apply_updates(state.params, changes)),
            optimizer=optimizer_state,
            carry=jax.lax.stop_gradient(result.carry),
            key=state.key,
            update=state.update + 1,
        )
        return after, UpdateMetrics(result.total / jnp.maximum(result.items, 1.0), optax.tree.norm(gradients))

    return update


def _noisy(params: Params, deviation: float, key: Array) -> Params:
    """Return the weights with Gaussian noise, another for each key."""
    noise = optax.tree.random_like(jax.random.fold_in(key, _NOISE), params, jax.random.normal)
    return cast(Params, optax.tree.add_scale(params, deviation, noise))


Dispatch = Callable[[TrainState, Batch, Int[Array, ""], Scalars], tuple[TrainState, UpdateMetrics]]


def make_dispatch(update: Update) -> Dispatch:
    """Return several updates as one function of (state, batches, count, scalars), so that the host is rarely needed.

    Batches are stacked along a first axis; the first `count` of them are used. As `count` is no constant, one
    executable serves every number of updates up to the length of that axis, and gives the same bits for each way to
    cut a run into dispatches. Metrics come back stacked likewise; those after the first `count` are 0.
    """

    def dispatch(
        state: TrainState, batches: Batch, count: Int[Array, ""], scalars: Scalars
    ) -> tuple[TrainState, UpdateMetrics]:
        def at(index: Array | int) -> Batch:
            return jax.tree.map(lambda array: jax.lax.dynamic_index_in_dim(array, index, keepdims=False), batches)

        def one(done: tuple[Array, TrainState, UpdateMetrics]) -> tuple[Array, TrainState, UpdateMetrics]:
            index, state, stacked = done
            state, metrics = update(state, at(index), scalars)
            stacked = jax.tree.map(
                lambda values, value: jax.lax.dynamic_update_index_in_dim(values, value, index, 0), stacked, metrics
            )
            return index + 1, state, stacked

        size = jax.tree.leaves(batches)[0].shape[0]
        _, shapes = jax.eval_shape(update, state, at(0), scalars)
        stacked = jax.tree.map(lambda value: jnp.zeros((size, *value.shape), value.dtype), shapes)
        start = (jnp.zeros((), jnp.int32), state, stacked)
        _, state, stacked = jax.lax.while_loop(lambda done: done[0] < count, one, start)
        return state, stacked

    return dispatch


class Compiled:
    """A function compiled ahead of time, once per shape of its arguments, with the cost of that."""

    def __init__(self, function: Callable[..., Any], donate: tuple[int, ...] = (), out_shardings: Any = None):
        self._function = jax.jit(function, donate_argnums=donate, out_shardings=out_shardings)
        self._executables: dict[Any, Any] = {}
        self.compile_seconds = 0.0
        self.step_bytes: int | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Run, compiling first where these shapes are new."""
        return self.executable(*arguments)(*arguments)

    def executable(self, *arguments: Any) -> Any:
        """Return the compiled function for arguments of these shapes."""
        leaves, structure = jax.tree.flatten(arguments)
        shapes = (structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves))
        if shapes not in self._executables:
            start = time.perf_counter()
            executable = self._function.lower(*arguments).compile()
            self.compile_seconds += time.perf_counter() - start
            self._executables[shapes] = executable
            self.step_bytes = max(self.step_bytes or 0, needed_bytes(executable) or 0) or None
        return self._executables[shapes]


def needed_bytes(executable: Any) -> int | None:
    """Return the memory of a compiled function's arguments, results and temporaries by its own analysis."""
    analysis = executable.memory_analysis()
    if analysis is None:
        return None
    return (
        analysis.argument_size_in_bytes
        + analysis.output_size_in_bytes
        + analysis.temp_size_in_bytes
        - analysis.alias_size_in_bytes
    )
