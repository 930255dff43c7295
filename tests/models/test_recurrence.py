"""What holds for every cell over time: loops, windows, masks, directions, gradients, precision."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_bench.cells.base import Cell
from gru_bench.models.recurrence import Recurrence, recur
from tests.models.support import (
    OPTIONS,
    QUICK,
    Ran,
    assert_close,
    assert_within,
    make_cell,
    random_array,
    random_carry,
    random_weights,
    run,
    run_with_gradients,
    step_once,
)

TIME, BATCH, INPUT, HIDDEN = 7, 3, 2, 4
RECURRENCES: tuple[Recurrence, ...] = ("scan", "fast")
CELLS = {name: make_cell(name, HIDDEN) for name in OPTIONS}
WEIGHTS = {name: random_weights(cell, INPUT) for name, cell in CELLS.items()}
SOME = ("gru", "gru_before", "lstm_peepholes", "rnn_relu", "min_lstm")
EVERY = [name if name in SOME else pytest.param(name, marks=pytest.mark.slow) for name in OPTIONS]
EACH_CELL = (*SOME, "mgu", "coupled_lstm", "min_gru")
ASSOCIATIVE = [name for name, cell in CELLS.items() if cell.associative_form is not None]

few = settings(deadline=None, max_examples=10)
some_cells = st.sampled_from(SOME)
seeds = st.integers(0, 10_000)
lengths = st.lists(st.integers(0, TIME), min_size=BATCH, max_size=BATCH)


def drawn(name: str, seed: int) -> tuple[Cell, dict[str, jax.Array], jax.Array, Any]:
    return CELLS[name], WEIGHTS[name], random_array(seed, TIME, BATCH, INPUT), random_carry(CELLS[name], BATCH, seed)


def counts(sizes: list[int], time: int = TIME) -> jax.Array:
    """Return the padding mask (time, batch) of sequences with these lengths."""
    return jnp.asarray(np.arange(time)[:, None] < np.asarray(sizes))


def starts(seed: int, share: float = 0.3) -> jax.Array:
    """Draw a reset mask (time, batch)."""
    return jnp.asarray(np.random.default_rng(seed).random((TIME, BATCH)) < share)


def ran(name: str, inputs: jax.Array, carry: Any, **options: Any) -> Ran:
    """Run with gradients and all masks, given or without effect, so that tests share what they compile."""
    time, batch, _ = inputs.shape
    outputs = random_array(20, time, batch, HIDDEN), random_carry(CELLS[name], batch, 21)
    neutral = {
        "recurrence": "fast",
        "reverse": False,
        "cotangent": outputs,
        "padding": jnp.ones((time, batch), bool),
        "reset": jnp.zeros((time, batch), bool),
        "recurrent_mask": jnp.ones((batch, HIDDEN)),
    }
    return run_with_gradients(CELLS[name], WEIGHTS[name], inputs, carry, **(neutral | options))


def all_finite(tree: Any) -> bool:
    return all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(tree))


@few
@given(name=st.sampled_from(sorted(OPTIONS)), seed=seeds, sizes=lengths)
def test_scan_equals_a_loop_over_the_cell(name: str, seed: int, sizes: list[int]):
    cell, weights, inputs, carry = drawn(name, seed)
    padding, reset = counts(sizes), starts(seed)
    outputs, final = run(cell, weights, inputs, carry, padding=padding, reset=reset)
    expected = []
    state = carry
    for step in range(TIME):
        fresh = [jnp.where(reset[step][:, None], 0.0, leaf) for leaf in jax.tree.leaves(state)]
        state = jax.tree.unflatten(jax.tree.structure(state), fresh)
        after, _ = step_once(cell, weights, state, inputs[step])
        keep = padding[step][:, None]
        expected.append(jnp.where(keep, cell.hidden(after), 0.0))
        state = jax.tree.map(lambda new, old, keep=keep: jnp.where(keep, new, old), after, state)
    assert_close(outputs, jnp.stack(expected), 1e-5)
    assert_close(final, state, 1e-5)


@few
@given(name=st.sampled_from(SOME[1:3]), seed=seeds, cut=st.sampled_from([0, 3, 7]), sizes=lengths)
def test_one_window_equals_two_joined_windows(name: str, seed: int, cut: int, sizes: list[int]):
    cell, weights, inputs, carry = drawn(name, seed)
    masks = {"padding": counts(sizes), "reset": starts(seed)}
    outputs, final = run(cell, weights, inputs, carry, **masks)
    first, middle = run(cell, weights, inputs[:cut], carry, **{key: mask[:cut] for key, mask in masks.items()})
    second, end = run(cell, weights, inputs[cut:], middle, **{key: mask[cut:] for key, mask in masks.items()})
    assert_close(jnp.concatenate([first, second]), outputs, 1e-5)
    assert_close(end, final, 1e-5)


@few
@given(name=some_cells, seed=seeds, at=st.integers(1, TIME - 1), recurrence=st.sampled_from(RECURRENCES))
def test_the_gradient_across_a_reset_is_exactly_zero(name: str, seed: int, at: int, recurrence: Recurrence):
    _, _, inputs, carry = drawn(name, seed)
    reset = jnp.zeros((TIME, BATCH), bool).at[at].set(True)
    late = jnp.zeros((TIME, BATCH, HIDDEN)).at[at:].set(1.0)
    cotangent = (late, jax.tree.map(jnp.ones_like, carry))
    gradients = ran(name, inputs, carry, cotangent=cotangent, reset=reset, recurrence=recurrence).gradients
    assert not gradients["inputs"][:at].any()
    assert not any(leaf.any() for leaf in jax.tree.leaves(gradients["carry"]))
    assert gradients["inputs"][at:].any()


@few
@given(name=some_cells, seed=seeds, at=st.integers(1, TIME - 1))
def test_in_reverse_a_reset_cuts_between_the_same_two_steps(name: str, seed: int, at: int):
    cell, _, inputs, carry = drawn(name, seed)
    reset = jnp.zeros((TIME, BATCH), bool).at[at].set(True)
    early = jnp.zeros((TIME, BATCH, HIDDEN)).at[:at].set(1.0)
    cotangent = (early, jax.tree.map(jnp.ones_like, carry))
    result = ran(name, inputs, carry, cotangent=cotangent, reset=reset, reverse=True)
    assert not result.gradients["inputs"][at:].any()
    assert not any(leaf.any() for leaf in jax.tree.leaves(result.gradients["carry"]))
    assert result.gradients["inputs"][:at].any()
    whole = ran(name, inputs, carry, reverse=True).outputs
    assert_close(result.outputs[at:], whole[at:], 1e-5)
    fresh = ran(name, inputs, cell.zero_carry(BATCH), padding=counts([at] * BATCH), reverse=True).outputs
    assert_close(result.outputs[:at], fresh[:at], 1e-5)


@few
@given(name=some_cells, seed=seeds, sizes=lengths, reverse=st.booleans())
def test_padding_contents_do_not_matter(name: str, seed: int, sizes: list[int], reverse: bool):
    _, _, inputs, carry = drawn(name, seed)
    padding = counts(sizes)
    other = jnp.where(padding[..., None], inputs, 1000.0 * random_array(seed + 1, TIME, BATCH, INPUT))
    result = ran(name, inputs, carry, padding=padding, reverse=reverse)
    assert_close(ran(name, other, carry, padding=padding, reverse=reverse), result, 0.0)
    assert not jnp.where(padding[..., None], 0.0, result.outputs).any()
    assert not jnp.where(padding[..., None], 0.0, result.gradients["inputs"]).any()


@few
@given(name=some_cells, seed=seeds, size=st.integers(0, TIME))
def test_padded_steps_hold_the_carry(name: str, seed: int, size: int):
    cell, weights, inputs, carry = drawn(name, seed)
    masks = {"reset": jnp.zeros((TIME, BATCH), bool)}
    outputs, final = run(cell, weights, inputs, carry, padding=counts([size] * BATCH), **masks)
    whole, _ = run(cell, weights, inputs, carry, padding=counts([TIME] * BATCH), **masks)
    assert_close(outputs[:size], whole[:size], 1e-6)
    assert_close(cell.hidden(final), whole[size - 1] if size else cell.hidden(carry), 1e-6)


@few
@given(name=some_cells, seed=seeds, sizes=lengths)
def test_reverse_is_forward_on_each_sequence_turned_around(name: str, seed: int, sizes: list[int]):
    _, _, inputs, carry = drawn(name, seed)
    padding = counts(sizes)
    steps = np.arange(TIME)[:, None]
    order = np.where(steps < np.asarray(sizes), np.asarray(sizes) - 1 - steps, steps)
    columns = np.arange(BATCH)[None, :]
    backward = ran(name, inputs, carry, padding=padding, reverse=True)
    forward = ran(name, inputs[order, columns], carry, padding=padding)
    assert_close(backward.outputs, forward.outputs[order, columns], 1e-5)
    assert_close(backward.final, forward.final, 1e-5)


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("name", SOME[1:3])
@pytest.mark.parametrize("time", [0, 1])
def test_windows_of_no_and_of_one_step_are_safe(name: str, time: int, recurrence: Recurrence):
    carry = random_carry(CELLS[name], BATCH)
    for reverse in (False, True):
        result = ran(name, random_array(0, time, BATCH, INPUT), carry, reverse=reverse, recurrence=recurrence)
        assert result.outputs.shape == (time, BATCH, HIDDEN)
        assert all_finite(result)
        if time == 0:
            assert_close(result.final, carry, 0.0)
            assert not any(leaf.any() for leaf in jax.tree.leaves(result.gradients["weights"]))


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("name", EVERY)
def test_rows_of_padding_alone_are_safe(name: str, recurrence: Recurrence):
    inputs = random_array(0, TIME, BATCH, INPUT)
    result = ran(name, inputs, CELLS[name].zero_carry(BATCH), padding=counts([0, 0, 1]), recurrence=recurrence)
    assert all_finite(result)
    assert not result.outputs[:, :2].any()
    assert not any(leaf[:2].any() for leaf in jax.tree.leaves(result.final))
    assert not result.gradients["inputs"][:, :2].any()


@pytest.mark.parametrize("name", SOME[1:3])
def test_an_empty_batch_is_safe(name: str):
    result = ran(name, jnp.zeros((TIME, 0, INPUT)), CELLS[name].zero_carry(0))
    assert result.outputs.shape == (TIME, 0, HIDDEN)
    assert not any(leaf.any() for leaf in jax.tree.leaves(result.gradients["weights"]))


@few
@given(name=some_cells, seed=seeds, sizes=lengths, order=st.permutations(range(BATCH)))
def test_batch_order_does_not_matter(name: str, seed: int, sizes: list[int], order: list[int]):
    cell, weights, inputs, carry = drawn(name, seed)
    masks = {"padding": counts(sizes), "reset": starts(seed)}
    index = np.asarray(order)
    outputs, final = run(cell, weights, inputs, carry, **masks)
    shuffled, end = run(
        cell,
        weights,
        inputs[:, index],
        jax.tree.map(lambda leaf: leaf[index], carry),
        **{key: mask[:, index] for key, mask in masks.items()},
    )
    assert_close(shuffled, outputs[:, index], 1e-6)
    assert_close(end, jax.tree.map(lambda leaf: leaf[index], final), 1e-6)


@few
@given(name=st.sampled_from(["gru", "gru_before", "gru_norm", "mgu"]), seed=seeds, scale=st.floats(0, 1000))
def test_hidden_state_of_a_gru_stays_within_one(name: str, seed: int, scale: float):
    cell, weights, inputs, _ = drawn(name, seed)
    large = {key: value * np.float32(scale) for key, value in weights.items()}
    masks = {"padding": counts([TIME] * BATCH), "reset": jnp.zeros((TIME, BATCH), bool)}
    outputs, _ = run(cell, large, inputs * np.float32(scale), cell.zero_carry(BATCH), **masks)
    assert all_finite(outputs)
    assert float(jnp.abs(outputs).max()) <= 1.0


AGAINST_SCAN: list[Any] = [("fast", name, reverse) for name in SOME for reverse in (False, True)]
AGAINST_SCAN += [pytest.param("fast", name, False, marks=pytest.mark.slow) for name in OPTIONS if name not in SOME]
AGAINST_SCAN += [("parallel", name, reverse) for name in ASSOCIATIVE for reverse in (False, True)]


def masked(seed: int, reverse: bool) -> dict[str, Any]:
    """Return options that use every mask."""
    keep = jnp.asarray(np.random.default_rng(seed).random((BATCH, HIDDEN)) < 0.7, jnp.float32) / 0.7
    return {"padding": counts([7, 4, 0]), "reset": starts(seed + 1), "recurrent_mask": keep, "reverse": reverse}


@pytest.mark.parametrize(("recurrence", "name", "reverse"), AGAINST_SCAN)
def test_every_recurrence_agrees_with_scan(recurrence: Recurrence, name: str, reverse: bool):
    _, _, inputs, carry = drawn(name, 1)
    options = masked(2, reverse)
    slow = ran(name, inputs, carry, recurrence="scan", **options)
    fast = ran(name, inputs, carry, recurrence=recurrence, **options)
    assert_close((fast.outputs, fast.final), (slow.outputs, slow.final), 1e-6)
    assert_within(fast.gradients, slow.gradients, 1e-5)


@pytest.mark.parametrize(
    ("recurrence", "name", "reverse"),
    [pytest.param("fast", name, name in SOME, marks=() if name in SOME else pytest.mark.slow) for name in OPTIONS]
    + [("parallel", name, True) for name in ASSOCIATIVE],
)
def test_every_recurrence_agrees_with_scan_in_float64(recurrence: Recurrence, name: str, reverse: bool):
    with jax.enable_x64(True):
        _, *arrays = drawn(name, 1)
        weights, inputs, carry = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), arrays)
        options = masked(2, reverse)
        options["recurrent_mask"] = jnp.asarray(options["recurrent_mask"], jnp.float64)

        def gradients(recurrence: Recurrence) -> Any:
            def total(*arguments: Any) -> tuple[jax.Array, Any]:
                result = recur(CELLS[name], *arguments, **options, precision=jnp.float64, recurrence=recurrence)
                return sum((jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(result)), jnp.zeros(())), result

            both = jax.grad(total, argnums=(0, 1, 2), has_aux=True)
            return jax.jit(both, compiler_options=QUICK)(weights, inputs, carry)

        fast, slow = gradients(recurrence), gradients("scan")
        assert all(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(fast))
        assert_within(fast, slow, 1e-10)


@pytest.mark.parametrize("name", ASSOCIATIVE)
def test_time_in_parallel_is_what_streaming_steps_give(name: str):
    cell, weights, inputs, carry = drawn(name, 15)
    outputs, final = run(cell, weights, inputs, carry, recurrence="parallel")
    steps = []
    for step in range(TIME):
        output, carry = run(cell, weights, inputs[step : step + 1], carry)
        steps.append(output)
    assert_close(jnp.concatenate(steps), outputs, 1e-5)
    assert_close(carry, final, 1e-5)


def test_a_cell_without_associative_form_cannot_run_in_parallel_over_time():
    cell, weights, inputs, carry = drawn("gru", 16)
    with pytest.raises(ValueError, match="GRU has no associative form"):
        recur(cell, weights, inputs, carry, recurrence="parallel")


@pytest.mark.parametrize("name", EVERY)
def test_the_fast_gradient_agrees_with_scan_in_bfloat16(name: str):
    """Autodiff of the scan rounds each time step's weight gradient; where that adds up, ours is nearer to float32."""
    _, _, inputs, carry = drawn(name, 1)
    options = masked(2, name in SOME)
    slow, fast = (
        ran(name, inputs, carry, recurrence=recurrence, precision=jnp.bfloat16, **options) for recurrence in RECURRENCES
    )
    assert_close((fast.outputs, fast.final), (slow.outputs, slow.final), 1e-6)
    exact = ran(name, inputs, carry, recurrence="scan", **options).gradients  # compiled for the test above already
    for plain, own, float32 in zip(*map(jax.tree.leaves, (slow.gradients, fast.gradients, exact)), strict=True):
        apart = float(jnp.linalg.norm(own - plain))
        nearer = float(jnp.linalg.norm(own - float32)) < float(jnp.linalg.norm(plain - float32))
        assert apart <= 0.012 * float(jnp.linalg.norm(plain)) or nearer


