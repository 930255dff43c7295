"""Eight-bit integer weights of a finished run: memory saved, and change of the metric."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from gru_bench.measure.layer import tree_bytes
from gru_bench.training.saved import load_run
from gru_bench.training.step import Params

LARGEST = 127  # largest magnitude of a symmetric signed eight-bit integer


def quantised_numbers(run_dir: Path, mirror: str | None = None, cache: str | None = None) -> dict[str, float]:
    """Score the test split with the best weights of a run, in float32 and rounded to eight bits.

    Args:
        run_dir: a finished run.
        mirror: folder of local copies of public files; by default the run's own setting.
        cache: folder of downloads and prepared data; by default the run's own setting.

    Returns:
        `metric_float32` and `metric_int8`, the selection metric of the task; `bytes_float32` and
        `bytes_int8` of all weights, scales included.

    Raises:
        UserError: there is no such run, it has no weights, or its data has changed.
    """
    saved = load_run(run_dir)
    graph, params = nnx.split(saved.network)
    coarse, size = quantise(params)
    batches = saved.task.eval_batches(saved.load_data(mirror, cache), "test", saved.config.training)
    rounded = dataclasses.replace(saved, network=nnx.merge(graph, coarse))
    return {
        "metric_float32": saved.score(batches)[saved.task.metric],
        "metric_int8": rounded.score(batches)[saved.task.metric],
        "bytes_float32": float(tree_bytes(params)),
        "bytes_int8": float(size),
    }


def quantise(params: Params) -> tuple[Params, int]:
    """Round weights to eight bits and back.

        scale = max |w| / 127;  w' = scale * round(w / scale)

    There is one scale per output of a kernel (per unit and gate in the cells) and per symbol of an embedding, which is
    an output of the head if the two share a table. Biases, gains and peepholes stay float32.

    Returns:
        The rounded weights as float32, and the bytes of eight-bit weights, scales and unchanged weights.
    """
    size = 0

    def rounded(path: tuple[Any, ...], leaf: jax.Array) -> jax.Array:
        nonlocal size
        inputs = _input_axis(jax.tree_util.keystr(path, simple=True, separator="/").split("/"))
        if inputs is None:
            size += leaf.nbytes
            return leaf
        largest = jnp.max(jnp.abs(leaf), axis=inputs, keepdims=True)
        scale = jnp.where(largest > 0, largest, 1.0) / LARGEST
        size += leaf.size + scale.nbytes
        return jnp.round(leaf / scale).astype(jnp.int8).astype(leaf.dtype) * scale

    return jax.tree_util.tree_map_with_path(rounded, params), size


def _input_axis(names: list[str]) -> int | None:
    """Return the input axis of a kernel, or the last axis of an embedding table; None for other weights."""
    if "table" in names:
        return -1
    return 0 if any(name.endswith("kernel") for name in names) else None
