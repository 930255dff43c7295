"""Counts of parameters, state and operations, and hidden sizes for a budget."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_bench.cells.base import Cell
from gru_bench.errors import ConfigError
from gru_bench.models.flops import product_flops
from gru_bench.models.network import Network, Signature
from gru_bench.models.recurrence import recur
from gru_bench.models.sizing import BACKWARD_AND_FORWARD, attainable, cell_flops, cell_parameters, hidden_size_for
from gru_bench.sections import ModelConfig, TrainingConfig
from tests.models.support import OPTIONS, make_cell, random_array, random_weights
from tests.networks import make_model
from tests.presets import CELLS


class Shape(NamedTuple):
    """Stacked layers; an input size of None is that of the hidden state."""

    layers: int
    bidirectional: bool = False
    input_size: int | None = None


def recurrent_parameters(cell: Cell, shape: Shape) -> int:
    directions = 2 if shape.bidirectional else 1
    first = cell.hidden_size if shape.input_size is None else shape.input_size
    sizes = [first, *[cell.hidden_size * directions] * (shape.layers - 1)]
    return directions * sum(cell_parameters(cell, size) for size in sizes)


shapes = st.builds(
    Shape,
    layers=st.integers(1, 4),
    bidirectional=st.booleans(),
    input_size=st.one_of(st.none(), st.integers(1, 300)),
)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", OPTIONS)
def test_counts_are_those_of_the_network_that_is_built(name: str, bidirectional: bool):
    kind, options = OPTIONS[name]
    own = {key: value for key, value in options.items() if key != "layer_norm"}
    config = ModelConfig(
        cell=kind,
        hidden_size=4,
        layers=3,
        bidirectional=bidirectional,
        layer_norm="layer_norm" in options,
        init="uniform",
        init_scale=0.1,
        options=own,
    )
    signature = Signature(outputs=7, channels=5)
    network: Any = jax.eval_shape(lambda: _parts(make_model(config, TrainingConfig(updates=1), signature, _key())))
    shape, cell = Shape(layers=3, bidirectional=bidirectional, input_size=5), make_cell(name, 4)
    recurrent = sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(network["layers"]))
    directions = 2 if bidirectional else 1
    assert recurrent == recurrent_parameters(cell, shape)
    assert network["state"].shape == (sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(network["carry"])),)
    assert network["state"].shape[0] == (2 if kind in ("lstm", "coupled_lstm") else 1) * 4 * 3 * directions
    assert network["total"].shape == (recurrent + (4 * directions + 1) * 7,)


def _key() -> jax.Array:
    return jax.random.key(0)


def _parts(network: Network) -> dict[str, Any]:
    return {
        "layers": [layer.directions for layer in network.layers],
        "carry": network.zero_carry(1),
        "total": jnp.zeros(network.parameters["total"]),
        "state": jnp.zeros(network.state_size),
    }


@pytest.mark.parametrize(
    ("name", "expected"), [("gru", 3), ("lstm", 4), ("rnn_tanh", 1), ("mgu", 2), ("coupled_lstm", 3)]
)
def test_the_textbook_counts(name: str, expected: int):
    shape = Shape(layers=2, bidirectional=False, input_size=None)
    extra = 200 if name == "gru" else 0
    assert recurrent_parameters(make_cell(name, 200), shape) == 2 * (expected * (2 * 200 * 200 + 200) + extra)


@settings(deadline=None, max_examples=60)
@given(name=st.sampled_from(sorted(OPTIONS)), shape=shapes, budget=st.integers(1, 5_000_000))
def test_a_budget_is_met_within_one_percent_or_refused(name: str, shape: Shape, budget: int):
    kind, options = OPTIONS[name]

    def sized(hidden: int) -> Cell:
        return CELLS[kind](hidden_size=hidden, **options)

    def count(hidden: int) -> int:
        return recurrent_parameters(sized(hidden), shape)

    above = max(2, 1 + bisect_left(range(1, 5_000_000), budget, key=count))
    best = min(above - 1, above, key=lambda hidden: abs(count(hidden) - budget))
    if abs(count(best) - budget) <= 0.01 * budget:
        assert attainable(budget, count) == budget
        assert abs(count(hidden_size_for(budget, count)) - budget) == abs(count(best) - budget)
        return
    assert abs(attainable(budget, count) - budget) == abs(count(best) - budget)
    assert count(hidden_size_for(attainable(budget, count), count)) == attainable(budget, count)
    with pytest.raises(ConfigError) as caught:
        hidden_size_for(budget, count)
    assert caught.value.key == "model.parameter_budget"
    offered = re.findall(r"(\d+) \(hidden size (\d+)\)", str(caught.value))
    assert [int(size) for _, size in offered] == [above - 1, above]
    assert [int(number) for number, _ in offered] == [count(int(size)) for _, size in offered]


@pytest.mark.parametrize("budget", [100_000, 123_456, 500_000, 1_000_000, 5_000_000])
@pytest.mark.parametrize("layers", [1, 2])
def test_cells_of_one_budget_differ_by_two_percent_at_most(budget: int, layers: int):
    shape, counts = Shape(layers=layers, bidirectional=False, input_size=50), []
    for name in ("gru", "gru_before", "lstm", "lstm_peepholes", "rnn_tanh"):
        kind, options = OPTIONS[name]

        def count(hidden: int, kind: str = kind, options: dict[str, Any] = options) -> int:
            return recurrent_parameters(CELLS[kind](hidden_size=hidden, **options), shape)

        counts.append(count(hidden_size_for(budget, count)))
    assert all(abs(count - budget) <= 0.01 * budget for count in counts)


@pytest.mark.parametrize(
    "name", ["gru", "gru_before", "lstm", "rnn_tanh", "mgu", "coupled_lstm", "min_gru", "min_lstm"]
)
def test_operations_are_those_that_xla_counts(name: str):
    time, batch, size, hidden, outputs = 3, 32, 96, 128, 80
    cell = make_cell(name, hidden)
    weights = random_weights(cell, size) | {"head": random_array(0, hidden, outputs)}

    def loss(weights: dict[str, jax.Array], inputs: jax.Array, carry: Any) -> jax.Array:
        states, _ = recur(cell, weights, inputs, carry, unroll=time)
        return jnp.square(states.reshape(time * batch, hidden) @ weights["head"]).sum()

    inputs, carry = jnp.zeros((time, batch, size)), cell.zero_carry(batch)
    lowered = jax.jit(jax.grad(loss, argnums=(0, 1, 2))).lower(weights, inputs, carry)
    costs: Any = lowered.cost_analysis()
    forward = time * batch * (cell_flops(cell, size) + 2 * hidden * outputs)
    assert product_flops(loss, weights, inputs, carry) == forward
    assert BACKWARD_AND_FORWARD * forward == pytest.approx(costs["flops"], rel=0.05)
