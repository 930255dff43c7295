"""What a comparison is asked for: cells, limits and settings, as the command line or Python gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gru_bench.classes import preset_place, preset_places
from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.data.factory import file_digests
from gru_bench.declarations import declared
from gru_bench.errors import ConfigError, nearest
from gru_bench.reproduction.plan import last_values
from gru_bench.search.space import Choice, Space, read_space, space_file

Match = Literal["hidden_size", "parameters", "compute"]
Size = Literal["fixed", "free"]

NOT_HERE = {
    "model": "Name the cells: cells=gru,lstm",
    "fresh": "Remove the folder of the comparison, or give another one: out=...",
    "run_dir": "Each run has its own directory in the folder of the comparison: out=...",
    "training.seconds_budget": "The time is that of the whole comparison: minutes=...",
    "training.flops_budget": "Give training.updates or training.epochs, or none: minutes=... then decides.",
    "training.eval_every": "The plan says how often a run is evaluated.",
    "training.patience": "All runs of a comparison train equally long.",
    "training.replicas": "The plan says how many seeds are trained together.",
    "training.replica_key": "The search space has the values.",
    "training.replica_values": "The search space has the values.",
}
LENGTHS = ("training.updates", "training.epochs")
"""Settings that fix how long a run is; without them the plan does."""

_PLACES = ("paths.mirror", "paths.cache")
_ARM = re.compile(r"\s*(\w+)\s*(?:\(([^()]*)\))?\s*")
_SPACE, _RETENTION = "gru", "model.update_bias"


@dataclass(frozen=True)
class Arm:
    """A cell that is compared.

    Attributes:
        name: as it was given, such as `lstm` or `lstm(hidden_size=32)`.
        cell: a preset of `model`.
        options: settings of `train` of this arm alone.
    """

    name: str
    cell: str
    options: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name.upper() if self.name.isalpha() else self.name

    def space(self, fixed: Sequence[str], sizes: Sequence[int]) -> Space:
        """Return the search space: the same rates, dropout and initial retention for every cell.

        Args:
            fixed: keys of settings that are not searched.
            sizes: hidden sizes to choose from; none: it is not searched.
        """
        parameters = dict(read_space(space_file(_SPACE)).parameters)
        retention = parameters.pop(_RETENTION)
        parameters["model"] = Choice((self.cell,))
        start = declared(preset_place("model", self.cell)).constants["start_options"]
        parameters |= {f"model.{name}": retention for name in start}
        if sizes:
            parameters["model.hidden_size"] = Choice(tuple(sizes))
        own = [option.partition("=")[0] for option in self.options]
        return Space(self.cell, parameters).without([*fixed, *own])


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is compared, within which limits.

    Attributes:
        arms: the cells.
        minutes: for everything.
        trials: of each cell; None: as many as there is time for.
        seeds: paired seeds at most; None: as many as there is time for.
        margin: the difference that does not matter; None: that of the task.
        match: what is equal for all cells; with parameters or compute it is that of the first one.
        size: fixed, or free: searched like the rate.
        settings: of `train`, the same for all cells.
    """

    arms: tuple[Arm, ...]
    minutes: float
    trials: int | None
    seeds: int | None
    margin: float | None
    match: Match
    size: Size
    settings: Mapping[str, str]

    @property
    def shared(self) -> tuple[str, ...]:
        """The settings of all runs as arguments of `train`; places, tracker, seed and length left out."""
        left_out = ("paths.", "tracker", "seed", "debug", *LENGTHS)
        return tuple(f"{key}={value}" for key, value in self.settings.items() if not key.startswith(left_out))

    @property
    def length(self) -> tuple[str, ...]:
        """The setting that fixes how long a run is, if one does."""
        return tuple(f"{key}={self.settings[key]}" for key in LENGTHS if key in self.settings)

    @property
    def places(self) -> tuple[str, ...]:
        """Where data is, as arguments of `train`; nothing of it decides results."""
        return tuple(f"{key}={self.settings[key]}" for key in _PLACES if key in self.settings)

    def config(self, arm: Arm, *overrides: str) -> Config:
        """Return the settings of a run of an arm; its options and the overrides come last."""
        chosen = (*self.shared, f"model={arm.cell}", *arm.options, *overrides, *self.places, "tracker=none")
        return composed(*last_values(chosen))

    @property
    def base(self) -> Config:
        """The settings of the first cell as given, with tracker and paths."""
        first = self.arms[0]
        given = [f"{key}={value}" for key, value in self.settings.items()]
        return composed(*last_values((*given, f"model={first.cell}", *first.options)))

    def facts(self) -> dict[str, Any]:
        """Return all that identifies a comparison, JSON-able, including the digests of user files."""
        identity = self.base.identity
        return {
            "cells": [arm.name for arm in self.arms],
            "minutes": self.minutes,
            "trials": self.trials,
            "seeds": self.seeds,
            "margin": self.margin,
            "match": self.match,
            "size": self.size,
            "settings": identity,
            "files": file_digests(self.base.data),
        }


def read_arms(text: str) -> tuple[Arm, ...]:
    """Read cells such as `gru,lstm` or `gru,lstm(hidden_size=32)`.

    Raises:
        ConfigError: fewer than two, one twice, or an unknown cell.
    """
    allowed = "at least two different cells, as in gru,lstm or 'gru,lstm(hidden_size=32)'"
    known = preset_places("model")
    arms: list[Arm] = []
    for part in re.split(r",(?![^()]*\))", text):
        found = _ARM.fullmatch(part)
        if found is None:
            raise ConfigError("cells", part or text, allowed)
        if found[1] not in known:
            raise ConfigError("cells", part.strip(), ", ".join(known), nearest(found[1], known))
        given = [option.strip() for option in (found[2] or "").split(",") if option.strip()]
        if wrong := [option for option in given if "=" not in option]:
            raise ConfigError("cells", part, f"settings as key=value in brackets, which {wrong[0]} is not")
        options = tuple(option if "." in option.partition("=")[0] else f"model.{option}" for option in given)
        arms.append(Arm(re.sub(r"\s", "", part), found[1], options))
    if len(arms) < 2 or len({arm.name for arm in arms}) < len(arms):
        raise ConfigError("cells", text, allowed)
    return tuple(arms)
