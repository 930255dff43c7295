from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.models.builder import make_cells
from gru_bench.models.turns import TurnReader, until_end
from gru_bench.sections import ModelConfig, TrainingConfig


def test_symbols_until_the_first_end():
    ids = jnp.array([[2, 3, 0, 0], [0, 0, 0, 0], [4, 0, 4, 0], [5, 5, 5, 5]])
    assert until_end(ids, 0).sum(axis=1).tolist() == [3, 1, 2, 4]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_turn_is_read_by_itself(bidirectional: bool, strict: None):
    config = ModelConfig(cell="lstm", hidden_size=3, bidirectional=bidirectional, init="uniform", init_scale=0.9)

    def build(cells: Any, key: Any) -> Any:
        return TurnReader(cells, key, 7, 0)

    reader = build(make_cells(config, TrainingConfig(updates=1), build), jax.random.key(0))
    turns = [[[2, 3, 0], [4, 0], [5, 6, 2, 0]], [[6, 0], [2, 0], [3, 3, 0]]]
    source = np.zeros((2, 3, 6), np.int32)
    for row, column in np.ndindex(2, 3):
        source[row, column, : len(turns[row][column])] = turns[row][column]
    vectors = reader(jnp.asarray(source))
    assert vectors.shape == (2, 3, 6 if bidirectional else 3)
    for row, column in np.ndindex(2, 3):
        alone = reader(jnp.asarray(turns[row][column], jnp.int32)[None, None])
        np.testing.assert_allclose(vectors[row, column], alone[0, 0], atol=1e-6)
