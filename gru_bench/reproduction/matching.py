"""What arms are matched by: parameters, updates and operations of their settings."""

from __future__ import annotations

from gru_bench.config import Config
from gru_bench.measure.parameters import parameter_numbers
from gru_bench.training.run import total_updates
from gru_bench.training.setup import load_task


def counts(config: Config) -> dict[str, float]:
    """Return `recurrent` parameters, `updates` of the whole run and `flops_per_update`.

    Raises:
        UserError: data is missing, or a setting is wrong.
    """
    numbers = parameter_numbers(config)
    task, data = load_task(config)
    per_epoch = len(task.train_batches(data, config.training, config.seed))
    updates = total_updates(config, per_epoch, numbers["flops_per_update"])
    if updates is None:
        raise ValueError(f"expected a budget that says how many updates there are, found {config.training}")
    return {**numbers, "updates": float(updates)}
