"""One rule per gate block, the same for all cells."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.cells.base import Cell
from gru_bench.models.initializers import draw_cell, orthogonal, uniform
from tests.models.support import OPTIONS, assert_close, make_cell
from tests.presets import CELLS

INPUT, HIDDEN = 5, 16


@pytest.mark.parametrize("name", OPTIONS)
def test_orthogonal_rule_for_each_gate_block(name: str):
    cell = make_cell(name, HIDDEN)
    weights = draw_cell(jax.random.key(0), cell, INPUT, orthogonal)
    assert {key: value.shape for key, value in weights.items()} == cell.weight_shapes(INPUT)
    assert all(value.dtype == jnp.float32 for value in weights.values())
    blocks = []
    for key in cell.recurrent_kernels:
        for gate in range(weights[key].shape[1]):
            block = np.asarray(weights[key][:, gate], np.float64)
            np.testing.assert_allclose(block @ block.T, np.eye(HIDDEN), atol=1e-5)
            blocks.append(block)
    assert all(np.abs(a - b).max() > 0.1 for index, a in enumerate(blocks) for b in blocks[:index])
    limit = math.sqrt(6 / (INPUT + HIDDEN))
    kernel = np.abs(np.asarray(weights["kernel"]))
    assert 0.9 * limit < kernel.max() <= limit
    for key, value in weights.items():
        if key.endswith("gain"):
            np.testing.assert_array_equal(value, 1.0)
        elif key.endswith("bias") and not any(cell.bias_offsets.values()):
            np.testing.assert_array_equal(value, 0.0)
        elif key == "peephole":
            assert 0.0 < float(jnp.abs(value).max()) <= math.sqrt(6 / (len(cell.sigmoid_gates) + HIDDEN))


@pytest.mark.parametrize("offset", [0.0, 1.0, -2.5])
@pytest.mark.parametrize(
    ("name", "option", "gate"),
    [
        ("lstm", "forget_bias", "forget"),
        ("coupled_lstm", "forget_bias", "forget"),
        ("min_lstm", "forget_bias", "forget"),
        ("gru", "update_bias", "update"),
        ("min_gru", "update_bias", "update"),
    ],
)
def test_only_the_gate_of_a_bias_option_starts_with_it(name: str, option: str, gate: str, offset: float):
    def starting(value: float) -> Cell:
        options: dict[str, Any] = {option: value}
        return CELLS[name](hidden_size=HIDDEN, **options)

    cell, zero = starting(offset), starting(0.0)
    drawn = draw_cell(jax.random.key(0), cell, INPUT, orthogonal)
    expected = np.array([offset if it == gate else 0.0 for it in cell.gates])[:, None] * np.ones(HIDDEN)
    np.testing.assert_array_equal(drawn["bias"], expected)
    base = draw_cell(jax.random.key(0), zero, INPUT, uniform(0.1))
    moved = draw_cell(jax.random.key(0), cell, INPUT, uniform(0.1))
    assert_close(moved.pop("bias") - base.pop("bias"), expected, 1e-6)
    assert_close(moved, base, 0.0)


@pytest.mark.parametrize("name", OPTIONS)
def test_uniform_rule_stays_within_its_scale(name: str):
    cell = make_cell(name, HIDDEN)
    weights = draw_cell(jax.random.key(0), cell, INPUT, uniform(0.1))
    for key, value in weights.items():
        if key.endswith("gain"):
            np.testing.assert_array_equal(value, 1.0)
            continue
        offsets = [cell.bias_offsets.get(gate, 0.0) for gate in cell.gates] if key == "bias" else [0.0]
        centred = np.asarray(value) - (np.array(offsets)[:, None] if key == "bias" else 0.0)
        assert 0.05 < np.abs(centred).max() <= 0.1 + 1e-6
        assert np.unique(centred).size > 0.9 * centred.size


def test_a_weight_depends_on_the_key_and_its_own_name_alone():
    key = jax.random.key(3)
    plain = draw_cell(key, make_cell("lstm", HIDDEN), INPUT, uniform(0.1))
    peepholes = draw_cell(key, make_cell("lstm_peepholes", HIDDEN), INPUT, uniform(0.1))
    assert_close({name: peepholes[name] for name in plain}, plain, 0.0)
    other = draw_cell(jax.random.key(4), make_cell("lstm", HIDDEN), INPUT, uniform(0.1))
    assert all(bool((other[name] != plain[name]).any()) for name in plain)
    assert np.unique(np.concatenate([np.ravel(value) for value in plain.values()])).size > 0.9 * sum(
        value.size for value in plain.values()
    )
