"""The settings of a run: typed, validated, hashable. Plain Python, no Hydra.

Sections whose settings depend on a choice (`task`, `data`, the cell of `model`) carry them as `options`; the
factory that makes the object checks them against its signature (see `gru_bench.validation`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from gru_bench.classes import NAMED_BY, OWN, preset_place
from gru_bench.errors import ConfigError, nearest, shown
from gru_bench.files import home_expanded
from gru_bench.validation import (
    Fraction,
    Natural,
    NonNegativeFloat,
    Positive,
    PositiveFloat,
    Range,
    Rate,
    bind,
    check,
    settings,
)

Options = Mapping[str, Any]

ALTERNATIVES = {
    "training": ("updates", "epochs", "flops_budget", "seconds_budget"),
    "model": ("hidden_size", "parameter_budget"),
}
"""Settings of which exactly one is set; one on the command line rules out those of the presets."""

EXECUTION = (
    "updates_per_dispatch",
    "replicas",
    "replica_key",
    "replica_values",
    "devices",
    "processes",
    "process",
    "coordinator",
)
"""Settings of `training` that say how runs are computed; no number of a run depends on them but in its last digits."""

SET_BY_SECTION = frozenset({"hidden_size", "layer_norm"})
"""Fields of a cell that settings of `model` fill for all cells alike."""

SWEPT = ("learning_rate", "weight_decay", "clip_norm", "b1", "b2", "momentum", "final_fraction")
"""Settings of `optimizer` that may differ between the replicas of one compiled program."""


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """What is learned: the task's name, the place of its class (None: that of the preset) and its own options."""

    name: str
    class_: str | None = None
    options: Options = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where the class is: `package.module:Class`."""
        return self.class_ or preset_place("task", self.name)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What it is learned from: the source, how much of it, how noisy it is made, and that source's own options."""

    source: str
    class_: str | None = None
    train_fraction: Annotated[float, Range(above=0, high=1)] = 1.0
    label_noise: Fraction = 0.0
    input_noise: NonNegativeFloat = 0.0
    draw_seed: Natural = 0
    options: Options = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where the loader is: `package.module:name`."""
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
    input_dropout: Rate = 0.0
    output_dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0
    variational_dropout: bool = False
    recurrence: Literal["scan", "fast", "parallel"] = "fast"
    init: Literal["orthogonal", "uniform"] = "orthogonal"
    init_scale: PositiveFloat | None = None
    options: Options = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where the class of the cell is: `package.module:Class`."""
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

    rule: Literal["adam", "adamw", "sgd"] = "adam"
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
        if self.weight_decay and self.rule == "adam":
            raise ConfigError("optimizer.weight_decay", self.weight_decay, "0 with optimizer.rule=adam", "Use adamw.")
        if self.momentum and self.rule != "sgd":
            raise ConfigError("optimizer.momentum", self.momentum, f"0 with optimizer.rule={self.rule}", "Use sgd.")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The budget, the batch and the rhythm of a run. Exactly one of the four budgets is set."""

    updates: Positive | None = None
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
        """How many runs are trained at once."""
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
            raise ConfigError("training.replica_values", values, "momenta > 0", "Without one the state is another.")
        if values is not None and self.replicas not in (1, len(values)):
            raise ConfigError("training.replicas", self.replicas, f"{len(values)}, one for each replica value, or 1")
        if self.replica_count > 1 and self.seconds_budget is not None:
            raise ConfigError(
                "training.replicas",
                self.replica_count,
                "1 with training.seconds_budget",
                "Replicas share their seconds, so none of them would get what a run of its own gets.",
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
    """Where results go beside the run directory."""

    name: Literal["wandb", "none"] = "wandb"
    project: str = "gru_bench"
    entity: str | None = None
    mode: Literal["auto", "online", "offline"] = "auto"


@dataclass(frozen=True, kw_only=True)
class PathsConfig:
    """Where data comes from (`mirror`), where it is kept (`cache`) and where runs go (`runs`)."""

    mirror: str | None = None
    cache: str | None = None
    runs: str = "runs"


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of one run."""

    task: TaskConfig
    data: DataConfig
    model: ModelConfig
    optimizer: OptimizerConfig
    training: TrainingConfig
    tracker: TrackerConfig
    paths: PathsConfig
    seed: Natural = 0
    run_dir: str | None = None
    fresh: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if self.run_dir is not None and not self.run_dir.strip():
            raise ConfigError("run_dir", self.run_dir, "a folder, or null for the default")
        if self.run_dir is not None and self.training.replica_count > 1:
            raise ConfigError(
                "run_dir",
                self.run_dir,
                "null with training.replicas, because all of them would write there",
                "Set paths.runs=... instead: each replica then gets its own directory below it.",
            )
        if self.training.seconds_budget is not None and self.optimizer.schedule in ("linear", "cosine"):
            raise ConfigError(
                "optimizer.schedule",
                self.optimizer.schedule,
                "constant or step with training.seconds_budget",
                "The number of updates, which this schedule is stretched over, is not known beforehand.",
            )

    @property
    def runs(self) -> tuple[Config, ...]:
        """The settings of each run that these train: themselves, or those of each replica, as if it ran alone.

        Raises:
            ConfigError: a value of `training.replica_values` is not allowed.
        """
        training = self.training
        if training.replica_count == 1 and training.replica_values is None:
            return (self,)
        alone = {"replicas": 1, "replica_key": None, "replica_values": None}
        plain = self.to_dict()
        plain |= {"training": plain["training"] | alone}
        if training.replica_key is None or training.replica_values is None:
            return tuple(Config.from_dict(plain | {"seed": self.seed + index}) for index in range(training.replicas))
        section, _, name = training.replica_key.partition(".")
        return tuple(
            Config.from_dict(plain | {section: plain[section] | {name: value}}) for value in training.replica_values
        )

    @property
    def plugins(self) -> tuple[str, ...]:
        """The modules that the settings themselves name."""
        return tuple(section.place.partition(":")[0] for section in (self.task, self.data, self.model))

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the numbers of a run; see the function of this name."""
        return identity(self.to_dict())

    @property
    def hash(self) -> str:
        """Eight hexadecimal digits that name all settings but the seed."""
        settled = {name: value for name, value in self.identity.items() if name != "seed"}
        return hashlib.sha256(json.dumps(settled, sort_keys=True).encode()).hexdigest()[:8]

    @property
    def directory(self) -> Path:
        """The run directory: `run_dir`, or `runs/<task>/<data>/<cell>-<hash>/seed<k>`."""
        if self.run_dir is not None:
            return home_expanded(self.run_dir, "run_dir")
        return (
            home_expanded(self.paths.runs, "paths.runs")
            / self.task.name
            / self.data.source
            / f"{self.model.cell}-{self.hash}"
            / f"seed{self.seed}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as nested plain dictionaries, options merged into their section."""
        result: dict[str, Any] = {}
        for entry in dataclasses.fields(self):
            value = getattr(self, entry.name)
            if dataclasses.is_dataclass(value):
                section = {inner.name: getattr(value, inner.name) for inner in dataclasses.fields(value)}
                options = dict(section.pop("options", {}))
                if isinstance(value, TaskConfig | DataConfig | ModelConfig):
                    del section["class_"]
                    section = {"class": value.place, **section}
                result[entry.name] = section | options
            else:
                result[entry.name] = value
        return result

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """Build and validate from nested plain dictionaries, as `to_dict` writes them.

        Raises:
            ConfigError: an unknown or missing key, a wrong type, or a value out of range.
        """
        sections = {entry.name: entry for entry in dataclasses.fields(cls)}
        for name in sorted(set(values) - set(sections)):
            raise ConfigError(name, values[name], ", ".join(sections), nearest(name, sections))
        parts: dict[str, Any] = {}
        for name, parameter in settings(cls).items():
            if name not in values:
                continue
            if dataclasses.is_dataclass(parameter.annotation):
                parts[name] = _section(parameter.annotation, values[name], name)
            else:
                parts[name] = check(values[name], parameter.annotation, name)
        for name, parameter in settings(cls).items():
            if name not in parts and parameter.default is parameter.empty:
                raise ConfigError(name, None, f"a section with settings of {name}")
        return cls(**parts)


