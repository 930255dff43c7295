"""The parts of a model as the settings define them, for tasks that build their model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
from jaxtyping import Array

from gru_bench.cells.base import Cell
from gru_bench.classes import load_class
from gru_bench.models.frames import Frames
from gru_bench.models.heads import Embedding, Readout
from gru_bench.models.initializers import orthogonal, uniform
from gru_bench.models.model import Model, model_shapes
from gru_bench.models.pooling import POOLINGS, Pooling
from gru_bench.models.self_attention import Refined, SelfAttention
from gru_bench.models.sizing import hidden_size_for
from gru_bench.models.stack import Dropout, Execution, RecurrentLayer, Stack
from gru_bench.sections import SET_BY_SECTION, ModelConfig, TrainingConfig
from gru_bench.validation import bind


class Cells:
    """Builds recurrent layers, embeddings, poolings and readouts from the settings.

    Args:
        settings: of the model.
        training: of the training, which define how the recurrence runs.
        cell: the cell of every recurrent layer.
    """

    def __init__(self, settings: ModelConfig, training: TrainingConfig, cell: Cell):
        self.settings, self.cell = settings, cell
        self.initializer = orthogonal if settings.init_scale is None else uniform(settings.init_scale)
        self.execution = Execution(
            precision=training.precision,
            unroll=training.unroll,
            rematerialise=training.rematerialise,
            recurrence=settings.recurrence,
        )
        self.dropout = Dropout(
            input=settings.input_dropout,
            output=settings.output_dropout,
            recurrent=settings.recurrent_dropout,
            variational=settings.variational_dropout,
        )

    def stack(
        self, key: Array, input_size: int, *, layers: int | None = None, bidirectional: bool | None = None
    ) -> Stack:
        """Build stacked recurrent layers.

        Args:
            key: of the initial weights.
            input_size: inputs of the first layer per time step.
            layers: number of layers; None: `model.layers`.
            bidirectional: whether they run in both directions; None: `model.bidirectional`.
        """
        keys = jax.random.split(key, self.settings.layers if layers is None else layers)
        both = self.settings.bidirectional if bidirectional is None else bidirectional
        recurrent = self.recurrent_layers(list(keys), input_size, bidirectional=both)
        return Stack(recurrent, residual=self.settings.residual, dropout=self.dropout)

    def recurrent_layers(self, keys: Sequence[Array], input_size: int, *, bidirectional: bool) -> list[RecurrentLayer]:
        """Build one recurrent layer per key, each on the outputs of the one before it."""
        outputs = self.cell.hidden_size * (2 if bidirectional else 1)
        sizes = [input_size, *[outputs] * (len(keys) - 1)]
        return [
            RecurrentLayer(key, self.cell, size, bidirectional, self.initializer, self.execution)
            for key, size in zip(keys, sizes, strict=True)
        ]

    def embedding(self, key: Array, symbols: int, *, tied: bool = False) -> Embedding:
        """Build an embedding of `model.embedding_size` numbers, by default the hidden size."""
        size = self.settings.embedding_size or self.cell.hidden_size
        return Embedding(key, symbols, size, self.initializer, tied)

    def frames(self, key: Array, shape: tuple[int, int, int], size: int) -> Frames:
        """Build the convolution of frames of rows, columns and channels to `size` features."""
        return Frames(key, shape, size, self.initializer, self.execution.precision)

    def pooling(self, key: Array, size: int, directions: int) -> Pooling | Refined:
        """Build the pooling of `model.pooling` over hidden states of `size` numbers, after self-attention if it is set.

        Raises:
            ConfigError: the heads of `model.self_attention` do not divide `size`.
        """
        pooling = POOLINGS[self.settings.pooling](key, size, directions, self.initializer)
        heads, precision = self.settings.self_attention, self.execution.precision
        if not heads:
            return pooling
        return Refined(SelfAttention(jax.random.fold_in(key, 1), size, heads, self.initializer, precision), pooling)

    def readout(self, key: Array, size: int, outputs: int, *, tied: Embedding | None = None) -> Readout:
        """Build the affine map from `size` numbers to `outputs`."""
        return Readout(key, size, outputs, self.initializer, self.execution.precision, tied)


def make_cells(settings: ModelConfig, training: TrainingConfig, build: Callable[[Cells, Array], Model]) -> Cells:
    """Return the cells of a model; a parameter budget, if there is one, decides their hidden size.

    Args:
        settings: of the model.
        training: of the training.
        build: builds the model; a parameter budget counts all of its recurrent layers.

    Raises:
        ConfigError: a wrong option of the cell, or no hidden size comes within 1 % of the budget.
    """
    cls = load_class(settings.place, Cell)
    options = bind(cls, settings.options, "model", supplied=SET_BY_SECTION)

    def sized(hidden_size: int) -> Cells:
        return Cells(settings, training, cls(hidden_size=hidden_size, layer_norm=settings.layer_norm, **options))

    def count(hidden_size: int) -> int:
        return model_shapes(lambda: build(sized(hidden_size), jax.random.key(0))).parameters["recurrent"]

    if settings.hidden_size is not None:
        return sized(settings.hidden_size)
    return sized(hidden_size_for(settings.parameter_budget or 0, count))
