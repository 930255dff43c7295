"""Parameters of a network by part, and operations of an update, from shapes alone."""

from __future__ import annotations

from gru_bench.config import Config
from gru_bench.models.model import count_parameters
from gru_bench.training.blueprint import Blueprint
from gru_bench.training.setup import load_task


def parameter_numbers(config: Config) -> dict[str, float]:
    """Return counts of trained values by part; no weights are initialised.

    Args:
        config: the settings of a run; its data is loaded, since embedding and head depend on the vocabulary.

    Returns:
        `layer_recurrent`, one direction of the first recurrent layer; `recurrent`, all recurrent layers; `embedding`
        (0 if inputs are real values); `pooling` (0 except for attention); `head` (only its bias if it shares the
        embedding's table); `total`, the sum of these four; `hidden_size`; `state_size`, numbers carried per sequence;
        `flops_per_update`, as in records.

    Raises:
        UserError: a wrong setting, or the data is missing.
    """
    task, data = load_task(config)
    blueprint = Blueprint(config, task)
    model = blueprint.shapes
    first = next(iter(model.recurrent.values()))
    counts = {
        "layer_recurrent": count_parameters(first) // len(first.weights),
        **model.parameters,
        "embedding": model.parts.get("encoder", 0),
        **{name: model.parts.get(name, 0) for name in ("pooling", "head")},
        "hidden_size": blueprint.cell.hidden_size,
        "state_size": model.state_size,
        "flops_per_update": blueprint.flops_per_update(task.train_batches(data, config.training, config.seed)),
    }
    return {name: float(value) for name, value in counts.items()}
