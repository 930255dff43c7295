"""From settings to a network."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import jax

from gru_bench.config import ModelConfig, TrainingConfig
from gru_bench.errors import ConfigError
from gru_bench.models.cells import CELLS, Cell
from gru_bench.models.initializers import orthogonal, uniform
from gru_bench.models.network import Dropout, Embedding, Execution, Identity, Network, Readout, RecurrentLayer
from gru_bench.models.pooling import POOLINGS
from gru_bench.models.settings import CELL_OPTIONS, cell_options, check_model
from gru_bench.models.sizing import StackShape, hidden_size_for


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a task asks of a network: what it reads and how many numbers it puts out.

    Attributes:
        outputs: numbers per time step, or per sequence where `pooled`.
        symbols: size of the vocabulary; None means that inputs are `channels` real values.
        channels: real values per time step.
        causal: whether outputs must not depend on later inputs.
        pooled: whether there is one output per sequence instead of one per time step.
        features: numbers that join the pooled hidden state before the head.
    """

    outputs: int
    symbols: int | None = None
    channels: int | None = None
    causal: bool = True
    pooled: bool = False
    features: int = 0


def cell_defaults(config: ModelConfig) -> dict[str, Any]:
    """Return the options of the configured cell alone, at their defaults."""
    return {entry.name: entry.default for entry in fields(CELL_OPTIONS[config.cell])}


def make_cell(config: ModelConfig, signature: Signature) -> Cell:
    """Return the cell with its hidden size, found from the parameter budget where that is set.

    Raises:
        ConfigError: see `check_model`; or no hidden size comes within 1 % of the budget.
    """
    options, cls = cell_options(config), CELLS[config.cell]

    def sized(hidden: int) -> Cell:
        return cls(hidden_size=hidden, layer_norm=config.layer_norm, **options)

    if config.hidden_size is not None:
        return sized(config.hidden_size)
    return sized(hidden_size_for(config.parameter_budget or 0, sized, stack_shape(config, signature)))


def stack_shape(config: ModelConfig, signature: Signature) -> StackShape:
    """Return what decides the size of the recurrent layers beside the cell."""
    input_size = config.embedding_size if signature.symbols is not None else signature.channels
    return StackShape(layers=config.layers, bidirectional=config.bidirectional, input_size=input_size)


def make_model(config: ModelConfig, training: TrainingConfig, signature: Signature, key: jax.Array) -> Network:
    """Build the network with freshly drawn weights.

    Raises:
        ConfigError: see `make_cell`; or tied embeddings for a task that does not put out what it reads.
    """
    check_model(config, causal=signature.causal, pooled=signature.pooled)
    if config.tied_embeddings and (signature.symbols != signature.outputs or signature.pooled):
        reads = "real values" if signature.symbols is None else f"{signature.symbols} symbols"
        per = "sequence" if signature.pooled else "time step"
        raise ConfigError(
            "model.tied_embeddings",
            True,
            f"false: this task reads {reads} and puts out {signature.outputs} numbers per {per}",
        )
    cell = make_cell(config, signature)
    shape = stack_shape(config, signature)
    initializer = orthogonal if config.init_scale is None else uniform(config.init_scale)
    execution = Execution(
        precision=training.precision,
        unroll=training.unroll,
        rematerialise=training.rematerialise,
        recurrence=config.recurrence,
    )
    encoder_key, head_key, *layer_keys = jax.random.split(key, 2 + config.layers)
    inputs = shape.layer_inputs(cell.hidden_size)
    encoder: Embedding | Identity = Identity()
    if signature.symbols is not None:
        encoder = Embedding(encoder_key, signature.symbols, inputs[0], initializer, config.tied_embeddings)
    layers = [
        RecurrentLayer(layer_key, cell, size, config.bidirectional, initializer, execution)
        for layer_key, size in zip(layer_keys, inputs, strict=True)
    ]
    tied = encoder if config.tied_embeddings and isinstance(encoder, Embedding) else None
    size = shape.output_size(cell.hidden_size)
    pooling = None
    if signature.pooled:
        pooling = POOLINGS[config.pooling](jax.random.fold_in(head_key, 1), size, shape.directions, initializer)
    head = Readout(head_key, size + signature.features, signature.outputs, initializer, training.precision, tied)
    dropout = Dropout(
        input=config.input_dropout,
        output=config.output_dropout,
        recurrent=config.recurrent_dropout,
        variational=config.variational_dropout,
    )
    return Network(encoder, layers, pooling, head, residual=config.residual, dropout=dropout)
