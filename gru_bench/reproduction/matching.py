"""What arms are matched by: parameters, updates and operations of their settings."""

from __future__ import annotations

from gru_bench.config import Config
from gru_bench.training.blueprint import Blueprint
from gru_bench.training.run import total_updates
from gru_bench.training.setup import load_task


def counts(config: Config) -> dict[str, float]:
    """Return `recurrent` parameters, `updates` of the whole run and `flops_per_update`.

    Raises:
        UserError: data is missing, or a setting is wrong.
    """
    task, data = load_task(config)
    batches = task.train_batches(data, config.training, config.seed)
    blueprint = Blueprint(config, task)
    operations = blueprint.flops_per_update(batches)
    updates = total_updates(config, len(batches), operations)
    if updates is None:
        raise ValueError(f"expected a budget that says how many updates there are, found {config.training}")
    return {
        "recurrent": float(blueprint.shapes.parameters["recurrent"]),
        "updates": float(updates),
        "flops_per_update": operations,
    }
