"""Check the settings of a run before anything is read or written, and before JAX is loaded."""

from __future__ import annotations

from gru_bench.config import Config
from gru_bench.data.factory import check_data, check_files
from gru_bench.data.files.text import existing_file
from gru_bench.declarations import declared
from gru_bench.errors import ConfigError
from gru_bench.record import FILE_NAME
from gru_bench.sections import SET_BY_SECTION, ModelConfig, TrackerConfig
from gru_bench.state_dicts import check_suffix
from gru_bench.validation import bind_parameters

_LONGEST_NAME = 128
_NO_NAME = "/\\#?%:"  # characters that names at W&B do not hold


def check_settings(config: Config) -> None:
    """Check each section, and what depends on several of them.

    Raises:
        ConfigError: a wrong option; data that the task does not take; no such network; a name that W&B refuses.
    """
    task = declared(config.task.place)
    for name in ("accepts", "causal", "pooled", "attends"):
        if name not in task.constants:
            raise ConfigError("class", config.task.place, f"a class that defines {name} = ... as a plain value")
    bind_parameters(task.settings, config.task.options, "task")
    check_data(config.data, config.task.name, task.constants["accepts"])
    rules = {name: task.constants[name] for name in ("causal", "pooled", "attends")}
    check_model(config.model, **rules)
    _check_tracker(config.tracker)


def check_own_files(config: Config) -> None:
    """Check that the user's files exist for a new run; an earlier run can be continued or shown without them.

    Raises:
        DataError: a file is missing.
    """
    if config.fresh or not (config.directory / FILE_NAME).exists():
        check_files(config.data)
        if config.model.initial_weights is not None:
            existing_file(config.model.initial_weights, "model.initial_weights")


def check_model(config: ModelConfig, *, causal: bool, pooled: bool, attends: bool = False) -> None:
    """Check a model's settings without building it.

    Args:
        config: the settings.
        causal: whether the task's outputs must not depend on later inputs.
        pooled: whether the task has one output per sequence.
        attends: whether the task builds an encoder-decoder.

    Raises:
        ConfigError: an unknown cell, a wrong option, or settings that exclude each other.
    """
    cell = declared(config.place)
    options = {name: parameter for name, parameter in cell.settings.items() if name not in SET_BY_SECTION}
    bind_parameters(options, config.options, "model")
    if config.recurrent_dropout and not cell.constants["sees_hidden"]:
        raise ConfigError(
            "model.recurrent_dropout",
            config.recurrent_dropout,
            f"0 for model.cell={config.cell}: it has no recurrent product",
            "Drop inputs or outputs instead: model.input_dropout, model.output_dropout.",
        )
    if config.recurrence == "parallel" and cell.constants["sees_hidden"]:
        raise ConfigError(
            "model.recurrence",
            config.recurrence,
            f"fast or scan for model.cell={config.cell}: its gates depend on the previous time step",
        )
    if causal and config.bidirectional:
        raise ConfigError(
            "model.bidirectional",
            True,
            "false for a causal task",
            "The backward direction would see the targets.",
        )
    if config.pooling != "last" and not pooled:
        raise ConfigError("model.pooling", config.pooling, "last for a task with an output at every time step")
    if config.self_attention and not pooled:
        raise ConfigError(
            "model.self_attention", config.self_attention, "0 for a task with an output at every time step"
        )
    if config.attention != "none" and not attends:
        raise ConfigError("model.attention", config.attention, "none for a task without an encoder and a decoder")
    if config.initial_weights is not None:
        check_suffix(config.initial_weights, "model.initial_weights")
    if config.tied_embeddings and not attends:
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


def _check_tracker(config: TrackerConfig) -> None:
    """Refuse names that W&B refuses, which it would say when the run begins, or when an offline run is sent."""
    if config.name != "wandb":
        return
    for key, name in (("project", config.project), ("entity", config.entity)):
        if name is None:
            continue
        if not name.strip() or len(name) > _LONGEST_NAME or any(sign in name for sign in _NO_NAME):
            allowed = f"1 to {_LONGEST_NAME} characters without {' '.join(_NO_NAME)}"
            raise ConfigError(f"tracker.{key}", name, allowed, "W&B takes no other names.")
