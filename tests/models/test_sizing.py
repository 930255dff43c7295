"""Counts of parameters, state and operations, and hidden sizes for a budget."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_bench.config import ModelConfig, TrainingConfig
from gru_bench.errors import ConfigError
from gru_bench.models.cells import CELLS, Cell
from gru_bench.models.factory import Signature, make_model
from gru_bench.models.network import Network
from gru_bench.models.pooling import POOLINGS, Attention
from gru_bench.models.recurrence import recur
from gru_bench.models.sizing import StackShape, hidden_size_for, recurrent_parameters, state_size, update_flops
from tests.models.support import OPTIONS, make_cell, random_array, random_weights

shapes = st.builds(
    StackShape,
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
    signature = Signature(outputs=7, channels=5, causal=False)
    network: Any = jax.eval_shape(lambda: _parts(make_model(config, TrainingConfig(updates=1), signature, _key())))
    shape, cell = StackShape(layers=3, bidirectional=bidirectional, input_size=5), make_cell(name, 4)
    recurrent = sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(network["layers"]))
    directions = 2 if bidirectional else 1
    assert recurrent == recurrent_parameters(cell, shape)
    assert state_size(cell, shape) == sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(network["carry"]))
    assert state_size(cell, shape) == (2 if kind in ("lstm", "coupled_lstm") else 1) * 4 * 3 * directions
    assert network["total"].shape == (recurrent + (4 * directions + 1) * 7,)


def _key() -> jax.Array:
    return jax.random.key(0)


def _parts(network: Network) -> dict[str, Any]:
    return {
        "layers": [layer.directions for layer in network.layers],
        "carry": network.zero_carry(1),
        "total": jnp.zeros(network.parameters["total"]),
    }


@pytest.mark.parametrize(
    ("name", "expected"), [("gru", 3), ("lstm", 4), ("rnn_tanh", 1), ("mgu", 2), ("coupled_lstm", 3)]
)
def test_the_textbook_counts(name: str, expected: int):
    shape = StackShape(layers=2, bidirectional=False, input_size=None)
    extra = 200 if name == "gru" else 0
    assert recurrent_parameters(make_cell(name, 200), shape) == 2 * (expected * (2 * 200 * 200 + 200) + extra)


@settings(deadline=None, max_examples=60)
@given(name=st.sampled_from(sorted(OPTIONS)), shape=shapes, budget=st.integers(1, 5_000_000))
def test_a_budget_is_met_within_one_percent_or_refused(name: str, shape: StackShape, budget: int):
    kind, options = OPTIONS[name]

    def sized(hidden: int) -> Cell:
        return CELLS[kind](hidden_size=hidden, **options)

    def count(hidden: int) -> int:
        return recurrent_parameters(sized(hidden), shape)

    above = max(2, 1 + bisect_left(range(1, 5_000_000), budget, key=count))
    best = min(above - 1, above, key=lambda hidden: abs(count(hidden) - budget))
    if abs(count(best) - budget) <= 0.01 * budget:
        assert abs(count(hidden_size_for(budget, sized, shape)) - budget) == abs(count(best) - budget)
        return
    with pytest.raises(ConfigError) as caught:
        hidden_size_for(budget, sized, shape)
    assert caught.value.key == "model.parameter_budget"
    offered = re.findall(r"(\d+) \(hidden size (\d+)\)", str(caught.value))
    assert [int(size) for _, size in offered] == [above - 1, above]
    assert [int(number) for number, _ in offered] == [count(int(size)) for _, size in offered]


@pytest.mark.parametrize("budget", [100_000, 123_456, 500_000, 1_000_000, 5_000_000])
@pytest.mark.parametrize("layers", [1, 2])
def test_cells_of_one_budget_differ_by_two_percent_at_most(budget: int, layers: int):
    shape, counts = StackShape(layers=layers, bidirectional=False, input_size=50), []
    for name in ("gru", "gru_before", "lstm", "lstm_peepholes", "rnn_tanh"):
        kind, options = OPTIONS[name]
        hidden = hidden_size_for(budget, lambda size, k=kind, o=options: CELLS[k](hidden_size=size, **o), shape)
        counts.append(recurrent_parameters(CELLS[kind](hidden_size=hidden, **options), shape))
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
    shape = StackShape(layers=1, bidirectional=False, input_size=size)
    steps = float(time * batch)
    assert update_flops(cell, shape, outputs, steps, steps) == pytest.approx(costs["flops"], rel=0.05)


def test_operations_by_hand():
    shape = StackShape(layers=2, bidirectional=True, input_size=3)
    cell = make_cell("lstm", 5)
    first, second = 4 * 5 * (3 + 5), 4 * 5 * (10 + 5)
    expected = 2 * 3 * (2 * (first + second) * 40 + 10 * 7 * 8)
    assert update_flops(cell, shape, output_size=7, time_steps=40.0, outputs=8.0) == expected


def test_features_and_attention_by_hand():
    shape = StackShape(layers=1, bidirectional=False, input_size=7)
    counts = {"output_size": 96, "time_steps": 32.0 * 96, "outputs": 32.0}
    without = update_flops(make_cell("gru", 64), shape, **counts)
    features = update_flops(make_cell("gru", 64), shape, **counts, features=96 * 6)
    assert features - without == 2 * 3 * (96 * 6) * 96 * 32
    attention = update_flops(make_cell("gru", 64), shape, **counts, pooling_flops=Attention.step_flops(64))
    assert attention - without == 2 * 3 * (64 * 64 + 64) * 32 * 96
    assert [pooling.step_flops(64) for pooling in POOLINGS.values() if pooling is not Attention] == [0, 0, 0]