@pytest.mark.slow
@pytest.mark.parametrize("name", EACH_CELL)
def test_what_is_differentiated_may_be_used_twice(name: str):
    """Within one program: several carries at once, rematerialised, outputs and final carry read again."""
    cell, weights, inputs, carry = drawn(name, 13)
    carries = jax.tree.map(lambda leaf: jnp.stack([leaf, 0.5 * leaf]), carry)

    def gradient(recurrence: Recurrence) -> Any:
        def total(weights: Any, inputs: jax.Array, carry: Any) -> jax.Array:
            first, middle = recur(cell, weights, inputs, carry, recurrence=recurrence)
            again, _ = recur(cell, weights, inputs + first[..., :INPUT], middle, recurrence=recurrence)
            return jnp.sum(first * again) + jnp.sum(jnp.square(cell.hidden(middle)))

        each = jax.vmap(jax.grad(jax.checkpoint(total), argnums=(0, 1, 2)), in_axes=(None, None, 0))
        return jax.jit(each, compiler_options=QUICK)(weights, inputs, carries)

    assert_within(gradient("fast"), gradient("scan"), 1e-5)


@pytest.mark.parametrize(("name", "widths"), [("gru", [3, 1]), ("lstm", [4]), ("rnn_tanh", [1])])
def test_a_gradient_that_projection_and_product_share_is_kept_once(name: str, widths: list[int]):
    """Of a GRU, only the candidate has two: its product is gated, its projection is not."""
    cell, weights, inputs, _ = drawn(name, 14)
    gradient = jax.make_jaxpr(jax.grad(lambda weights: recur(cell, weights, inputs)[0].sum()))(weights)
    *_, backward = [equation for equation in gradient.eqns if equation.primitive.name == "scan"]
    stacked = [variable.aval.shape for variable in backward.outvars if variable.aval.ndim == 3]
    assert stacked == [(TIME, BATCH, width * HIDDEN) for width in widths]


