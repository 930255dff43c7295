"""What arms are matched by: recurrent parameters, or the operations of all updates."""

from __future__ import annotations

from gru_bench.config import Config
from gru_bench.models.sizing import attainable
from gru_bench.training.blueprint import Blueprint, recurrent_parameters
from gru_bench.training.run import total_updates
from gru_bench.training.setup import load_task


def parameter_budget(config: Config, reference: Config) -> int:
    """Return the budget by which settings have the recurrent parameters of other ones, or come closest to them.

    Raises:
        UserError: data is missing, or a setting is wrong.
    """
    task, _ = load_task(config)
    wanted = Blueprint(reference, task).shapes.parameters["recurrent"]
    return attainable(wanted, recurrent_parameters(config, task))


def operations(config: Config) -> float:
    """Return the floating-point operations of all updates of a run.

    Raises:
        UserError: data is missing, or a setting is wrong.
    """
    task, data = load_task(config)
    batches = task.train_batches(data, config.training, config.seed)
    each = Blueprint(config, task).flops_per_update(batches)
    updates = total_updates(config, len(batches), each)
    if updates is None:
        raise ValueError(f"expected a budget that says how many updates there are, found {config.training}")
    return updates * each
