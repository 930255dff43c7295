"""The flow of gradients back in time: gradient norm at a hidden state against its distance from the loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from gru_bench.config import Config
from gru_bench.errors import ConfigError
from gru_bench.models.model import Model
from gru_bench.models.probes import carry_gradients
from gru_bench.models.stack import RecurrentLayer, Seen
from gru_bench.tasks.task import Batch, Task
from gru_bench.training.blueprint import Blueprint
from gru_bench.training.saved import load_run
from gru_bench.training.setup import load_task

FLOOR = 1e-300
"""Lower bound of norms: float64 cannot represent much smaller ones in full precision."""


def initial_gradient_norms(config: Config) -> dict[str, float]:
    """Return `gradient_norms` of the untrained network, on the first validation batch.

    Raises:
        UserError: a bidirectional network, a wrong setting, or missing data.
    """
    task, data = load_task(config)
    network, _ = Blueprint(config, task).draw(config.seed)
    return gradient_norms(network, task, task.eval_batches(data, "valid", config.training)[0])


def trained_gradient_norms(run_dir: Path, mirror: str | None = None, cache: str | None = None) -> dict[str, float]:
    """Return `gradient_norms` of the best weights of a run, on the first validation batch.

    Args:
        run_dir: a run directory.
        mirror: folder of local copies of public files; by default the run's own setting.
        cache: folder of downloads and prepared data; by default the run's own setting.

    Raises:
        UserError: a bidirectional network, no such run, no weights, or changed data.
    """
    saved = load_run(run_dir)
    batches = saved.task.eval_batches(saved.load_data(mirror, cache), "valid", saved.config.training)
    return gradient_norms(saved.network, saved.task, batches[0])


def gradient_norms(network: Model, task: Task, batch: Batch) -> dict[str, float]:
    """Return norms of the gradient of the loss at the last scored time step, by lag.

    The loss of each sequence is summed, and only its dependence on the last layer's output at one time step T is
    considered: the last step that it depends on. `lag_k` is the geometric mean over sequences of |dL/dh| for h after
    step T - k, where h is the hidden state of the last layer and the rest of the carry is held fixed; without dropout,
    in float64. A norm below `FLOOR` counts as `FLOOR`. Sequences that are not scored are left out, and so are lags that
    fewer than half of the other sequences reach.

    Args:
        network: a unidirectional network.
        task: defines the loss.
        batch: sequences, as in evaluation; each starts from a zero carry.

    Returns:
        `lag_0`, and `lag_k` for k = 1, 2, 4, ...; `log_slope`, the least-squares slope of ln(lag_k) over k >= 1, per
        time step, without lags at the floor; nan if fewer than two are left. For k >= 1 the same for the gradient with
        respect to the whole carry as `carry_lag_k` and `carry_log_slope`, and for each other part of it: `cell_lag_k`
        and `cell_log_slope`, the cell state of an LSTM.

    Raises:
        ConfigError: the network is bidirectional.
    """
    layer = _last_layer(network)
    if len(layer.directions) > 1:
        raise ConfigError("model.bidirectional", True, "false: a lag is defined for one direction only")
    seen, d_outputs = _at_last_layer(network, task, batch)
    reached = np.abs(d_outputs).max(axis=2) > 0  # (time, batch)
    last = len(reached) - 1 - np.argmax(reached[::-1], axis=0)
    scored = reached.any(axis=0)
    at_last = np.arange(len(reached))[:, None] == last
    exact = _exact_norms(layer, seen, np.where(at_last[..., None], d_outputs, 0.0))
    lags = _lags(last[scored])
    results: dict[str, float] = {}
    for prefix, norms in exact.items():
        means = {lag: _mean(norms[:, scored], last[scored], lag) for lag in lags if lag or not prefix}
        results |= {f"{prefix}lag_{lag}": math.exp(mean) for lag, mean in means.items()}
        results[f"{prefix}log_slope"] = _slope(means)
    return results


def _last_layer(model: Model) -> RecurrentLayer:
    return list(model.recurrent.values())[-1]


def _at_last_layer(model: Model, task: Task, batch: Batch) -> tuple[Seen, np.ndarray]:
    """Return the arguments of the last layer, and the gradient of the summed loss at its outputs, time first."""
    graph, params = nnx.split(model)
    rows = batch["mask"].shape[0]

    def loss(added: Any, params: Any, batch: dict[str, jax.Array]) -> Any:
        model = nnx.merge(graph, params)
        layer = _last_layer(model)
        layer.watched, layer.added = True, None if added is None else nnx.data(added)
        total = task.loss(model, batch, task.initial_carry(model, rows), None).total
        return total, layer.seen

    def outputs_of_layer(params: Any, batch: dict[str, jax.Array]) -> Any:
        return loss(None, params, batch)[1].outputs

    shape = jax.eval_shape(outputs_of_layer, params, dict(batch)).shape
    added = jnp.zeros(shape)
    d_outputs, seen = jax.jit(jax.grad(loss, has_aux=True))(added, params, dict(batch))
    return jax.device_get(seen), np.asarray(d_outputs)


def _exact_norms(layer: RecurrentLayer, seen: Seen, d_outputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return gradient norms (time, batch) in float64: of the hidden state, the whole carry and its other parts."""
    with jax.enable_x64(True):
        wide = jax.tree.map(
            lambda array: jnp.asarray(array, jnp.float64),
            jax.device_get((layer.directions["forward"], seen.inputs, seen.carry["forward"], d_outputs)),
        )
        masks = jax.tree.map(jnp.asarray, {"padding": seen.padding, "reset": seen.reset})
        gradients = jax.jit(carry_gradients, static_argnums=0)(layer.cell, *wide, **masks)
        hidden, parts = layer.cell.hidden(gradients), jax.tree_util.tree_leaves_with_path(gradients)
        arrays = {"": hidden, "carry_": jnp.concatenate([part for _, part in parts], axis=2)}
        for path, part in parts:
            if part is not hidden:
                arrays[f"{jax.tree_util.keystr(path, simple=True)}_"] = part
        return {prefix: _norm(np.asarray(array)) for prefix, array in arrays.items()}


def _norm(array: np.ndarray) -> np.ndarray:
    """Return norms over the last axis, without overflow or underflow of squares."""
    largest = np.abs(array).max(axis=2, keepdims=True)
    return largest[..., 0] * np.linalg.norm(array / np.where(largest > 0, largest, 1.0), axis=2)


def _lags(last: np.ndarray) -> Sequence[int]:
    """Return 0 and the powers of two reached by at least half of the sequences."""
    furthest = int(np.sort(last)[(last.size - 1) // 2]) if last.size else 0
    return [0, *(2**power for power in range(furthest.bit_length()) if 2**power <= furthest)]


def _mean(norms: np.ndarray, last: np.ndarray, lag: int) -> float:
    """Return the mean logarithm of norms (time, batch), `lag` time steps before the last one of each sequence."""
    reached = np.flatnonzero(last >= lag)
    return float(np.log(np.maximum(norms[last[reached] - lag, reached], FLOOR)).mean())


def _slope(means: Mapping[int, float]) -> float:
    kept = {lag: mean for lag, mean in means.items() if lag and mean > math.log(FLOOR)}
    return float(np.polyfit(list(kept), list(kept.values()), 1)[0]) if len(kept) > 1 else math.nan
