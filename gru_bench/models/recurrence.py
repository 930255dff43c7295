"""A cell over time: one `lax.scan` for all cells, with masks, both directions and a fast gradient.

A cell is row-local: it advances a row of the batch, given its input projection, its recurrent products and its carry.
The products and their gradients are computed here. The gradient of a plain scan adds one small product per time step to
each weight gradient; `_fast_scan` runs backwards over time only for the gradients of gates and carries, and then
computes each weight gradient as one product over all time steps. This works for any cell, since the function to
differentiate at a time step is row-local, and JAX differentiates it.

A cell with an associative form has all its gates computed for all time steps at once; only h' = a * h + b runs over
time, sequentially or in parallel (`gru_bench.models.linear_recurrence`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from gru_bench.cells.base import Activations, Affine, Carry, Cell, Gates, Weights
from gru_bench.models.linear_recurrence import linear_recurrence
from gru_bench.models.products import gate_products, join_gates, kernel_gradient, product, split_gates

Recurrence = Literal["scan", "fast", "parallel"]


class Steps(NamedTuple):
    """The inputs of a cell at each time step, time first; `projected` is raw until `Cell.project` is applied."""

    projected: Gates
    padding: Bool[Array, "time batch"] | None = None
    reset: Bool[Array, "time batch"] | None = None


def recur(
    cell: Cell,
    weights: Weights,
    inputs: Float[Array, "time batch input"],
    carry: Carry | None = None,
    *,
    padding: Bool[Array, "time batch"] | None = None,
    reset: Bool[Array, "time batch"] | None = None,
    reverse: bool = False,
    recurrent_mask: Float[Array, "batch hidden"] | None = None,
    precision: Any = jnp.float32,
    unroll: int = 1,
    rematerialise: bool = False,
    recurrence: Recurrence = "fast",
) -> tuple[Float[Array, "time batch hidden"], Carry]:
    """Run a cell over a batch of sequences.

    Args:
        cell: the cell and its options.
        weights: its weights, float32.
        inputs: its inputs, time-major.
        carry: the carry before the first time step (after the last one with `reverse`); zeros if None.
        padding: True for time steps, False for padding, at which the carry is unchanged and the output 0.
        reset: True where x_t starts a sequence: the carry is zeroed before step t. In reverse, before the last
            step of each sequence.
        reverse: run from the last time step to the first.
        recurrent_mask: factor of the hidden state in every recurrent product, the same at every time step
            (variational dropout: Gal & Ghahramani 2016, arXiv:1512.05287).
        precision: dtype of the products; carries and gates stay float32.
        unroll: time steps per iteration of the compiled loop.
        rematerialise: recompute the products in the backward pass and store only carries.
        recurrence: `fast` has its own gradient, and runs the associative form of a cell sequentially; `parallel` needs
            a cell with such a form, and combines time steps pairwise; `scan` computes each time step in turn, with the
            gradient of JAX. The result is the same up to rounding.

    Returns:
        The hidden states and the final carry.

    Raises:
        ValueError: `parallel` with a cell that has no associative form.
    """
    reset = starts(reset, reverse)
    if carry is None:
        carry = cell.zero_carry(inputs.shape[1])
    kernel, rest = weights["kernel"], {name: value for name, value in weights.items() if name != "kernel"}
    if recurrent_mask is not None:
        recurrent_mask = jax.lax.stop_gradient(recurrent_mask)
    plan = Plan(cell, precision, reverse, unroll, rematerialise)
    if recurrence == "scan":
        steps = Steps(cell.project(rest, split_gates(product(inputs, kernel, precision))), padding, reset)
        return _plain_scan(plan, rest, recurrent_mask, steps, carry)
    raw = Steps(gate_products(inputs, kernel, precision), padding, reset)
    if cell.associative_form is not None:
        steps = _projected(cell, rest, raw)
        return _run_associative(plan, cell.associative_form(steps.projected), steps, carry, recurrence == "parallel")
    if recurrence == "parallel":
        raise ValueError(f"{type(cell).__name__} has no associative form and cannot run in parallel over time")
    return _fast_scan(plan, rest, recurrent_mask, raw, carry)


def starts(reset: Bool[Array, "time batch"] | None, reverse: bool) -> Bool[Array, "time batch"] | None:
    """Return a mask of the time steps before which the carry is zeroed, in the direction of the run."""
    if reset is None or not reverse:
        return reset
    return jnp.concatenate([reset[1:], jnp.zeros_like(reset[:1])])


class Plan(NamedTuple):
    """The static part of a recurrence."""

    cell: Cell
    precision: Any
    reverse: bool = False
    unroll: int = 1
    rematerialise: bool = False


class Advanced(NamedTuple):
    """A time step: the new carry, the output, the cell's activations, and the recurrent products behind them."""

    carry: Carry
    output: Float[Array, "batch hidden"]
    activations: Activations
    products: tuple[Gates, ...]