def identity(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides the numbers of a run, seed included; where and how it runs and is tracked left out.

    Args:
        values: all settings as plain values, as `Config.to_dict` and the record of a run have them.
    """
    kept = {name: values.get(name) for name in ("task", "data", "model", "optimizer", "training", "seed")}
    training = kept["training"] or {}
    kept["training"] = {name: value for name, value in training.items() if name not in EXECUTION}
    return kept | {group: _without_own_class(kept[group]) for group in NAMED_BY}


def _without_own_class(section: Any) -> Any:
    """Return a section without a class of gru_bench: its name says which one, wherever that class has moved to."""
    if not isinstance(section, Mapping) or not str(section.get("class", f"{OWN}.")).startswith(f"{OWN}."):
        return section
    return {name: value for name, value in section.items() if name != "class"}


def differences(new: Mapping[str, Any], old: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Say where nested settings differ from earlier ones, key by key."""
    for name in sorted({*new, *old}):
        ours, theirs = new.get(name), old.get(name)
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            yield from differences(ours, theirs, f"{prefix}{name}.")
        elif ours != theirs:
            yield f"{prefix}{name}: {theirs} there, {ours} now"


def _section(cls: Any, values: object, name: str) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigError(name, values, f"a choice of the group {name}, or settings such as {name}.{_first(cls)}=...")
    known = settings(cls)
    if "options" not in known:
        return cls(**bind(cls, values, name))
    values = {"class_" if key == "class" else key: value for key, value in values.items()}
    if "class_" in values:
        values |= {"class_": _class_beyond_preset(values, name, _first(cls))}
    own = {key: value for key, value in values.items() if key in known}
    options = {key: value for key, value in values.items() if key not in known}
    return cls(**bind(cls, own, name), options=options)


def _class_beyond_preset(values: Mapping[str, Any], group: str, key: str) -> Any:
    """Return the class that settings name, or None where it is that of the preset, wherever that has moved to.

    Raises:
        ConfigError: it is a class of gru_bench, but not that of the name.
    """
    found = str(values["class_"])
    if not found.startswith(f"{OWN}.") or key not in values:
        return values["class_"]
    own = preset_place(group, str(values[key]))
    if found.rpartition(":")[2] != own.rpartition(":")[2]:
        raise ConfigError(f"{group}.{key}", values[key], f"the name of {found}", f"Choose a preset: {group}=...")
    return None


def _first(cls: Any) -> str:
    return next(iter(settings(cls)))
