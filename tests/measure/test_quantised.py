from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gru_bench.measure.quantised import quantise, quantised_numbers
from gru_bench.record import read_record
from gru_bench.tasks.language_modeling import LanguageModeling
from tests.training.small import SYMBOLS, make_network, make_text

HIDDEN = 5


def named(params: Any) -> dict[str, jax.Array]:
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


@pytest.mark.parametrize("cell", ["gru", "lstm", "mgu"])
def test_each_output_of_a_kernel_has_a_scale_of_its_own(cell: str):
    network = make_network(LanguageModeling(make_text().describe()), cell)
    params = nnx.state(network, nnx.Param)
    found = named(quantise(params)[0])
    for name, exact in named(params).items():
        error = np.abs(np.asarray(found[name]) - np.asarray(exact))
        if "kernel" not in name and "table" not in name:
            assert not error.any(), name
            continue
        axis = -1 if "table" in name else 0
        step = np.abs(exact).max(axis=axis, keepdims=True) / 127
        assert np.all(error <= 0.5001 * step), name
        assert error.max() > 0.2 * step.min(), name
        levels = np.asarray(found[name]) / step
        np.testing.assert_allclose(levels, np.round(levels), atol=1e-3)
        assert np.abs(np.round(levels)).max() == 127


def test_bytes_count_weights_scales_and_what_stays():
    network = make_network(LanguageModeling(make_text().describe()), "lstm")
    size = quantise(nnx.state(network, nnx.Param))[1]
    matrices = 2 * SYMBOLS * HIDDEN + 2 * HIDDEN * 4 * HIDDEN
    scales = 2 * SYMBOLS + 2 * 4 * HIDDEN
    biases = 4 * HIDDEN + SYMBOLS
    assert size == matrices + 4 * (scales + biases)


def test_an_output_without_weights_stays_so():
    params = nnx.State({"kernel": nnx.Param(jnp.asarray([[0.0, 1.0], [0.0, -2.0]]))})
    found = named(quantise(params)[0])["kernel/value"]
    assert np.asarray(found).tolist() == [[0.0, pytest.approx(64 * 2 / 127)], [0.0, -2.0]]


def test_a_shared_table_is_rounded_once():
    network = make_network(LanguageModeling(make_text().describe()), tied_embeddings=True)
    found = named(quantise(nnx.state(network, nnx.Param))[0])
    assert "head/kernel/value" not in found


def test_a_finished_run_is_scored_both_ways(finished_run: Path):
    record = read_record(finished_run)
    found = quantised_numbers(finished_run)
    assert found["metric_float32"] == record.metrics["test"][record.metric]
    assert found["metric_int8"] != found["metric_float32"]
    assert found["metric_int8"] == pytest.approx(found["metric_float32"], rel=0.01)
    assert found["bytes_float32"] == 4 * record.parameters["total"]
    assert found["bytes_int8"] < 0.6 * found["bytes_float32"]  # of so small a network scales and biases are a third
