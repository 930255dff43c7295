"""A model from its settings as shapes, made once at the start of a run: what it is made of, how large it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import jax
from flax import nnx

from gru_bench.cells.base import Cell
from gru_bench.config import Config
from gru_bench.data.batches.base import Batches
from gru_bench.models.builder import make_cells
from gru_bench.models.flops import product_flops
from gru_bench.models.model import Model, model_shapes
from gru_bench.models.sizing import BACKWARD_AND_FORWARD
from gru_bench.tasks.task import Task


class Blueprint:
    """The model that settings describe. No weight is drawn before `draw`.

    Args:
        config: the settings of a run.
        task: builds the model.

    Raises:
        ConfigError: a wrong option of the cell, or no hidden size fits the parameter budget.
    """

    def __init__(self, config: Config, task: Task):
        self.config, self.task = config, task
        self.cells = make_cells(config.model, config.training, task.build)
        self.shapes: Model = model_shapes(lambda: task.build(self.cells, jax.random.key(0)))
        self.graph, self.params = nnx.split(self.shapes)

    @property
    def cell(self) -> Cell:
        """The cell of all recurrent layers."""
        return self.cells.cell

    @property
    def cell_options(self) -> dict[str, Any]:
        """The options of the cell alone."""
        return {name: getattr(self.cell, name) for name in self.cell_defaults}

    @property
    def cell_defaults(self) -> dict[str, Any]:
        """The same at their defaults."""
        shared = {entry.name for entry in fields(Cell)}
        return {entry.name: entry.default for entry in fields(self.cell) if entry.name not in shared}

    def draw(self, seed: int) -> tuple[Model, jax.Array]:
        """Return the model before the first update, and the key that draws its dropout masks; the seed decides both."""
        weights_key, dropout_key = jax.random.split(jax.random.key(seed))
        return self.task.build(self.cells, weights_key), dropout_key

    def flops_per_update(self, batches: Batches) -> float:
        """Return the floating-point operations of an update with an average batch.

        Counted are the matrix products of the loss, two operations per multiply-add, forward once and backward twice.
        """
        kinds = batches.kinds()
        total = sum(count * self._loss_flops(batch) for batch, count in kinds)
        return BACKWARD_AND_FORWARD * total / sum(count for _, count in kinds)

    def _loss_flops(self, batch: Any) -> int:
        def loss(params: Any, batch: Any) -> Any:
            model = nnx.merge(self.graph, params)
            carry = self.task.initial_carry(model, batch["mask"].shape[0])
            return self.task.loss(model, batch, carry, jax.random.key(0)).total

        return product_flops(loss, self.params, batch)


def recurrent_parameters(config: Config, task: Task) -> Callable[[int], int]:
    """Return the function from a hidden size to the recurrent parameters of the model that settings describe."""

    def count(hidden_size: int) -> int:
        sized = config.with_values({"model.hidden_size": hidden_size, "model.parameter_budget": None})
        return Blueprint(sized, task).shapes.parameters["recurrent"]

    return count
