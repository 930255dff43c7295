"""All settings of a run, its identity, hash and directory."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_bench.classes import NAMED_BY, OWN, preset_place
from gru_bench.errors import ConfigError, nearest
from gru_bench.files import home_expanded
from gru_bench.sections import (
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    PathsConfig,
    TaskConfig,
    TrackerConfig,
    TrainingConfig,
)
from gru_bench.validation import Natural, bind, check, settings

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
"""Settings of `training` that decide how runs are computed; they affect only the last digits of results."""

_LATER_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "data": {"missing_rate": 0.0},
    "model": {"initial_weights": None, "attention": "none", "self_attention": 0, "weight_noise": 0.0},
}
"""Settings that older records lack, by section, with the values under which they change nothing."""


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
                "This schedule needs the number of updates, which is not known beforehand.",
            )

    @property
    def runs(self) -> tuple[Config, ...]:
        """The settings of each run: these themselves, or those of each replica as a single run.

        Raises:
            ConfigError: a value of `training.replica_values` is not allowed.
        """
        training = self.training
        if training.replica_count == 1 and training.replica_values is None:
            return (self,)
        single = {"replicas": 1, "replica_key": None, "replica_values": None}
        plain = self.to_dict()
        plain |= {"training": plain["training"] | single}
        if training.replica_key is None or training.replica_values is None:
            return tuple(Config.from_dict(plain | {"seed": self.seed + index}) for index in range(training.replicas))
        section, _, name = training.replica_key.partition(".")
        return tuple(
            Config.from_dict(plain | {section: plain[section] | {name: value}}) for value in training.replica_values
        )

    @property
    def plugins(self) -> tuple[str, ...]:
        """The modules of the classes in the settings."""
        return tuple(section.place.partition(":")[0] for section in (self.task, self.data, self.model))

    @property
    def identity(self) -> dict[str, Any]:
        """The settings that decide results; see the function of this name."""
        return identity(self.to_dict())

    @property
    def hash(self) -> str:
        """Eight hexadecimal digits that identify all settings but the seed."""
        return self.hash_without()

    def hash_without(self, *keys: str) -> str:
        """Return eight hexadecimal digits that name all settings but the seed and those of some dotted keys."""
        settled = {name: value for name, value in self.identity.items() if name != "seed"}
        for key in keys:
            section, _, left_out = key.partition(".")
            settled[section] = {name: value for name, value in settled[section].items() if name != left_out}
        return hashlib.sha256(json.dumps(settled, sort_keys=True).encode()).hexdigest()[:8]

    def with_values(self, values: Mapping[str, Any]) -> Config:
        """Return the settings with other values of some dotted keys, all of which they have.

        Raises:
            ConfigError: there is no such key, or a value is not allowed.
        """
        plain = self.to_dict()
        for key, value in values.items():
            section, _, name = key.rpartition(".")
            group = plain[section] if section else plain
            if name not in group:
                raise ConfigError(key, value, f"a setting of {section}: {', '.join(group)}", nearest(name, group))
            group[name] = value
        return Config.from_dict(plain)

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
        """Build and validate from nested plain dictionaries, as returned by `to_dict`.

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
    """Return the settings that decide the results of a run, with the seed, without paths, tracker and execution.

    Args:
        values: all settings as plain values, from `Config.to_dict` or the record of a run.
    """
    kept = {name: values.get(name) for name in ("task", "data", "model", "optimizer", "training", "seed")}
    training = kept["training"] or {}
    kept["training"] = {name: value for name, value in training.items() if name not in EXECUTION}
    kept |= {group: _without_own_class(kept[group]) for group in NAMED_BY}
    return kept | {group: _without_unset(kept[group], later) for group, later in _LATER_SETTINGS.items()}


def foreign_class(section: Any) -> str | None:
    """Return the class that a section of settings names, or None for one of gru_bench, which its name identifies."""
    place = section.get("class") if isinstance(section, Mapping) else None
    return None if place is None or str(place).startswith(f"{OWN}.") else str(place)


def _without_own_class(section: Any) -> Any:
    """Return a section without a class of gru_bench, which may move to another module."""
    if not isinstance(section, Mapping) or foreign_class(section):
        return section
    return {name: value for name, value in section.items() if name != "class"}


def _without_unset(section: Any, later: Mapping[str, Any]) -> Any:
    """Return a section without settings that older records lack, where they are not set."""
    if not isinstance(section, Mapping):
        return section
    return {name: value for name, value in section.items() if name not in later or value != later[name]}


def differences(new: Mapping[str, Any], old: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the differences between nested settings and earlier ones, key by key."""
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
    """Return the class in the settings, or None for that of the preset, which may have moved to another module.

    Raises:
        ConfigError: it is a class of gru_bench, but not that of the name.
    """
    place = str(values["class_"])
    if not place.startswith(f"{OWN}.") or key not in values:
        return values["class_"] or None
    own = preset_place(group, str(values[key]))
    if place.rpartition(":")[2] != own.rpartition(":")[2]:
        raise ConfigError(f"{group}.{key}", values[key], f"the name of {place}", f"Choose a preset: {group}=...")
    return None


def _first(cls: Any) -> str:
    return next(iter(settings(cls)))