def advance(plan: Plan, weights: Weights, mask: Array | None, carry: Carry, step: Steps) -> Advanced:
    """Advance by one time step with its masks."""
    cell, gates = plan.cell, list[Gates]()
    for index, name in enumerate(cell.recurrent_kernels):
        factor = _gated(cell, step, weights, carry, step.projected, gates[0]) if index else _hidden(cell, step, carry)
        gates.append(_multiply(plan, mask, factor, weights[name]))
    products = tuple(gates)
    carry, output, activations = _finish(cell, step, weights, carry, step.projected, products)
    return Advanced(carry, output, activations, products)


def _multiply(plan: Plan, mask: Array | None, factor: Array, kernel: Array) -> Gates:
    return split_gates(product(factor if mask is None else factor * mask, kernel, plan.precision))


def _hidden(cell: Cell, step: Steps, carry: Carry) -> Array:
    """Return the factor of the first recurrent product."""
    return cell.hidden(_begin(step, carry))


def _gated(cell: Cell, step: Steps, weights: Weights, carry: Carry, projected: Gates, product: Gates) -> Array:
    """Return the factor of the second recurrent product."""
    return cell.gated(weights, _begin(step, carry), projected, product)


def _finish(
    cell: Cell, step: Steps, weights: Weights, carry: Carry, projected: Gates, products: tuple[Gates, ...]
) -> tuple[Carry, Array, Activations]:
    """Return the new carry, the output and the activations, given all products."""
    carry = _begin(step, carry)
    proposed, activations = cell.step(weights, carry, projected, products)
    if step.padding is None:
        return proposed, cell.hidden(proposed), activations
    output = jnp.where(step.padding[:, None], cell.hidden(proposed), 0.0)
    return _where(step.padding, proposed, carry), output, activations


def _begin(step: Steps, carry: Carry) -> Carry:
    return carry if step.reset is None else _where(step.reset, jax.tree.map(jnp.zeros_like, carry), carry)


def _where(mask: Bool[Array, "*leading"], new: Carry, old: Carry) -> Carry:
    return jax.tree.map(lambda a, b: jnp.where(mask[..., None], a, b), new, old)


def _run_associative(
    plan: Plan, form: Affine, steps: Steps, carry: Carry, parallel: bool
) -> tuple[Float[Array, "time batch hidden"], Carry]:
    """Run a cell in its associative form; padding keeps the carry, a reset multiplies it by 0."""
    if steps.padding is not None:
        form = _where(steps.padding, form, Affine(jnp.ones_like(form.scale), jnp.zeros_like(form.shift)))
    if steps.reset is not None:
        form = form._replace(scale=jnp.where(steps.reset[..., None], 0.0, form.scale))
    carries, final = linear_recurrence(*form, carry, reverse=plan.reverse, unroll=plan.unroll, parallel=parallel)
    return carries if steps.padding is None else jnp.where(steps.padding[..., None], carries, 0.0), final


def _plain_scan(
    plan: Plan, weights: Weights, mask: Array | None, steps: Steps, carry: Carry
) -> tuple[Float[Array, "time batch hidden"], Carry]:
    def body(carry: Carry, step: Steps) -> tuple[Carry, Array]:
        after = advance(plan, weights, mask, carry, step)
        return after.carry, after.output

    body = jax.checkpoint(body) if plan.rematerialise else body
    carry, outputs = jax.lax.scan(body, carry, steps, reverse=plan.reverse, unroll=plan.unroll)
    return outputs, carry


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _fast_scan(
    plan: Plan, weights: Weights, mask: Array | None, steps: Steps, carry: Carry
) -> tuple[Float[Array, "time batch hidden"], Carry]:
    return run(plan, weights, mask, steps, carry, lambda after, carry: after.output)


def _fast_scan_forward(plan: Plan, weights: Weights, mask: Array | None, steps: Steps, carry: Carry) -> Any:
    def kept(after: Advanced, carry: Carry) -> Any:
        return after.output, carry, None if plan.rematerialise else after.products

    (outputs, carries, products), final = run(plan, weights, mask, steps, carry, kept)
    return (outputs, final), (weights, mask, steps, carries, products)


