"""Gate activity of the batches that tasks make."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from flax import nnx

from gru_bench.compose import composed
from gru_bench.models.model import Model
from gru_bench.tasks.task import Task
from gru_bench.training.blueprint import Blueprint
from gru_bench.training.gates import GateProbe
from gru_bench.training.setup import load_task

SMALL = ("tracker=none", "model.hidden_size=8")
SIZES = ("data.train_size=30", "data.valid_size=5", "data.test_size=5")
TASKS = {
    "language_modeling": (*SMALL, "data.valid_size=100", "training.eval_batch_size=7"),
    "sentiment": (*SMALL, "task=sentiment", "data.train_size=300", "data.valid_size=100", "data.test_size=100"),
    "time_series": (*SMALL, "task=time_series"),
    "memory": (*SMALL, "task=memory", "data=anbn"),
    "music": (*SMALL, "task=music"),
}
TURNS = (*SMALL, "task=conversation", "task.context_network=true", *SIZES)
PADDED = {"language_modeling", "sentiment", "memory"}


def first_batch(name: str) -> tuple[tuple[Model, Task], dict[str, Any]]:
    """Return an untrained network with its task, and the first batch of the validation split."""
    config = composed(*(TURNS if name == "turns" else TASKS[name]))
    task, data = load_task(config)
    network, _ = Blueprint(config, task).draw(config.seed)
    return (network, task), dict(task.eval_batches(data, "valid", config.training)[0])


def gate_activity(network: tuple[Model, Task], batch: dict[str, Any]) -> dict[str, float]:
    model, task = network
    graph, params = nnx.split(model)
    return GateProbe(graph, task)(params, batch)


def real_steps(batch: dict[str, Any]) -> np.ndarray:
    """Return which time steps of a batch hold data: a batch without `padding` masks time steps, or sequences."""
    mask = np.asarray(batch.get("padding", batch["mask"]))
    return mask if mask.ndim == 2 else np.broadcast_to(mask[:, None], batch["inputs"].shape[:2])


def copied(batch: dict[str, Any], fill: float = 0.5) -> dict[str, Any]:
    """Return a batch with other inputs where no time step is real, and with rows that only fill it."""
    real = real_steps(batch)
    inputs = np.array(batch["inputs"])
    inputs[~real] = fill if inputs.dtype.kind == "f" else 1
    more = {**batch, "inputs": inputs}
    return {name: np.concatenate([array, np.zeros_like(array[:3])]) for name, array in more.items()}


@pytest.mark.parametrize("name", TASKS)
def test_padding_and_filler_rows_do_not_change_gate_activity(name: str):
    network, batch = first_batch(name)
    assert (not real_steps(batch).all()) == (name in PADDED)
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
        "reset": np.zeros((len(pieces), longest), bool),
    }
    shape = (len(pieces), longest, *batch["targets"].shape[2:])
    apart["targets"] = np.zeros(shape, batch["targets"].dtype)
    expected = gate_activity(network, apart)
    assert gate_activity(network, batch) == pytest.approx(expected, abs=1e-6)
    without = gate_activity(network, {**batch, "reset": np.zeros_like(batch["reset"])})
    assert without != pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_gates_of_a_network_over_turns_are_those_of_the_turns_of_real_rows():
    network, batch = first_batch("turns")
    longer = {name: np.concatenate([array, np.zeros_like(array[:3])]) for name, array in batch.items()}
    activity = gate_activity(network, batch)
    assert activity == pytest.approx(gate_activity(network, longer), rel=1e-5)
    assert len({name.split("/")[0] for name in activity}) > 2
