"""Memory of a network: carry, arrays saved for the backward pass, training step, inference, weights."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable
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
    """Return memory in bytes; the training step is compiled and run once.

    Args:
        config: the settings of a run; of replicas only the first one is measured.

    Returns:
        `carry_bytes`, the carry of one sequence; `saved_bytes`, arrays saved between
        forward and backward pass of one training batch, without weights and the batch; `saved_recurrent_bytes`,
        the same without the head and the loss; `step_bytes`, of the compiled update as in records, with the
        batches of a dispatch; `inference_bytes`, of the compiled scoring of one validation batch;
        `parameter_bytes`. The two of compiled programs are nan if the compiler does not report them.

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
    """Return the bytes of all trained values; shapes suffice."""
    return tree_bytes(nnx.state(network, nnx.Param))


def saved_bytes(function: Callable[[Any, Any], Any], weights: Any, inputs: Any) -> int:
    """Return the bytes that `jax.vjp` of a function saves for its backward pass.

    An array counts if it depends on both weights and inputs. Weights and inputs themselves do not count, nor do
    arrays that depend on only one of them, such as a transposed matrix or a mask. Nothing is compiled or computed, so
    additional arrays of the compiled program are not counted.

    Args:
        function: differentiated with respect to its first argument.
        weights: its first argument; shapes suffice.
        inputs: its second argument, a tree.
    """

    def residuals(weights: Any, inputs: Any) -> list[Any]:
        return jax.tree.leaves(jax.vjp(lambda weights: function(weights, inputs), weights)[1])

    program = jax.make_jaxpr(residuals)(weights, inputs).jaxpr
    number = len(jax.tree.leaves(weights))
    of_weights, of_inputs = set(program.invars[:number]), set(program.invars[number:])
    for equation in program.eqns:
        read = _variables(equation.invars)
        for sources in (of_weights, of_inputs):
            if read & sources:
                sources.update(equation.outvars)
    arrays = _variables(program.outvars) & of_weights & of_inputs
    return tree_bytes([variable.aval for variable in arrays])


def _variables(operands: Iterable[Any]) -> set[Any]:
    """Return the operands of a program that are no literals, which have a `val`."""
    return {operand for operand in operands if not hasattr(operand, "val")}


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
