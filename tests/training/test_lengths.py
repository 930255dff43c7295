from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from gru_bench.data.buckets import TextBuckets
from gru_bench.tasks.task import TrainBatches
from gru_bench.training.lengths import at_own_length, store
from gru_bench.training.step import TrainState, UpdateMetrics

pytestmark = pytest.mark.usefixtures("strict")

ROWS = [np.arange(1, size + 1, dtype=np.int32) for size in (2, 3, 5, 5, 7, 7)]
BATCHES = TextBuckets(ROWS, np.arange(6, dtype=np.int32), (3, 5, 6), 2)


def test_batches_say_their_lengths():
    assert isinstance(BATCHES, TrainBatches)
    assert BATCHES.lengths == (3, 5, 7)
    assert {BATCHES.at(0, index)["inputs"].shape[1] for index in range(len(BATCHES))} == {3, 5, 7}


def tell(state: TrainState, batch: Any, scalars: Any) -> tuple[TrainState, UpdateMetrics]:
    """Tell the sum of all words with the number of time steps behind the point, and the number of words."""
    words = batch["inputs"].sum().astype(jnp.float32) + batch["inputs"].shape[1] / 16
    return state._replace(update=state.update + 1), UpdateMetrics(words, batch["padding"].sum().astype(jnp.float32))


def test_what_is_stored_longer_is_computed_as_it_was():
    start = TrainState(nnx.State({}), optax.EmptyState(), (), jax.random.key(0), jnp.zeros((), jnp.int32))
    update = jax.jit(at_own_length(tell, BATCHES.lengths))
    for index in range(len(BATCHES)):
        batch = BATCHES.at(0, index)
        stored = store(batch, BATCHES.lengths)
        assert stored["inputs"].shape == stored["padding"].shape == (2, 7)
        state, told = update(start, stored, {})
        assert int(state.update) == 1
        assert float(told.loss) == batch["inputs"].sum() + batch["inputs"].shape[1] / 16
        assert float(told.gradient_norm) == batch["padding"].sum()


def test_one_length_needs_nothing():
    batch = BATCHES.at(0, 0)
    assert store(batch, (3,)) is batch
    assert at_own_length(tell, (3,)) is tell
