"""Equations of the cells: against float64 loops from the papers, and what holds for every cell."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.cells.base import Cell
from gru_bench.cells.gru import GRU
from gru_bench.cells.lstm import LSTM, LSTMCarry
from gru_bench.cells.minimal import InputGated, MinLSTM
from gru_bench.models.initializers import draw_cell, orthogonal
from tests.models import reference
from tests.models.support import (
    OPTIONS,
    assert_close,
    make_cell,
    random_array,
    random_carry,
    random_weights,
    run_with_gradients,
    step_once,
)
from tests.presets import CELLS

TIME, BATCH, INPUT, HIDDEN = 20, 2, 3, 8


@pytest.mark.parametrize("name", sorted(reference.STEPS))
def test_results_and_gradients_are_those_of_the_equations(name: str):
    cell = make_cell(name, HIDDEN)
    weights, inputs, carry = random_weights(cell, INPUT), random_array(1, TIME, BATCH, INPUT), random_carry(cell, BATCH)
    cotangents = 0.2 * random_array(2, TIME, BATCH, HIDDEN), random_carry(cell, BATCH, seed=3)
    ran = run_with_gradients(cell, weights, inputs, carry, cotangents)

    exact = {key: np.asarray(value, np.float64) for key, value in {**weights, "inputs": inputs}.items()}
    start = {f"start/{key}": value for key, value in _parts(carry).items()}
    factor, final_factor = np.asarray(cotangents[0], np.float64), _parts(cotangents[1])

    def states(arrays: Any) -> tuple[np.ndarray, reference.State]:
        state = {key.removeprefix("start/"): value for key, value in arrays.items() if key in start}
        return reference.loop(name, arrays, arrays["inputs"], state)

    def objective(arrays: Any) -> float:
        outputs, final = states(arrays)
        return float(np.sum(outputs * factor) + sum(np.sum(final[key] * final_factor[key]) for key in final))

    outputs, final = states(exact | start)
    assert_close(ran.outputs, outputs, 1e-5)
    assert_close(_parts(ran.final), final, 1e-5)
    expected = reference.finite_differences(objective, exact | start)
    found = {**ran.gradients["weights"], "inputs": ran.gradients["inputs"]}
    found |= {f"start/{key}": value for key, value in _parts(ran.gradients["carry"]).items()}
    assert set(found) == set(expected)
    for key, derivatives in expected.items():
        places = np.array(list(derivatives))
        assert_close({key: np.asarray(found[key]).flat[places]}, {key: np.array(list(derivatives.values()))}, 1e-5)


@pytest.mark.parametrize("offset", [-2.0, 0.0, 3.0])
@pytest.mark.parametrize("name", ["gru", "min_gru"])
def test_at_the_start_a_gru_keeps_sigmoid_of_its_update_bias(name: str, offset: float):
    options: dict[str, Any] = {"update_bias": offset}
    cell = CELLS[name](hidden_size=HIDDEN, **options)
    drawn = draw_cell(jax.random.key(0), cell, INPUT, orthogonal)
    weights = {key: drawn[key] if key == "bias" else jnp.zeros_like(drawn[key]) for key in drawn}
    carry = random_carry(cell, BATCH)
    after, _ = step_once(cell, weights, carry, random_array(1, BATCH, INPUT))
    assert_close(after, carry / (1 + math.exp(-offset)), 1e-6)


def _parts(carry: Any) -> reference.State:
    parts = carry._asdict() if isinstance(carry, LSTMCarry) else {"hidden": carry}
    return {key: np.asarray(value, np.float64) for key, value in parts.items()}


@pytest.mark.parametrize("name", OPTIONS)
def test_number_of_parameters_equals_its_formula(name: str):
    cell, (kind, options) = make_cell(name, HIDDEN), OPTIONS[name]
    gates = {"gru": 3, "lstm": 4, "rnn": 1, "mgu": 2, "coupled_lstm": 3, "min_gru": 2, "min_lstm": 3}[kind]
    products = 1 if kind.startswith("min") else 2
    expected = gates * HIDDEN * (INPUT + (products - 1) * HIDDEN + 1)
    expected += HIDDEN if kind == "gru" and options.get("reset_after", True) else 0
    expected += (gates - 1) * HIDDEN if options.get("peepholes") else 0
    if options.get("layer_norm"):
        expected += products * gates * HIDDEN + (HIDDEN if kind.endswith("lstm") else 0)
    assert sum(math.prod(shape) for shape in cell.weight_shapes(INPUT).values()) == expected


@pytest.mark.parametrize("name", OPTIONS)
def test_step_names_each_sigmoid_gate_and_keeps_float32(name: str):
    cell = make_cell(name, HIDDEN)
    weights, start = random_weights(cell, INPUT), random_carry(cell, BATCH)
    carry, gates = step_once(cell, weights, start, random_array(0, BATCH, INPUT))
    assert tuple(gates) == cell.sigmoid_gates
    assert set(cell.sigmoid_gates) < set(cell.gates)
    assert all(0 < float(values.min()) and float(values.max()) < 1 for values in gates.values())
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves((carry, gates)))
    assert jax.tree.map(jnp.shape, carry) == jax.tree.map(jnp.shape, cell.zero_carry(BATCH))
    assert len(jax.tree.leaves(carry)) == cell.states
    assert cell.hidden(carry).shape == (BATCH, HIDDEN)


def test_update_gate_at_one_keeps_the_hidden_state():
    cell = GRU(hidden_size=HIDDEN)
    weights = random_weights(cell, INPUT)
    weights["bias"] = weights["bias"].at[1].set(100.0)
    carry = random_carry(cell, BATCH)
    after, gates = step_once(cell, weights, carry, random_array(0, BATCH, INPUT))
    assert_close(after, carry, 1e-6)
    assert float(gates["update"].min()) == 1.0


def test_reset_gate_multiplies_the_candidate_bias_only_after_the_product():
    after, before = (GRU(hidden_size=HIDDEN, reset_after=value) for value in (True, False))
    assert "candidate_bias" in after.shapes
    assert "candidate_bias" not in before.shapes
    assert before.recurrent_kernels == ("recurrent_kernel", "candidate_kernel")


def test_gates_of_min_lstm_share_out_one_even_where_both_underflow():
    cell = MinLSTM(hidden_size=HIDDEN)
    weights = random_weights(cell, INPUT) | {"bias": jnp.full((3, HIDDEN), -200.0)}
    _, gates = step_once(cell, weights, cell.zero_carry(BATCH), random_array(0, BATCH, INPUT))
    assert_close(gates["input"] + gates["forget"], jnp.ones((BATCH, HIDDEN)), 1e-6)
    assert 0.01 < float(gates["forget"].min()) < float(gates["forget"].max()) < 0.99


def test_only_cells_whose_gates_see_the_input_alone_have_an_associative_form():
    for name in OPTIONS:
        cell = make_cell(name, HIDDEN)
        assert (cell.associative_form is None) == bool(cell.recurrent_kernels)


def test_a_cell_without_equations_says_so():
    with pytest.raises(TypeError, match="Cell has no equations"):
        Cell(hidden_size=1).step({}, jnp.zeros((1, 1)), (), ())
    with pytest.raises(TypeError, match="InputGated has no equations"):
        InputGated(hidden_size=1).affine(())
    with pytest.raises(TypeError, match="LSTM has one recurrent product"):
        LSTM(hidden_size=1).gated({}, jnp.zeros((1, 1)), (), ())


def test_wrong_shapes_are_refused_under_test():
    cell = LSTM(hidden_size=HIDDEN)
    gates = 4 * (jnp.zeros((BATCH, HIDDEN)),)
    with pytest.raises(Exception, match="products"):
        cell.step(random_weights(cell, INPUT), cell.zero_carry(BATCH), gates, (4 * (jnp.zeros((BATCH, 3)),),))
