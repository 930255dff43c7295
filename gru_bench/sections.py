"""The sections of the settings of a run: typed, validated. Plain Python, no Hydra.

Sections whose settings depend on a choice (`task`, `data`, the cell of `model`) carry them as `options`; the
factory that makes the object checks them against its signature (see `gru_bench.validation`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from gru_bench.classes import preset_place
from gru_bench.errors import ConfigError, nearest, shown
from gru_bench.validation import (
    Fraction,
    Natural,
    NonNegativeFloat,
    Positive,
    PositiveFloat,
    Range,
    Rate,
)

Options = Mapping[str, Any]

ALTERNATIVES = {
    "training": ("updates", "epochs", "flops_budget", "seconds_budget"),
    "model": ("hidden_size", "parameter_budget"),
}
"""Settings of which exactly one is set; one on the command line replaces those of the presets."""

SET_BY_SECTION = frozenset({"hidden_size", "layer_norm"})
"""Fields of a cell that come from settings of `model` for all cells."""

SWEPT = ("learning_rate", "weight_decay", "clip_norm", "b1", "b2", "momentum", "final_fraction")
"""Settings of `optimizer` that may differ between the replicas of one compiled program."""


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """The task: its name, the place of its class (None: that of the preset) and its options."""

    name: str
    class_: str | None = None
    options: Options = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The place of the class: `package.module:Class`."""
        return self.class_ or preset_place("task", self.name)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The data: its source, the share of its training split, its noise and gaps, and the options of the source."""

    source: str
    class_: str | None = None
    train_fraction: Annotated[float, Range(above=0, high=1)] = 1.0
    label_noise: Fraction = 0.0
    input_noise: NonNegativeFloat = 0.0
    missing_rate: Rate = 0.0
    draw_seed: Natural = 0
    options: Options = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The place of the loader: `package.module:name`."""
        return self.class_ or preset_place("data", self.source)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The network. `hidden_size` or `parameter_budget` (recurrent parameters) sizes it; cell options come last."""

    cell: str
    class_: str | None = None
    hidden_size: Positive | None = None
    parameter_budget: Positive | None = None
    layers: Annotated[int, Range(low=1, high=1000)] = 1
    embedding_size: Positive | None = None
    bidirectional: bool = False
    residual: bool = False
    layer_norm: bool = False
    tied_embeddings: bool = False
    pooling: Literal["last", "mean", "max", "attention"] = "last"
    attention: Literal["none", "additive", "multiplicative"] = "none"
    self_attention: Annotated[int, Range(low=0, high=64)] = 0
    input_dropout: Rate = 0.0
    output_dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0
    variational_dropout: bool = False
    weight_noise: NonNegativeFloat = 0.0
    recurrence: Literal["scan", "fast", "parallel"] = "fast"
    init: Literal["orthogonal", "uniform"] = "orthogonal"
    init_scale: PositiveFloat | None = None
    initial_weights: str | None = None
    options: Options = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The place of the class of the cell: `package.module:Class`."""
        return self.class_ or preset_place("model", self.cell)

    def __post_init__(self) -> None:
        if (self.hidden_size is None) == (self.parameter_budget is None):
            found = f"hidden_size={self.hidden_size}, parameter_budget={self.parameter_budget}"
            raise ConfigError(
                "model.hidden_size",
                found,
                "exactly one of model.hidden_size and model.parameter_budget",
                "Set the other one to null.",
            )
        if (self.init == "uniform") != (self.init_scale is not None):
            raise ConfigError(
                "model.init_scale", self.init_scale, "a number > 0 with model.init=uniform, null with orthogonal"
            )


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """One optax chain: clip, rule, schedule."""

    rule: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    learning_rate: PositiveFloat = 1e-3
    b1: Annotated[float, Range(low=0, high=0.9999)] = 0.9
    b2: Annotated[float, Range(low=0, high=0.999999)] = 0.999
    momentum: Annotated[float, Range(low=0, high=0.9999)] = 0.0
    weight_decay: NonNegativeFloat = 0.0
    clip_norm: PositiveFloat | None = 1.0
    schedule: Literal["constant", "linear", "cosine", "step"] = "constant"
    warmup_updates: Natural = 0
    final_fraction: Fraction = 0.0
    decay_factor: Annotated[float, Range(above=0, high=1)] = 0.5
    decay_after_epochs: Positive = 4

    def __post_init__(self) -> None:
        expected = f"0 with optimizer.rule={self.rule}"
        if self.weight_decay and self.rule not in ("adamw", "sgd"):
            raise ConfigError("optimizer.weight_decay", self.weight_decay, expected, "Use adamw.")
        if self.momentum and self.rule not in ("sgd", "rmsprop"):
            raise ConfigError("optimizer.momentum", self.momentum, expected, "Use sgd or rmsprop.")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The budget, the batches and the schedule of a run. Exactly one of the four budgets is set."""

    updates: Natural | None = None
    epochs: PositiveFloat | None = None
    flops_budget: PositiveFloat | None = None
    seconds_budget: PositiveFloat | None = None
    batch_size: Positive = 32
    bptt_window: Positive = 64
    eval_batch_size: Positive = 32
    eval_every: Positive | None = None
    log_every: Positive = 50
    checkpoint_every: Positive | None = None
    patience: Positive | None = None
    loss_reduction: Literal["item_mean", "sequence_sum"] = "item_mean"
    precision: Literal["float32", "bfloat16"] = "float32"
    unroll: Positive = 1
    rematerialise: bool = False
    updates_per_dispatch: Positive = 10
    replicas: Annotated[int, Range(low=1, high=10_000)] = 1
    replica_key: str | None = None
    replica_values: list[float] | None = None
    devices: Positive | Literal["all"] = 1
    processes: Positive = 1
    process: Natural | None = None
    coordinator: str | None = None
    score_train: bool = False

    def __post_init__(self) -> None:
        self._check_budgets()
        self._check_replicas()
        self._check_processes()

    @property
    def replica_count(self) -> int:
        """The number of runs that are trained together."""
        return self.replicas if self.replica_values is None else len(self.replica_values)

    def _check_budgets(self) -> None:
        budgets = {name: getattr(self, name) for name in ALTERNATIVES["training"]}
        chosen = {name: value for name, value in budgets.items() if value is not None}
        if len(chosen) != 1:
            found = ", ".join(f"{name}={value}" for name, value in chosen.items()) or "none"
            raise ConfigError(
                "training.updates",
                found,
                "exactly one budget: " + ", ".join(f"training.{name}" for name in budgets),
                "Set the others to null, as in training.updates=null training.epochs=3.",
            )

    def _check_replicas(self) -> None:
        values = self.replica_values
        if (self.replica_key is None) != (values is None):
            raise ConfigError(
                "training.replica_values",
                values,
                f"a list of values for training.replica_key={shown(self.replica_key)}" if values is None else "null",
                "Both are set, as in training.replica_key=optimizer.learning_rate training.replica_values=[1e-3,3e-3], "
                "or none: replicas then differ in their seed.",
            )
        keys = [f"optimizer.{name}" for name in SWEPT]
        if self.replica_key is not None and self.replica_key not in keys:
            raise ConfigError(
                "training.replica_key",
                self.replica_key,
                ", ".join(keys),
                nearest(self.replica_key, keys) or "Other settings change what is compiled: sweep over them with -m.",
            )
        if values is not None and (len(set(values)) < len(values) or not values):
            raise ConfigError("training.replica_values", values, "at least one value, and none twice")
        if values is not None and self.replica_key == "optimizer.momentum" and 0 in values:
            raise ConfigError("training.replica_values", values, "momenta > 0", "Momentum 0 has no optimizer state.")
        if values is not None and self.replicas not in (1, len(values)):
            raise ConfigError("training.replicas", self.replicas, f"{len(values)}, one for each replica value, or 1")
        if self.replica_count > 1 and self.seconds_budget is not None:
            raise ConfigError(
                "training.replicas",
                self.replica_count,
                "1 with training.seconds_budget",
                "Replicas share the time, so that each would train less than a single run.",
            )

    def _check_processes(self) -> None:
        if (self.process is None) != (self.coordinator is None):
            raise ConfigError(
                "training.coordinator",
                self.coordinator,
                "HOST:PORT of process 0, with training.process; or both null",
                "Both are null under srun.",
            )
        if self.process is not None and self.process >= self.processes:
            raise ConfigError("training.process", self.process, f"0 to {self.processes - 1}, with training.processes")
        if self.processes > 1 and self.replica_count > 1:
            raise ConfigError(
                "training.replicas",
                self.replica_count,
                "1 with training.processes",
                "Let each process train other seeds instead, in a sweep.",
            )


@dataclass(frozen=True, kw_only=True)
class TrackerConfig:
    """Where results are sent in addition to the run directory."""

    name: Literal["wandb", "none"] = "wandb"
    project: str = "gru_bench"
    entity: str | None = None
    mode: Literal["auto", "online", "offline"] = "auto"


@dataclass(frozen=True, kw_only=True)
class PathsConfig:
    """The folders of local copies of data (`mirror`), of downloads (`cache`) and of runs (`runs`)."""

    mirror: str | None = None
    cache: str | None = None
    runs: str = "runs"
