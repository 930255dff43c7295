"""A trained network from its run directory alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
from flax import nnx

from gru_bench.config import Config
from gru_bench.errors import UserError
from gru_bench.models.factory import make_model
from gru_bench.models.network import Network
from gru_bench.record import RunRecord, read_record
from gru_bench.tasks.factory import make_task
from gru_bench.tasks.task import Prediction, Task
from gru_bench.training.checkpoint import Checkpoints, load_tree

DATA_FILE = "data.json"


@dataclass(frozen=True)
class SavedRun:
    """What a run directory holds: all that is needed to use the trained network, without its training data.

    Attributes:
        record: what is known of the run: metrics, speed, memory, versions.
        config: its settings.
        task: what surrounds the network: `task.vocabulary` of a language model, `task.form` of the others (its
            `vocabulary` and `encode` for texts, its `scaler` for series).
        network: the network with its best weights.
    """

    record: RunRecord
    config: Config
    task: Task
    network: Network

    def predict(self, *plain: Any, **named: Any) -> Prediction:
        """Say something of new inputs: go on with a text, classify texts, forecast a series.

        The arguments are those of `python -m gru_bench.predict`; see `predict` of the run's task.
        """
        return self.task.predict(self.network, *plain, **named)


def load_run(directory: Path | str) -> SavedRun:
    """Read a run back; its training data is not needed.

    Args:
        directory: a run directory.

    Raises:
        UserError: there is no run, or it has no best weights yet, or they are damaged.
    """
    directory = Path(directory)
    record = read_record(directory)
    config = Config.from_dict(record.config)
    checkpoints = Checkpoints(directory / "checkpoints")
    if not checkpoints.best_path.exists():
        raise UserError(
            f"{directory} holds no weights yet: status {record.status}, {record.updates} updates. Weights are kept "
            "from the first evaluation on."
        )
    try:
        description = json.loads((directory / DATA_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{directory / DATA_FILE} cannot be read: {error}.") from None
    task = make_task(config.task, description)
    network = make_model(config.model, config.training, task.signature, jax.random.key(config.seed))
    graph, params = nnx.split(network)
    params, _ = load_tree(checkpoints.best_path, params)
    return SavedRun(record, config, task, nnx.merge(graph, params))
