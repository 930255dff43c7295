"""The default network, and its cell, for tests that have no task."""

from __future__ import annotations

import jax

from gru_bench.cells.base import Cell
from gru_bench.models.builder import make_cells
from gru_bench.models.network import Network, Signature, build_network
from gru_bench.sections import ModelConfig, TrainingConfig


def make_model(config: ModelConfig, training: TrainingConfig, signature: Signature, key: jax.Array) -> Network:
    """Build the network that a signature asks for."""
    cells = make_cells(config, training, lambda cells, key: build_network(cells, signature, key))
    return build_network(cells, signature, key)


def make_cell(config: ModelConfig, signature: Signature) -> Cell:
    """Return the cell of that network."""
    training = TrainingConfig(updates=1)
    return make_cells(config, training, lambda cells, key: build_network(cells, signature, key)).cell
