from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.compose import composed
from gru_bench.errors import ConfigError
from gru_bench.measure.gradient_flow import FLOOR, gradient_norms, initial_gradient_norms, trained_gradient_norms
from gru_bench.models.network import Network
from gru_bench.tasks.language_modeling import LanguageModeling
from gru_bench.tasks.task import Batch
from tests.models.support import step_once
from tests.training.small import TRAINING, make_network, make_text
from tests.training.support import SMALL

CELLS = ["rnn", "gru", "lstm", "coupled_lstm", "mgu", "min_gru", "min_lstm"]


def setting(cell: str, **model: Any) -> tuple[Network, LanguageModeling, Batch]:
    corpus = make_text()
    task = LanguageModeling(corpus.describe())
    return make_network(task, cell, **model), task, task.eval_batches(corpus, "valid", TRAINING)[0]


def by_definition(network: Network, batch: Batch, row: int) -> np.ndarray:
    """Return |dL/dh| at each time step by adding numbers to the hidden states in a plain loop."""
    (layer,) = network.layers
    cell, weights = layer.cell, layer.directions["forward"]
    embedded = network.encoder(jnp.asarray(batch["inputs"][row]))

    def loss(added: jax.Array) -> jax.Array:
        carry = cell.zero_carry(1)
        for inputs, number in zip(embedded, added, strict=True):
            carry, _ = step_once(cell, weights, carry, inputs[None])
            hidden = cell.hidden(carry) + number
            carry = carry._replace(hidden=hidden) if cell.states > 1 else hidden
        scores = jax.nn.log_softmax(network.head(cell.hidden(carry))[0])
        return -scores[batch["targets"][row, -1]]

    return np.linalg.norm(jax.grad(loss)(jnp.zeros((len(embedded), 1, cell.hidden_size))), axis=(1, 2))


@pytest.mark.parametrize("cell", CELLS)
def test_norms_are_those_of_a_number_added_to_the_hidden_state(cell: str):
    network, task, batch = setting(cell)
    found = gradient_norms(network, task, batch)
    assert [name for name in found if name.startswith("lag_")] == ["lag_0", "lag_1", "lag_2", "lag_4"]
    norms = np.stack([by_definition(network, batch, row) for row in range(len(batch["inputs"]))])
    for lag in (0, 1, 4):
        assert found[f"lag_{lag}"] == pytest.approx(math.exp(np.log(norms[:, -1 - lag]).mean()), rel=1e-4)


def test_the_carry_is_all_of_its_parts():
    network, task, batch = setting("lstm")
    found = gradient_norms(network, task, {name: array[:1] for name, array in batch.items()})
    for lag in (1, 2, 4):
        parts = found[f"lag_{lag}"], found[f"cell_lag_{lag}"]
        assert found[f"carry_lag_{lag}"] == pytest.approx(math.hypot(*parts), rel=1e-9)
    alone = gradient_norms(*setting("gru"))
    assert alone["carry_lag_4"] == alone["lag_4"]
    assert not [name for name in alone if name.startswith("cell")]


def linear(factor: float, context: int) -> dict[str, float]:
    """Return the norms of h' = factor * h + x with a positive x, over a window of so many time steps."""
    corpus = make_text()
    task = LanguageModeling(corpus.describe())
    network = make_network(task, "rnn", options={"activation": "relu"})
    weights = network.layers[0].weights["forward"]
    weights["recurrent_kernel"].set_value(factor * jnp.eye(5)[:, None])
    weights["bias"].set_value(jnp.full((1, 5), 10.0))
    training = TRAINING.__class__(updates=1, bptt_window=context, eval_batch_size=1)
    return gradient_norms(network, task, task.eval_batches(corpus, "valid", training)[0])


def test_a_linear_network_loses_its_factor_at_each_time_step():
    found = linear(0.5, context=90)
    assert found["log_slope"] == pytest.approx(math.log(0.5), rel=1e-6)
    for lag in (1, 16, 64):
        assert found[f"lag_{lag}"] == pytest.approx(found["lag_0"] * 0.5**lag, rel=1e-6)


def test_norms_far_below_those_of_float32_are_told_and_the_floor_takes_no_part():
    found = linear(1e-20, context=90)
    assert found["lag_8"] == pytest.approx(found["lag_0"] * 1e-160, rel=1e-5)
    assert found["lag_16"] == found["lag_64"] == pytest.approx(FLOOR)
    assert found["log_slope"] == pytest.approx(-20 * math.log(10), rel=1e-6)
    gone = linear(0.0, context=10)
    assert gone["lag_1"] == pytest.approx(FLOOR)
    assert math.isnan(gone["log_slope"])


@pytest.mark.slow
def test_a_forget_gate_that_is_open_keeps_the_gradient():
    slopes = []
    for bias in (0.0, 1.0, 2.0):
        config = composed(*SMALL, "model=lstm", f"model.forget_bias={bias}", "training.bptt_window=32")
        slopes.append(initial_gradient_norms(config)["carry_log_slope"])
    assert slopes[0] < slopes[1] < slopes[2] < 0


def test_only_the_last_layer_counts_and_only_what_is_scored():
    network, task, batch = setting("gru", layers=2, residual=True)
    masked = {name: np.array(array) for name, array in batch.items()}
    masked["mask"][0] = False
    found, expected = gradient_norms(network, task, masked), gradient_norms(network, task, batch)
    alone = gradient_norms(network, task, {name: array[1:] for name, array in batch.items()})
    assert found == pytest.approx(alone, rel=1e-5)
    assert found["lag_1"] != pytest.approx(expected["lag_1"], rel=1e-5)


@pytest.mark.slow
def test_texts_of_several_lengths_count_from_their_own_ends():
    small = ("task=sentiment", "data.train_size=100", "data.valid_size=100", "model.hidden_size=6", "tracker=none")
    found = initial_gradient_norms(composed(*small, "model=rnn"))
    assert all(found[name] > FLOOR for name in found if "lag" in name)
    with pytest.raises(ConfigError, match="one direction only"):
        initial_gradient_norms(composed(*small, "model.bidirectional=true"))


def test_a_finished_run_is_measured_with_its_best_weights(finished_run: Path):
    found, before = trained_gradient_norms(finished_run), initial_gradient_norms(composed(*SMALL))
    assert found.keys() == before.keys()
    assert found["lag_4"] != pytest.approx(before["lag_4"], rel=1e-3)