def run(
    plan: Plan,
    weights: Weights,
    mask: Array | None,
    steps: Steps,
    carry: Carry,
    keep: Callable[[Advanced, Carry], Any],
) -> tuple[Any, Carry]:
    """Run over raw steps, which are projected for free inside the loop; stack the result of `keep` for each."""

    def body(carry: Carry, step: Steps) -> tuple[Carry, Any]:
        after = advance(plan, weights, mask, carry, _projected(plan.cell, weights, step))
        return after.carry, keep(after, carry)

    final, kept = jax.lax.scan(body, carry, steps, reverse=plan.reverse, unroll=plan.unroll)
    return kept, final


def _projected(cell: Cell, weights: Weights, step: Steps) -> Steps:
    return step._replace(projected=cell.project(weights, step.projected))


def _fast_scan_backward(plan: Plan, saved: Any, gradients: Any) -> Any:
    weights, mask, steps, carries, all_products = saved
    d_outputs, d_final = gradients
    cell = plan.cell
    kernels = [weights[name] for name in cell.recurrent_kernels]
    transposed = [kernel.reshape(kernel.shape[0], -1).T for kernel in kernels]
    others = {name: value for name, value in weights.items() if name not in cell.recurrent_kernels}
    at_inputs = {name: value for name, value in others.items() if name in cell.input_weights}
    vectors = {name: value for name, value in others.items() if name not in cell.input_weights}
    joint: dict[int, tuple[int, int]] = {}

    def pull_product(d_product: Array, kernel: Array) -> Array:
        d_factor = product(d_product, kernel, plan.precision)
        return d_factor if mask is None else d_factor * mask

    def body(state: Any, at: Any) -> Any:
        d_carry, d_vectors = state
        d_output, carry, step, products = at
        step = _projected(cell, weights, step)
        if products is None:
            products = advance(plan, weights, mask, carry, step).products

        def finish(*arguments: Any) -> tuple[Carry, Array]:
            return _finish(cell, step, *arguments)[:2]

        _, pull = jax.vjp(finish, vectors, carry, step.projected, products)
        d_vector, d_carry, d_projected, d_products = pull((d_carry, d_output))
        gated = []
        if len(kernels) == 2:
            factor, pull = jax.vjp(partial(_gated, cell, step), vectors, carry, step.projected, products[0])
            more = pull(pull_product(join_gates(d_products[1]), transposed[1]))
            before = (d_vector, d_carry, d_projected, d_products[0])
            d_vector, d_carry, d_projected, d_first = jax.tree.map(jnp.add, before, more)
            d_products = (d_first, d_products[1])
            gated = [factor]
        joined = [join_gates(d_product) for d_product in d_products]
        _, pull = jax.vjp(partial(_hidden, cell, step), carry)
        d_carry = jax.tree.map(jnp.add, d_carry, *pull(pull_product(joined[0], transposed[0])))
        joint.update(_joint(d_projected, d_products))
        alone = [None if gate in joint else d_gate for gate, d_gate in enumerate(d_projected)]
        return (d_carry, jax.tree.map(jnp.add, d_vectors, d_vector)), (joined, alone, gated)

    start = (d_final, jax.tree.map(jnp.zeros_like, vectors))
    (d_carry, d_vectors), (joined, alone, gated) = jax.lax.scan(
        body, start, (d_outputs, carries, steps, all_products), reverse=not plan.reverse, unroll=plan.unroll
    )
    blocks = [
        split_gates(rows.reshape(*rows.shape[:-1], *kernel.shape[1:]))
        for rows, kernel in zip(joined, kernels, strict=True)
    ]
    d_projected = tuple(
        blocks[joint[gate][0]][joint[gate][1]] if gate in joint else d_gate for gate, d_gate in enumerate(alone)
    )
    d_kernels = {
        name: kernel_gradient(factor if mask is None else factor * mask[None], rows, kernel.shape, plan.precision)
        for name, kernel, factor, rows in zip(
            cell.recurrent_kernels, kernels, [_hidden(cell, steps, carries), *gated], joined, strict=True
        )
    }
    _, pull = jax.vjp(cell.project, at_inputs, steps.projected)
    d_at_inputs, d_steps = pull(d_projected)
    d_mask = None if mask is None else jnp.zeros_like(mask)
    return {**d_vectors, **d_at_inputs, **d_kernels}, d_mask, Steps(d_steps), d_carry


_fast_scan.defvjp(_fast_scan_forward, _fast_scan_backward)


def _joint(d_projected: Gates, d_products: tuple[Gates, ...]) -> dict[int, tuple[int, int]]:
    """Return, by gate, the place of a product whose gradient is the same array as that of its projection.

    A cell adds projection and product of most gates. Both then share one gradient, which is stored once.
    """
    places = {id(block): (at, gate) for at, blocks in enumerate(d_products) for gate, block in enumerate(blocks)}
    return {gate: places[id(block)] for gate, block in enumerate(d_projected) if id(block) in places}
