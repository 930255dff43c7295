"""Cross-entropy of an affine map over a large vocabulary, with the gradient computed in the forward pass.

Autodiff keeps the logits of all rows until the backward pass, and their gradient as well. Here both are computed in the
forward pass, in chunks of rows, and then discarded. Only arrays of the size of the hidden states and the weights are
kept for the backward pass. Chunks without a scored row are skipped: of padded batches that is often most of the work.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from gru_bench.models.products import product

LOGITS_AT_ONCE = 2**22
"""More logits than these are computed in chunks of rows ..."""
ROWS_AT_ONCE = 256
"""... but of no fewer rows than these: each chunk adds to the gradient of the whole kernel."""


class _Rows(NamedTuple):
    """Predictions, one per row, with their mask."""

    hidden: Float[Array, "*chunk row size"]
    targets: Int[Array, "*chunk row"]
    mask: Bool[Array, "*chunk row"]


def cross_entropy(
    hidden: Float[Array, "*leading size"],
    kernel: Float[Array, "size symbols"],
    bias: Float[Array, " symbols"],
    targets: Int[Array, "*leading"],
    mask: Bool[Array, "*leading"],
    precision: Any = jnp.float32,
) -> Float[Array, ""]:
    """Return the negative log-likelihood of the targets under softmax(hidden kernel + bias), summed over the mask.

    Args:
        hidden: the inputs of the affine map.
        kernel: its matrix.
        bias: its bias.
        targets: the target symbol of each row.
        mask: True for scored rows.
        precision: dtype of the factors of each product, which accumulates in the dtype of `hidden`.

    Returns:
        The sum in nats, with first derivatives in hidden, kernel and bias, but no second ones.
    """
    count = targets.size
    chunks = min(-(-count * kernel.shape[1] // LOGITS_AT_ONCE), -(-count // ROWS_AT_ONCE))
    rows = _Rows(hidden.reshape(count, hidden.shape[-1]), targets.reshape(count), mask.reshape(count))
    return _summed(precision, _chunked(rows, chunks), kernel, bias)


def _chunked(rows: _Rows, chunks: int) -> _Rows:
    """Cut rows into chunks, with the scored ones in the first chunks.

    Where there are several devices, rows are distributed in turn instead, so that each chunk has rows of every device.
    """
    in_turn = jax.device_count() > 1
    if chunks > 1 and not in_turn:
        order = jnp.argsort(~rows.mask, stable=True)
        rows = jax.tree.map(lambda array: array[order], rows)

    def cut(array: Array) -> Array:
        missing = -array.shape[0] % chunks
        padded = jnp.pad(array, ((0, missing), *((0, 0) for _ in array.shape[1:])))
        if in_turn:
            return jnp.swapaxes(padded.reshape(-1, chunks, *array.shape[1:]), 0, 1)
        return padded.reshape(chunks, -1, *array.shape[1:])

    return jax.tree.map(cut, rows)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _summed(precision: Any, rows: _Rows, kernel: Array, bias: Array) -> Float[Array, ""]:
    def nll(chunk: _Rows) -> tuple[Array, None]:
        logits = _logits(precision, chunk, kernel, bias)
        greatest = logits.max(axis=-1, keepdims=True)
        return _nll(chunk, _at_targets(logits, chunk), greatest, jnp.exp(logits - greatest).sum(axis=-1)), None

    return _over_chunks(nll, rows)[0]


def _summed_forward(precision: Any, rows: _Rows, kernel: Array, bias: Array) -> Any:
    def gradients(chunk: _Rows) -> tuple[Any, Array]:
        logits = _logits(precision, chunk, kernel, bias)
        greatest = logits.max(axis=-1, keepdims=True)
        powers = jnp.exp(logits - greatest)
        normaliser = powers.sum(axis=-1)
        # The gradient of a row times its normaliser; the products, which have shorter rows, divide by it.
        d_logits = jax.vmap(lambda row, target, by: row.at[target].add(-by))(powers, chunk.targets, normaliser)
        share = jnp.where(chunk.mask, 1.0 / normaliser, 0.0)[:, None]
        d_hidden = share * product(d_logits, kernel.T, precision)
        d_kernel = product((share * chunk.hidden).T, d_logits, precision)
        d_bias = jnp.matmul(share.T, d_logits, precision="highest")[0]
        return (_nll(chunk, _at_targets(logits, chunk), greatest, normaliser), d_kernel, d_bias), d_hidden

    (total, d_kernel, d_bias), d_hidden = _over_chunks(gradients, rows)
    return total, (d_hidden, d_kernel, d_bias)


def _summed_backward(precision: Any, gradients: Any, d_total: Array) -> Any:
    d_hidden, d_kernel, d_bias = jax.tree.map(lambda gradient: d_total * gradient, gradients)
    none: Any = None
    return _Rows(d_hidden, none, none), d_kernel, d_bias


_summed.defvjp(_summed_forward, _summed_backward)


def _over_chunks(step: Callable[[_Rows], tuple[Any, Any]], rows: _Rows) -> tuple[Any, Any]:
    """Sum the first result of `step` over chunks and stack the second one; without a scored row both are 0."""
    first = jax.tree.map(lambda array: array[0], rows)
    if rows.targets.shape[0] == 1:
        sums, result = step(first)
        return sums, jax.tree.map(lambda array: array[None], result)

    zeros, nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(step, first))

    def add(sums: Any, chunk: _Rows) -> tuple[Any, Any]:
        more, result = step(chunk)
        return jax.tree.map(jnp.add, sums, more), result

    def add_scored(sums: Any, chunk: _Rows) -> tuple[Any, Any]:
        return jax.lax.cond(chunk.mask.any(), add, lambda sums, _: (sums, nothing), sums, chunk)

    return jax.lax.scan(add_scored, zeros, rows)


def _logits(precision: Any, chunk: _Rows, kernel: Array, bias: Array) -> Float[Array, "row symbols"]:
    logits = product(chunk.hidden, kernel, precision)
    return logits + jnp.broadcast_to(bias, logits.shape)


def _at_targets(logits: Float[Array, "row symbols"], chunk: _Rows) -> Float[Array, " row"]:
    return jnp.take_along_axis(logits, chunk.targets[:, None], axis=-1)[:, 0]


def _nll(
    chunk: _Rows,
    at_targets: Float[Array, " row"],
    greatest: Float[Array, "row 1"],
    normaliser: Float[Array, " row"],
) -> Float[Array, ""]:
    return jnp.where(chunk.mask, jnp.log(normaliser) + greatest[:, 0] - at_targets, 0.0).sum()
