"""The options of every cell and the check of a model's settings: all that is known before JAX is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from gru_bench.config import ModelConfig
from gru_bench.errors import ConfigError, nearest
from gru_bench.validation import bind


@dataclass(frozen=True, kw_only=True)
class CellOptions:
    """What all cells declare; cells without options of their own take this class.

    Attributes:
        sees_hidden: whether gates or candidate see the hidden state. Without it there is no recurrent product, and the
            recurrence need not go step by step.
    """

    sees_hidden: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class GRUOptions(CellOptions):
    """Options of `GRU`."""

    reset_after: bool = True
    update_bias: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LSTMOptions(CellOptions):
    """Options of `LSTM` and `CoupledLSTM`."""

    forget_bias: float = 1.0
    peepholes: bool = False


@dataclass(frozen=True, kw_only=True)
class RNNOptions(CellOptions):
    """Options of `RNN`."""

    activation: Literal["tanh", "relu"] = "tanh"


@dataclass(frozen=True, kw_only=True)
class MinGRUOptions(CellOptions):
    """Options of `MinGRU`."""

    sees_hidden: ClassVar[bool] = False

    update_bias: float = 0.0


@dataclass(frozen=True, kw_only=True)
class MinLSTMOptions(CellOptions):
    """Options of `MinLSTM`."""

    sees_hidden: ClassVar[bool] = False

    forget_bias: float = 1.0


CELL_OPTIONS: Mapping[str, type[CellOptions]] = {
    "gru": GRUOptions,
    "lstm": LSTMOptions,
    "rnn": RNNOptions,
    "mgu": CellOptions,
    "coupled_lstm": LSTMOptions,
    "min_gru": MinGRUOptions,
    "min_lstm": MinLSTMOptions,
}


def cell_options(config: ModelConfig) -> dict[str, Any]:
    """Return the options of the configured cell that are set, checked.

    Raises:
        ConfigError: an unknown cell or a wrong option.
    """
    if config.cell not in CELL_OPTIONS:
        raise ConfigError("model.cell", config.cell, " or ".join(CELL_OPTIONS), nearest(config.cell, CELL_OPTIONS))
    return bind(CELL_OPTIONS[config.cell], config.options, "model")


def check_model(config: ModelConfig, *, causal: bool, pooled: bool) -> None:
    """Check a model's settings without building it.

    Args:
        config: the settings.
        causal: whether the task's outputs must not depend on later inputs.
        pooled: whether the task has one output per sequence.

    Raises:
        ConfigError: an unknown cell, a wrong option, or settings that exclude each other.
    """
    cell_options(config)
    sees_hidden = CELL_OPTIONS[config.cell].sees_hidden
    if config.recurrent_dropout and not sees_hidden:
        raise ConfigError(
            "model.recurrent_dropout",
            config.recurrent_dropout,
            f"0 for model.cell={config.cell}: it has no recurrent product",
            "Drop inputs or outputs instead: model.input_dropout, model.output_dropout.",
        )
    if config.recurrence == "parallel" and sees_hidden:
        raise ConfigError(
            "model.recurrence",
            config.recurrence,
            f"fast or scan for model.cell={config.cell}: what it does at a time step depends on the one before",
        )
    if causal and config.bidirectional:
        raise ConfigError(
            "model.bidirectional", True, "false for a task that predicts what follows", "Both directions see it."
        )
    if config.pooling != "last" and not pooled:
        raise ConfigError("model.pooling", config.pooling, "last for a task with an output at every time step")
    if config.tied_embeddings:
        _check_tied(config)


def _check_tied(config: ModelConfig) -> None:
    directions = 2 if config.bidirectional else 1
    if config.embedding_size is not None and config.hidden_size is not None:
        if config.embedding_size != config.hidden_size * directions:
            raise ConfigError(
                "model.embedding_size",
                config.embedding_size,
                f"{config.hidden_size * directions} or null with model.tied_embeddings=true",
            )
    elif config.embedding_size is not None or directions == 2:
        raise ConfigError(
            "model.tied_embeddings", True, "false, unless embeddings are as wide as the last layer's output"
        )
