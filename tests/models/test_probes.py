"""What is read off a recurrence: the values of its gates and the gradients that reach its carries."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.models.probes import carry_gradients, gate_activity, gate_values
from tests.models.support import OPTIONS, assert_close, random_array, run, run_with_gradients, step_once
from tests.models.test_recurrence import BATCH, HIDDEN, TIME, counts, drawn, starts


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", ["gru", "gru_before", "lstm_peepholes", "mgu", "min_gru"])
def test_hidden_states_beside_the_gates_are_those_of_the_recurrence(name: str, reverse: bool):
    cell, weights, inputs, carry = drawn(name, 11)
    masks = {"padding": counts([TIME, 5, 0]), "reset": starts(4)}
    assert masks["reset"].any()
    _, hidden = gate_values(cell, weights, inputs, carry, reverse=reverse, **masks)
    expected, _ = run(cell, weights, inputs, carry, reverse=reverse, **masks)
    assert_close(hidden, expected, 1e-5)
    _, without = gate_values(cell, weights, inputs, carry, reverse=reverse, padding=masks["padding"])
    assert float(jnp.abs(without - expected).max()) > 0.1  # the resets matter here


@pytest.mark.parametrize("name", OPTIONS)
def test_gates_are_those_of_the_cell_step_by_step(name: str):
    cell, weights, inputs, state = drawn(name, 12)
    reset = starts(4)
    gates, _ = gate_values(cell, weights, inputs, state, reset=reset)
    assert set(gates) == set(cell.sigmoid_gates)
    for step in range(TIME):
        state = jax.tree.map(lambda leaf, step=step: jnp.where(reset[step][:, None], 0.0, leaf), state)
        state, expected = step_once(cell, weights, state, inputs[step])
        for gate, values in gates.items():
            assert values.shape == (TIME, BATCH, HIDDEN)
            assert_close(values[step], expected[gate], 1e-5)


def test_activity_is_over_the_time_steps_that_count():
    values = jnp.array([[[0.05, 0.5], [0.95, 0.25]], [[0.92, 0.4], [0.99, 0.99]]])  # (time, sequence, unit)
    padding = jnp.array([[True, True], [True, False]])
    counted = [0.05, 0.5, 0.95, 0.25, 0.92, 0.4]
    (measured,) = gate_activity({"update": values}, padding).values()
    assert float(measured["mean"]) == pytest.approx(np.mean(counted))
    assert float(measured["saturated"]) == pytest.approx(3 / 6)
    everything = gate_activity({"update": values})["update"]
    assert float(everything["mean"]) == pytest.approx(np.mean([*counted, 0.99, 0.99]))
    assert float(everything["saturated"]) == pytest.approx(5 / 8)


@pytest.mark.parametrize("name", ["gru_before", "lstm_peepholes_norm", "min_gru"])
def test_carry_gradients_are_those_of_the_time_steps_that_follow(name: str):
    cell, weights, inputs, carry = drawn(name, 3)
    padding, reset = counts([TIME, 5, 4]), starts(5).at[:3].set(False)
    d_outputs = random_array(6, TIME, BATCH, HIDDEN)
    found = carry_gradients(cell, weights, inputs, carry, d_outputs, padding=padding, reset=reset)
    for time in (0, 2):
        before, after = slice(time + 1), slice(time + 1, None)
        _, start = run(cell, weights, inputs[before], carry, padding=padding[before], reset=reset[before])
        none = jax.tree.map(jnp.zeros_like, start)
        masks = {"padding": padding[after], "reset": reset[after]}
        later = run_with_gradients(cell, weights, inputs[after], start, (d_outputs[after], none), **masks)
        _, pull = jax.vjp(cell.hidden, start)
        (own,) = pull(d_outputs[time])
        expected = jax.tree.map(jnp.add, later.gradients["carry"], own)
        assert_close(jax.tree.map(lambda part, time=time: part[time], found), expected)
