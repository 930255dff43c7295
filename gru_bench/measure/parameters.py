"""How many parameters a network has and where, and what an update costs, from shapes alone."""

from __future__ import annotations

from gru_bench.config import Config
from gru_bench.models.factory import make_cell, stack_shape
from gru_bench.models.network import count_parameters
from gru_bench.models.sizing import cell_parameters, state_size
from gru_bench.training.setup import flops_per_update, load_task, network_shapes


def parameter_numbers(config: Config) -> dict[str, float]:
    """Return counts of trained values by part; no weight is drawn.

    Args:
        config: the settings of a run; its data is loaded, for the vocabulary decides embedding and head.

    Returns:
        `layer_recurrent`, one direction of the first recurrent layer; `recurrent`, all recurrent layers; `embedding`
        (0 where inputs are real values); `pooling` (0 but for attention); `head` (its bias alone where it shares the
        embedding's table); `total`, the sum of these four; `hidden_size`; `state_size`, numbers carried per sequence;
        `flops_per_update`, as records have it.

    Raises:
        UserError: a wrong setting, or the data is missing.
    """
    task, data = load_task(config)
    network = network_shapes(config, task)
    cell, shape = make_cell(config.model, task.signature), stack_shape(config.model, task.signature)
    batches = task.train_batches(data, config.training, config.seed)
    counts = {
        "layer_recurrent": cell_parameters(cell, shape.layer_inputs(cell.hidden_size)[0]),
        **network.parameters,
        "embedding": count_parameters(network.encoder),
        "pooling": 0 if network.pooling is None else count_parameters(network.pooling),
        "head": count_parameters(network.head),
        "hidden_size": cell.hidden_size,
        "state_size": state_size(cell, shape),
        "flops_per_update": flops_per_update(config, task, batches),
    }
    return {name: float(value) for name, value in counts.items()}
