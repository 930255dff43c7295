from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.measure.memory import memory_numbers, saved_bytes
from gru_bench.measure.parameters import parameter_numbers
from gru_bench.record import read_record
from tests.training.support import SMALL

BATCH, TIME, HIDDEN, FLOAT = 4, 8, 8, 4


def test_what_is_kept_is_counted_once_without_weights_and_inputs():
    weights = {"w": jnp.ones((3, 5)), "v": jnp.ones((5, 2))}

    def network(weights: Any, x: Any) -> Any:
        hidden = jnp.tanh(x @ weights["w"])
        return (hidden @ weights["v"]).sum()

    assert saved_bytes(network, weights, jnp.ones((7, 3))) == FLOAT * 7 * 5 * 2  # hidden, and the slope of tanh
    assert saved_bytes(lambda weights, x: (x @ weights["w"]).sum(), weights, jnp.ones((7, 3))) == 0
    assert saved_bytes(lambda *both: network(*both) / 3.0, weights, jnp.ones((7, 3))) == FLOAT * 7 * 5 * 2  # a literal
    halved = saved_bytes(jax.checkpoint(network), weights, jnp.ones((7, 3)))
    assert halved == 0


@pytest.mark.parametrize(
    ("cell", "kept"), [("gru", 3 + 3 + 1), pytest.param("lstm", 4 + 4 + 2, marks=pytest.mark.slow)]
)
def test_a_layer_keeps_projections_products_and_carries(cell: str, kept: int):
    found = memory_numbers(composed(*SMALL, f"model={cell}"))
    rows = FLOAT * BATCH * TIME * HIDDEN
    assert found["saved_recurrent_bytes"] == (kept + 1) * rows  # and the embedded inputs
    assert found["saved_bytes"] > found["saved_recurrent_bytes"] + rows  # and the outputs, for the head
    assert found["carry_bytes"] == FLOAT * HIDDEN * (2 if cell == "lstm" else 1)
    assert found["parameter_bytes"] == FLOAT * parameter_numbers(composed(*SMALL, f"model={cell}"))["total"]


def test_to_compute_products_again_saves_them():
    found = memory_numbers(composed(*SMALL, "training.rematerialise=true", "training.replicas=2"))
    assert found["saved_recurrent_bytes"] == (3 + 1 + 1) * FLOAT * BATCH * TIME * HIDDEN


def test_a_step_is_that_of_the_record_and_inference_needs_less(finished_run: Path):
    record = read_record(finished_run)
    found = memory_numbers(Config.from_dict(record.config))
    assert found["step_bytes"] == record.memory["step_bytes"]
    assert found["parameter_bytes"] < found["inference_bytes"] < found["step_bytes"]


@pytest.mark.slow
def test_the_longest_batch_counts_where_lengths_differ():
    found = memory_numbers(
        composed("task=sentiment", "model.hidden_size=4", "data.train_size=100", "data.valid_size=100", "tracker=none")
    )
    assert found["saved_bytes"] > found["saved_recurrent_bytes"] > 0
