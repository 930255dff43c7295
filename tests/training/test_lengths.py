from __future__ import annotations

from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from gru_bench.data.batches.base import Batches
from gru_bench.data.batches.buckets import Buckets
from gru_bench.training.lengths import at_own_shape, store
from gru_bench.training.step import TrainState, UpdateMetrics

pytestmark = pytest.mark.usefixtures("strict")

ROWS = [np.arange(1, size + 1, dtype=np.int32) for size in (2, 3, 5, 5, 7, 7)]
BATCHES = Buckets(ROWS, np.arange(6, dtype=np.int32), (3, 5, 6), 2)


def test_batches_say_their_lengths():
    assert BATCHES.shapes == ({"time": 3}, {"time": 5}, {"time": 7})
    assert {BATCHES.at(0, index)["inputs"].shape[1] for index in range(len(BATCHES))} == {3, 5, 7}


def only(stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the batch of the only update and the only row."""
    return {name: array[0, 0] for name, array in stored.items()}


def tell(state: TrainState, batch: Any, scalars: Any) -> tuple[TrainState, UpdateMetrics]:
    """Tell the sum of all words with the number of time steps behind the point, and the number of words."""
    words = batch["inputs"].sum().astype(jnp.float32) + batch["inputs"].shape[1] / 16
    return state._replace(update=state.update + 1), UpdateMetrics(words, batch["padding"].sum().astype(jnp.float32))


def test_what_is_stored_longer_is_computed_as_it_was():
    start = TrainState(nnx.State({}), optax.EmptyState(), (), jax.random.key(0), jnp.zeros((), jnp.int32))
    update = jax.jit(at_own_shape(tell, BATCHES))
    for index in range(len(BATCHES)):
        batch = BATCHES.at(0, index)
        stored = only(store([[batch]], BATCHES, 1))
        assert stored["inputs"].shape == stored["padding"].shape == (2, 7)
        state, told = update(start, stored, {})
        assert int(state.update) == 1
        assert float(told.loss) == batch["inputs"].sum() + batch["inputs"].shape[1] / 16
        assert float(told.gradient_norm) == batch["padding"].sum()


def test_one_length_needs_nothing():
    batches = Buckets(ROWS, np.arange(6, dtype=np.int32), (7,), 2)
    batch = batches.at(0, 0)
    stored = only(store([[batch]], batches, 1))
    assert stored.keys() == batch.keys()
    for name, array in batch.items():
        np.testing.assert_array_equal(stored[name], array)
    assert at_own_shape(tell, batches) is tell


def test_what_a_row_does_not_fill_is_zero():
    short, long = BATCHES.at(0, 0), BATCHES.at(0, len(BATCHES) - 1)
    stored = store([[short, long], [], [long]], BATCHES, 3)
    assert {name: array.shape[:2] for name, array in stored.items()} == dict.fromkeys(stored, (3, 3))
    np.testing.assert_array_equal(stored["inputs"][0, 0, :, :3], short["inputs"])
    assert not stored["inputs"][0, 0, :, 3:].any()
    np.testing.assert_array_equal(stored["inputs"][0, 1], long["inputs"])
    np.testing.assert_array_equal(stored["inputs"][2, 0], long["inputs"])
    for array in stored.values():
        assert [np.count_nonzero(part) for part in (array[0, 2], array[1], array[2, 1:])] == [0, 0, 0]


class Pairs(Batches[dict[str, Any]]):
    """Two sequences side by side, each with a time axis of its own."""

    axes = MappingProxyType({"source": "source", "target": "target", "target_mask": "target"})
    sizes = ((2, 5), (4, 3))  # neither has both of the greatest lengths

    def __len__(self) -> int:
        return len(self.sizes)

    def make(self, epoch: int, index: int) -> dict[str, Any]:
        source, target = self.sizes[index]
        mask = np.ones((2, target), bool)
        return {"source": np.ones((2, source), np.int32), "target": np.ones((2, target)), "target_mask": mask}

    def kinds(self) -> list[tuple[dict[str, Any], int]]:
        return [(batch, 1) for batch in self]


def test_each_time_axis_is_stored_at_its_greatest_length_and_computed_at_its_own():
    batches = Pairs()
    assert batches.shapes == ({"source": 2, "target": 5}, {"source": 4, "target": 3})

    def shapes(state: TrainState, batch: Any, scalars: Any) -> tuple[TrainState, UpdateMetrics]:
        told = [float(batch[name].shape[1]) for name in ("source", "target_mask")]
        return state, UpdateMetrics(*map(jnp.asarray, told))

    start = TrainState(nnx.State({}), optax.EmptyState(), (), jax.random.key(0), jnp.zeros((), jnp.int32))
    update = jax.jit(at_own_shape(shapes, batches))
    for index, sizes in enumerate(batches.sizes):
        stored = only(store([[batches.at(0, index)]], batches, 1))
        assert (stored["source"].shape, stored["target"].shape) == ((2, 4), (2, 5))
        assert stored["target_mask"].sum() == 2 * sizes[1]
        assert tuple(map(float, update(start, stored, {})[1])) == sizes