@pytest.mark.parametrize("name", SOME[:1])
def test_fast_and_scan_agree_without_masks(name: str):
    cell, weights, inputs, carry = drawn(name, 4)
    slow = run_with_gradients(cell, weights, inputs, carry, recurrence="scan")
    assert_within(run_with_gradients(cell, weights, inputs, carry), slow, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"unroll": 3, "recurrence": "fast"},
        {"unroll": 100, "recurrence": "scan"},
        {"rematerialise": True, "recurrence": "fast"},
        {"rematerialise": True, "recurrence": "scan"},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", SOME[1:3])
def test_unrolling_and_rematerialising_change_no_result(name: str, options: dict[str, Any]):
    _, _, inputs, carry = drawn(name, 5)
    masks = {"padding": counts([7, 4, 1]), "reset": starts(6)}
    expected = ran(name, inputs, carry, recurrence="fast", **masks)
    assert_close(ran(name, inputs, carry, **masks, **options), expected, 1e-5)


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("name", SOME[1:3])
def test_bfloat16_products_stay_close_and_all_else_stays_float32(name: str, recurrence: Recurrence):
    _, _, inputs, carry = drawn(name, 7)
    exact = ran(name, inputs, carry, recurrence=recurrence)
    rough = ran(name, inputs, carry, recurrence=recurrence, precision=jnp.bfloat16)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(rough))
    assert float(jnp.abs(rough.outputs - exact.outputs).max()) > 0
    for a, b in zip(jax.tree.leaves(exact), jax.tree.leaves(rough), strict=True):
        assert float(jnp.linalg.norm(a - b)) <= 0.03 * float(jnp.linalg.norm(a))


