"""Gate activity of the batches that tasks make."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from gru_bench.compose import composed
from gru_bench.models.network import Network
from gru_bench.training.gates import gate_activity, real_steps
from gru_bench.training.setup import initial_network, load_task

SMALL = ("tracker=none", "model.hidden_size=8")
TASKS = {
    "language_modeling": (*SMALL, "data.valid_size=100", "training.eval_batch_size=7"),
    "sentiment": (*SMALL, "task=sentiment", "data.train_size=300", "data.valid_size=100", "data.test_size=100"),
    "time_series": (*SMALL, "task=time_series"),
    "memory": (*SMALL, "task=memory", "data=anbn"),
    "music": (*SMALL, "task=music"),
}
PADDED = {"language_modeling", "sentiment", "memory"}


def first_batch(name: str) -> tuple[Network, dict[str, Any]]:
    """Return an untrained network of a task and the first batch of its validation split."""
    config = composed(*TASKS[name])
    task, data = load_task(config)
    return initial_network(config, task)[0], dict(task.eval_batches(data, "valid", config.training)[0])


def copied(batch: dict[str, Any], fill: float = 0.5) -> dict[str, Any]:
    """Return a batch with other inputs where no time step is real, and with rows that only fill it."""
    real = np.asarray(real_steps(batch))
    inputs = np.array(batch["inputs"])
    inputs[~real] = fill if inputs.dtype.kind == "f" else 1
    more = {**batch, "inputs": inputs}
    return {name: np.concatenate([array, np.zeros_like(array[:3])]) for name, array in more.items()}


@pytest.mark.parametrize("name", TASKS)
def test_padding_and_filler_rows_do_not_change_gate_activity(name: str):
    network, batch = first_batch(name)
    assert (not np.asarray(real_steps(batch)).all()) == (name in PADDED)
    expected = gate_activity(network, batch)
    assert gate_activity(network, copied(batch)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["language_modeling", "music"])
def test_gates_of_a_lane_are_those_of_its_sequences_apart(name: str):
    """What stands before a reset does not matter to the gates after it."""
    network, batch = first_batch(name)
    batch = {name: np.array(array[:2, :24]) for name, array in batch.items()}
    batch["reset"][:, [0, 7, 15]] = True
    batch["mask"][:] = True
    rows = [(lane, *np.flatnonzero(batch["reset"][lane]), 24) for lane in range(2)]
    pieces = [batch["inputs"][lane, begin:end] for lane, *edges in rows for begin, end in itertools.pairwise(edges)]
    longest = max(map(len, pieces))
    apart = {
        "inputs": np.stack(
            [np.pad(piece, [(0, longest - len(piece)), *[(0, 0)] * (piece.ndim - 1)]) for piece in pieces]
        ),
        "mask": np.stack([np.arange(longest) < len(piece) for piece in pieces]),
    }
    expected = gate_activity(network, apart)
    assert gate_activity(network, batch) == pytest.approx(expected, abs=1e-6)
    without = gate_activity(network, {**batch, "reset": np.zeros_like(batch["reset"])})
    assert without != pytest.approx(expected, abs=1e-5)
