from __future__ import annotations

from pathlib import Path

import pytest

from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.measure.parameters import parameter_numbers
from gru_bench.record import read_record
from tests.training.support import SMALL

SYMBOLS, HIDDEN = 7, 8


def test_a_gru_layer_has_three_quarters_of_an_lstm_layer_but_for_the_candidates_own_bias():
    gru, lstm = (parameter_numbers(composed(*SMALL, f"model={cell}")) for cell in ("gru", "lstm"))
    assert lstm["layer_recurrent"] == 4 * HIDDEN * (HIDDEN + HIDDEN + 1)
    assert gru["layer_recurrent"] - HIDDEN == 3 / 4 * lstm["layer_recurrent"]
    for found in (gru, lstm):
        assert found["embedding"] == SYMBOLS * HIDDEN
        assert found["head"] == SYMBOLS * (HIDDEN + 1)
        assert found["total"] == found["embedding"] + found["recurrent"] + found["pooling"] + found["head"]
        assert found["hidden_size"] == HIDDEN
    assert lstm["state_size"] == 2 * gru["state_size"] == 2 * HIDDEN


def test_layers_directions_and_pooling_are_counted():
    found = parameter_numbers(
        composed(
            *("task=sentiment", "model=rnn", "model.layers=2", "model.bidirectional=true", "model.pooling=attention"),
            *("model.hidden_size=5", "model.embedding_size=4", "data.train_size=100", "data.valid_size=100"),
        )
    )
    assert found["layer_recurrent"] == 5 * (4 + 5 + 1)
    assert found["recurrent"] == 2 * (5 * (4 + 5 + 1) + 5 * (10 + 5 + 1))
    assert found["pooling"] == 10 * 10 + 10 + 10
    assert found["total"] == found["embedding"] + found["recurrent"] + found["pooling"] + found["head"]


def test_a_shared_table_counts_once():
    apart, shared = (parameter_numbers(composed(*SMALL, f"model.tied_embeddings={tied}")) for tied in (False, True))
    assert shared["head"] == SYMBOLS
    assert shared["embedding"] == apart["embedding"]
    assert shared["total"] == apart["total"] - SYMBOLS * HIDDEN


def test_counts_are_those_of_the_record(finished_run: Path):
    record = read_record(finished_run)
    found = parameter_numbers(Config.from_dict(record.config))
    assert {name: found[name] for name in record.parameters} == record.parameters
    assert found["state_size"] == record.state_size
    assert found["flops_per_update"] == pytest.approx(record.flops_per_update, rel=1e-12)