def test_the_recurrent_mask_acts_on_every_product_and_not_on_the_carry():
    cell, weights, inputs, carry = drawn("gru_before", 8)
    keep = jnp.zeros((BATCH, HIDDEN))
    outputs, _ = run(cell, weights, inputs, carry, recurrent_mask=keep)
    silent = {**weights, "recurrent_kernel": jnp.zeros_like(weights["recurrent_kernel"])}
    silent["candidate_kernel"] = jnp.zeros_like(weights["candidate_kernel"])
    assert_close(outputs, run(cell, silent, inputs, carry)[0], 1e-6)


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_the_recurrent_mask_is_a_constant(recurrence: Recurrence):
    cell, weights, inputs, carry = drawn("gru", 9)

    def total(mask: jax.Array) -> jax.Array:
        return recur(cell, weights, inputs, carry, recurrent_mask=mask, recurrence=recurrence)[0].sum()

    assert not jax.grad(total)(jnp.ones((BATCH, HIDDEN))).any()


def test_a_missing_carry_is_the_zero_carry():
    cell, weights, inputs, _ = drawn("lstm_peepholes", 10)
    expected = recur(cell, weights, inputs, cell.zero_carry(BATCH))
    assert_close(recur(cell, weights, inputs), expected, 0.0)


@pytest.mark.parametrize("name", SOME[1:3])
def test_the_recurrence_is_pure_under_vmap(name: str):
    _, _, inputs, carry = drawn(name, 11)
    several = jnp.stack([inputs, 2.0 * inputs])
    mapped = jax.vmap(lambda values: ran(name, values, carry, recurrence="fast"))(several)
    for index in range(2):
        expected = ran(name, several[index], carry, recurrence="fast")
        assert_close(jax.tree.map(lambda leaf, index=index: leaf[index], mapped), expected, 1e-5)
