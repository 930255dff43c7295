"""What a network needs in memory: the carry, what the backward pass waits for, a training step, inference, weights."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from flax import nnx

from gru_bench.config import Config
from gru_bench.measure.layer import tree_bytes
from gru_bench.measure.updates import begin_training
from gru_bench.models.model import Model
from gru_bench.tasks.task import Batch, Task
from gru_bench.training.evaluate import Evaluator
from gru_bench.training.setup import load_task


def memory_numbers(config: Config) -> dict[str, float]:
    """Return bytes; the training step is compiled and done once.

    Args:
        config: the settings of a run; of replicas the first one alone is measured.

    Returns:
        `carry_bytes`, what one sequence passes from a time step to the next; `saved_bytes`, what is kept between
        forward and backward pass of one training batch, weights and the batch left out; `saved_recurrent_bytes`,
        the same without the head and the loss; `step_bytes`, of the compiled update as records have it, with its
        `training.updates_per_dispatch` batches; `inference_bytes`, of the compiled scoring of one validation batch;
        `parameter_bytes`. The two of compiled programs are nan where the compiler does not tell.

    Raises:
        UserError: a wrong setting, or the data is missing.
    """
    task, data = load_task(config)
    with tempfile.TemporaryDirectory() as folder:
        training = begin_training(config.runs[0], task, data, Path(folder))
        training.dispatch()
        training.pause()
    dispatcher = training.dispatcher
    run, params = dispatcher.runs[0], dispatcher.state.params
    network = nnx.merge(training.graph, params)
    saved = _saved(network, task, run.batches.kinds()[-1][0])
    evaluator = Evaluator(training.graph, task)
    return {
        "carry_bytes": float(tree_bytes(network.carry_shapes)),
        **saved,
        "step_bytes": _known(dispatcher.update.step_bytes),
        "inference_bytes": _known(evaluator.batch_bytes(params, training.valid_batches[0])),
        "parameter_bytes": float(parameter_bytes(network)),
    }


def parameter_bytes(network: Model) -> int:
    """Return the bytes of all trained values; shapes are enough."""
    return tree_bytes(nnx.state(network, nnx.Param))


def saved_bytes(function: Callable[[Any, Any], Any], weights: Any, inputs: Any) -> int:
    """Return the bytes of what `jax.vjp` of a function keeps for its backward pass.

    An array counts if it depends on the weights and on the inputs: neither weights nor inputs themselves count, nor
    what is made of either alone, such as a transposed matrix or a mask. Nothing is computed, so that what the compiler
    saves beyond that is not seen.

    Args:
        function: differentiated with respect to its first argument.
        weights: its first argument; shapes are enough.
        inputs: its second argument, any tree.
    """

    def kept(weights: Any, inputs: Any) -> list[Any]:
        return jax.tree.leaves(jax.vjp(lambda weights: function(weights, inputs), weights)[1])

    program = jax.make_jaxpr(kept)(weights, inputs).jaxpr
    number = len(jax.tree.leaves(weights))
    of_weights, of_inputs = set(program.invars[:number]), set(program.invars[number:])
    for equation in program.eqns:
        read = {variable for variable in equation.invars if not hasattr(variable, "val")}  # literals have one
        for sources in (of_weights, of_inputs):
            if read & sources:
                sources.update(equation.outvars)
    arrays = {variable for variable in program.outvars if variable in of_weights and variable in of_inputs}
    return tree_bytes([variable.aval for variable in arrays])


def _saved(network: Model, task: Task, batch: Batch) -> dict[str, float]:
    graph, params = nnx.split(network)
    rows = batch["mask"].shape[0]
    key = jax.random.key(0)

    def loss(params: Any, inputs: Any) -> Any:
        batch, carry = inputs
        return task.loss(nnx.merge(graph, params), batch, carry, key).total

    def recurrent(params: Any, inputs: Any) -> Any:
        batch, carry = inputs
        model = nnx.merge(graph, params)
        last = list(model.recurrent.values())[-1]
        last.watched = True
        task.loss(model, batch, carry, key)
        return last.seen.outputs

    inputs = (batch, task.initial_carry(network, rows))
    return {
        "saved_bytes": float(saved_bytes(loss, params, inputs)),
        "saved_recurrent_bytes": float(saved_bytes(recurrent, params, inputs)),
    }


def _known(value: int | None) -> float:
    return math.nan if value is None else float(value)
