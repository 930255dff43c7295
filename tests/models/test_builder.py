"""From settings to a network: what is refused, and what the messages say."""

from __future__ import annotations

from typing import Any

import jax
import pytest

from gru_bench.checks import check_model
from gru_bench.errors import ConfigError
from gru_bench.models.network import Signature
from gru_bench.models.sizing import cell_parameters
from gru_bench.sections import ModelConfig, TrainingConfig
from tests.networks import make_cell, make_model
from tests.presets import CELLS

TRAINING = TrainingConfig(updates=1)
WORDS = Signature(outputs=11, symbols=11)


def config(cell: str = "lstm", **values: Any) -> ModelConfig:
    sizes = {} if "parameter_budget" in values or "hidden_size" in values else {"hidden_size": 4}
    return ModelConfig(**{"cell": cell, **sizes, "init": "uniform", "init_scale": 0.1, **values})


@pytest.mark.parametrize(
    ("cell", "options", "key", "parts"),
    [
        ("gruu", {}, "model.cell", ["'gruu'", "coupled_lstm or gru or lstm or", "Did you mean 'gru'?"]),
        ("lstm", {"forget_biass": 1.0}, "model.forget_biass", ["model.forget_bias", "Did you mean", "forget_bias'?"]),
        ("lstm", {"reset_after": True}, "model.reset_after", ["model.forget_bias, model.peepholes"]),
        ("lstm", {"peepholes": 1}, "model.peepholes", ["found 1", "true or false"]),
        ("lstm", {"forget_bias": "one"}, "model.forget_bias", ["found 'one'", "a number"]),
        ("rnn", {"activation": "tahn"}, "model.activation", ["tanh or relu", "Did you mean 'tanh'?"]),
        ("gru", {"reset_after": "no"}, "model.reset_after", ["found 'no'", "true or false"]),
    ],
)
def test_wrong_cells_and_options_are_named_with_what_is_allowed(
    cell: str, options: dict[str, Any], key: str, parts: list[str]
):
    with pytest.raises(ConfigError) as caught:
        check_model(config(cell, options=options), causal=True, pooled=False)
    assert caught.value.key == key
    assert all(part in str(caught.value) for part in parts), str(caught.value)


@pytest.mark.parametrize("sizes", [{"hidden_size": 4, "parameter_budget": 1000}, {"hidden_size": None}])
def test_exactly_one_size_is_wanted(sizes: dict[str, Any]):
    with pytest.raises(ConfigError, match=r"exactly one of model\.hidden_size and model\.parameter_budget"):
        config(**sizes)


def test_both_directions_are_refused_where_the_future_is_the_answer():
    with pytest.raises(ConfigError, match="would see the targets") as caught:
        check_model(config(bidirectional=True), causal=True, pooled=False)
    assert caught.value.key == "model.bidirectional"
    check_model(config(bidirectional=True), causal=False, pooled=False)


@pytest.mark.parametrize(
    ("values", "signature", "found"),
    [
        ({"embedding_size": 3}, WORDS, "found 3, allowed: 4 or null"),
        ({"embedding_size": 4, "bidirectional": True}, WORDS, "8 or null"),
        ({"bidirectional": True}, WORDS, "as wide as"),
        ({"embedding_size": 4, "hidden_size": None, "parameter_budget": 1000}, WORDS, "as wide as"),
        ({}, Signature(outputs=2, symbols=11), "reads 11 symbols and returns 2 numbers"),
        ({}, Signature(outputs=4, channels=4), "reads real values and returns 4 numbers"),
    ],
)
def test_embeddings_are_tied_only_where_sizes_agree(values: dict[str, Any], signature: Signature, found: str):
    settings = config(tied_embeddings=True, **values)

    def checked() -> None:
        check_model(settings, causal=False, pooled=False)
        make_model(settings, TRAINING, signature, jax.random.key(0))

    with pytest.raises(ConfigError, match=found):
        checked()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"embedding_size": 4},
        {"hidden_size": None, "parameter_budget": 136},
        {"embedding_size": 8, "bidirectional": True},
    ],
)
def test_embeddings_are_tied_where_sizes_agree(values: dict[str, Any]):
    signature = Signature(outputs=11, symbols=11)
    network = make_model(config(cell="rnn", tied_embeddings=True, **values), TRAINING, signature, jax.random.key(0))
    assert network.head.kernel is None


@pytest.mark.parametrize(
    ("cell", "values", "key", "parts"),
    [
        (
            "min_gru",
            {"recurrent_dropout": 0.1},
            "model.recurrent_dropout",
            ["model.cell=min_gru", "no recurrent product"],
        ),
        ("min_lstm", {"recurrent_dropout": 0.1}, "model.recurrent_dropout", ["model.cell=min_lstm", "input_dropout"]),
        ("gru", {"recurrence": "parallel"}, "model.recurrence", ["fast or scan", "depend on the previous time step"]),
        ("mgu", {"recurrence": "parallel"}, "model.recurrence", ["fast or scan", "model.cell=mgu"]),
    ],
)
def test_what_a_cell_cannot_do_is_refused_with_the_reason(
    cell: str, values: dict[str, Any], key: str, parts: list[str]
):
    with pytest.raises(ConfigError) as caught:
        check_model(config(cell, **values), causal=True, pooled=False)
    assert caught.value.key == key
    assert all(part in str(caught.value) for part in parts), str(caught.value)
    check_model(config("mgu" if "recurrent_dropout" in values else "min_gru", **values), causal=True, pooled=False)


def test_an_unreachable_budget_names_the_nearest_two():
    with pytest.raises(ConfigError, match=r"144 \(hidden size 4\) or 220 \(hidden size 5\)") as caught:
        make_cell(config(parameter_budget=180, options={"forget_bias": 0.0}), WORDS)
    assert caught.value.key == "model.parameter_budget"


@pytest.mark.parametrize("cell", CELLS)
def test_a_budget_sets_the_hidden_size(cell: str):
    chosen = make_cell(config(cell, parameter_budget=200_000, layers=2), WORDS)
    assert abs(2 * cell_parameters(chosen, chosen.hidden_size) - 200_000) <= 2000


def test_options_and_layer_norm_reach_the_cell():
    cell = make_cell(config("gru", layer_norm=True, options={"reset_after": False}), WORDS)
    assert cell == CELLS["gru"](hidden_size=4, layer_norm=True, **{"reset_after": False})


def test_the_same_key_builds_the_same_network_and_another_key_another():
    first, second, third = (
        make_model(config(), TRAINING, WORDS, jax.random.key(seed)).layers[0].directions["forward"]
        for seed in (0, 0, 1)
    )
    assert all(bool((first[name] == second[name]).all()) for name in first)
    assert all(bool((first[name] != third[name]).any()) for name in first)
