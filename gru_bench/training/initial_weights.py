"""Start training from the weights of a PyTorch state dict instead of drawn ones."""

from __future__ import annotations

from flax import nnx

from gru_bench.errors import DataError
from gru_bench.models.torch_weights import load_torch
from gru_bench.state_dicts import read_state_dict
from gru_bench.training.run import Run
from gru_bench.training.step import TrainState

SETTING = "model.initial_weights"


def with_initial_weights(run: Run, graph: nnx.GraphDef, state: TrainState) -> TrainState:
    """Return the state of a run before its first update with the weights of its file, which its record then names.

    Args:
        run: the run; without `model.initial_weights` the state stays as it is.
        graph: the network without its weights.
        state: with the weights that the seed draws.

    Raises:
        ConfigError: PyTorch has no such network.
        DataError: the file is missing or damaged, or its weights do not fit the network.
    """
    path = run.config.model.initial_weights
    if path is None:
        return state
    weights, digest = read_state_dict(path, SETTING)
    network = nnx.merge(graph, state.params)
    try:
        load_torch(network, weights)
    except DataError as error:
        raise DataError(f"{SETTING}: {path}: {error}") from error
    run.record.initial_weights = {"file": path, "sha256": digest}
    return state._replace(params=nnx.state(network))
