"""Search spaces: W&B's sweep files, read strictly, so that one file serves W&B, random search and Optuna.

    program: gru_bench.train
    method: random
    parameters:
      model: {value: gru}
      optimizer.learning_rate: {distribution: log_uniform_values, min: 3.0e-4, max: 3.0e-2}
    command: ["${env}", python, -m, "${program}", "${args_no_hyphens}"]

References: https://docs.wandb.ai/guides/sweeps/sweep-config-keys (format of the file and its distributions).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from gru_bench.classes import configs_folder
from gru_bench.errors import ConfigError, UserError, nearest
from gru_bench.files import home_expanded
from gru_bench.validation import Positive, PositiveFloat, bind

Value = bool | int | float | str

DIGITS = 4
"""Significant digits of a sampled number, so that its command can be typed."""

_KEY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_TEXT = re.compile(r"[\w.+/-]+")  # W&B passes values unquoted, and other characters have a meaning on command lines


@dataclass(frozen=True)
class Choice:
    """A uniform choice among values; a single value is a constant."""

    values: tuple[Value, ...]

    def draw(self, generator: np.random.Generator) -> Value:
        """Sample one of the values."""
        return self.values[int(generator.integers(len(self.values)))]


@dataclass(frozen=True)
class Interval:
    """Numbers from `low` to `high`, both included; integers if the bounds are integers.

    Attributes:
        step: distance of neighbouring values, which divides the width of the interval; None: continuous.
        log: whether the logarithm is uniform.
    """

    low: int | float
    high: int | float
    step: int | float | None = None
    log: bool = False

    @property
    def integer(self) -> bool:
        """Whether all values are integers."""
        return isinstance(self.low, int)

    def draw(self, generator: np.random.Generator) -> int | float:
        """Sample one number; floats have `DIGITS` significant digits or are on the grid of `step`."""
        if self.integer and self.log:
            ends = np.log([self.low - 0.5, self.high + 0.5])  # each integer n gets the share from n - 0.5 to n + 0.5
            return int(np.clip(round(math.exp(generator.uniform(*ends))), self.low, self.high))
        if self.step is not None:
            steps = int(generator.integers(round((self.high - self.low) / self.step), endpoint=True))
            value = self.low + steps * self.step
            return value if self.integer else float(f"{value:.12g}")
        if self.log:
            number = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        else:
            number = generator.uniform(self.low, self.high)
        return min(max(float(f"{number:.{DIGITS}g}"), self.low), self.high)

    def place(self, value: int | float) -> float:
        """Return the position of a value between `low` (0) and `high` (1), on the scale that is uniform."""
        low, value, high = (math.log(number) if self.log else number for number in (self.low, value, self.high))
        return (value - low) / (high - low)

    def extended(self, by: Interval, *, up: bool) -> Interval:
        """Return the interval extended above or below by the width of another one, on the same scale."""
        if self.log:
            low, high = self.low * by.low / by.high, self.high * by.high / by.low
        else:
            low, high = self.low - (by.high - by.low), self.high + (by.high - by.low)
        return replace(self, high=self._bound(high)) if up else replace(self, low=self._bound(low))

    def _bound(self, number: int | float) -> int | float:
        return round(number) if self.integer else float(f"{number:.{DIGITS}g}")


Parameter = Choice | Interval


@dataclass(frozen=True)
class Space:
    """A search space: settings of the `train` command by dotted key, in the order of the file."""

    name: str
    parameters: Mapping[str, Parameter]

    @property
    def constants(self) -> Mapping[str, Value]:
        """The parameters with a single value, and that value."""
        return {
            key: parameter.values[0]
            for key, parameter in self.parameters.items()
            if isinstance(parameter, Choice) and len(parameter.values) == 1
        }

    @property
    def searched(self) -> Mapping[str, Parameter]:
        """The parameters with several values."""
        return {key: parameter for key, parameter in self.parameters.items() if key not in self.constants}

    def draw(self, generator: np.random.Generator) -> dict[str, Value]:
        """Sample the values of a trial by key, constants included."""
        return {key: parameter.draw(generator) for key, parameter in self.parameters.items()}

    def without(self, keys: Iterable[str]) -> Space:
        """Return the space without some of its parameters."""
        excluded = set(keys)
        return replace(self, parameters={key: value for key, value in self.parameters.items() if key not in excluded})


def overrides(trial: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the `key=value` arguments of the `train` command for a trial."""
    return tuple(f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in trial.items())


def space_file(name: str) -> Path:
    """Return the file of a space: `configs/sweeps/<name>.yaml`, or the path itself.

    Raises:
        ConfigError: there is no such file.
    """
    folder = configs_folder() / "sweeps"
    path = home_expanded(name, "space") if Path(name).suffix in (".yaml", ".yml") else folder / f"{name}.yaml"
    if not path.is_file():
        known = sorted(file.stem for file in folder.glob("*.yaml"))
        raise ConfigError(
            "space", name, f"{', '.join(known)}, or the path of a sweep file (.yaml)", nearest(name, known)
        )
    return path


def read_space(path: Path) -> Space:
    """Read a W&B sweep file.

    Raises:
        UserError: it cannot be read.
        ConfigError: a key or value unknown to W&B, or not supported by all of W&B, random search and Optuna.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read as a W&B sweep file in YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(str(path), values, "a W&B sweep file with program, method, parameters and command")
    try:
        parameters = bind(_sweep_file, values, "sweep")["parameters"]
        if not isinstance(parameters, dict) or not parameters:
            raise ConfigError("sweep.parameters", parameters, "at least one setting with its values")
        return Space(path.stem, {str(key): _parameter(str(key), entry) for key, entry in parameters.items()})
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.key}", error.found, error.allowed, error.hint) from None


def _sweep_file(
    *,
    program: Literal["gru_bench.train"],
    method: Literal["random", "bayes", "grid"],
    parameters: Any,
    command: list[str],
    metric: Any = None,
    early_terminate: Any = None,
    run_cap: Positive | None = None,
    name: str | None = None,
    description: str | None = None,
    project: str | None = None,
    entity: str | None = None,
) -> None:
    """Declare the keys of a sweep file as parameters, for `bind`; all but `parameters` are for W&B alone."""


def _parameter(key: str, entry: object) -> Parameter:
    if not _KEY.fullmatch(key):
        raise ConfigError("sweep.parameters", key, "settings of the train command, such as optimizer.learning_rate")
    section = f"sweep.parameters.{key}"
    if not isinstance(entry, dict):
        raise ConfigError(section, entry, "value, values, or distribution with min and max")
    options = dict(entry)
    distribution = options.pop("distribution", None) or _implied(options)
    if distribution not in _DISTRIBUTIONS:
        raise ConfigError(f"{section}.distribution", distribution, ", ".join(_DISTRIBUTIONS))
    read = _DISTRIBUTIONS[distribution]
    try:
        parameter = read(**bind(read, options, section))
    except ConfigError as error:
        hint = (
            "Write a number with a dot and the sign of its exponent, as in 3.0e-4." if _is_number(error.found) else ""
        )
        raise ConfigError(error.key, error.found, error.allowed, hint) from None
    if problem := _problem(parameter):
        raise ConfigError(section, dict(entry), problem)
    return parameter


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _implied(options: Mapping[str, object]) -> str:
    """Return the distribution that W&B assumes if none is named."""
    if "value" in options:
        return "constant"
    if "values" in options:
        return "categorical"
    bounds = [options.get("min"), options.get("max")]
    return "int_uniform" if all(isinstance(bound, int) for bound in bounds) else "uniform"


def _problem(parameter: Parameter) -> str:
    """Return the requirement that a parameter violates; empty if there is none."""
    if isinstance(parameter, Choice):
        texts = [value for value in parameter.values if isinstance(value, str)]
        if not parameter.values or len(set(map(str, parameter.values))) < len(parameter.values):
            return "at least one value, without duplicates"
        if any(_is_number(text) for text in texts):
            return "numbers that YAML does not read as text: with a dot and the sign of the exponent, as in 3.0e-4"
        if not all(_TEXT.fullmatch(text) for text in texts):
            return "text of letters, digits and ._+/-"
        return ""
    if parameter.low >= parameter.high:
        return "min below max"
    if parameter.step is not None and not all(
        math.isclose(bound / parameter.step, round(bound / parameter.step), abs_tol=1e-9)
        for bound in (parameter.low, parameter.high)
    ):
        return "min and max that are multiples of q"
    return ""


def _constant(*, value: Value) -> Choice:
    return Choice((value,))


def _categorical(*, values: list[Value]) -> Choice:
    return Choice(tuple(values))


def _uniform(*, min: float, max: float) -> Interval:
    return Interval(min, max)


def _int_uniform(*, min: int, max: int) -> Interval:
    return Interval(min, max, step=1)


def _q_uniform(*, min: float, max: float, q: PositiveFloat = 1.0) -> Interval:
    if all(number.is_integer() for number in (min, max, q)):
        return Interval(int(min), int(max), step=int(q))
    return Interval(min, max, step=q)


def _log_uniform_values(*, min: PositiveFloat, max: PositiveFloat) -> Interval:
    return Interval(min, max, log=True)


def _q_log_uniform_values(*, min: Positive, max: Positive, q: Literal[1] = 1) -> Interval:
    return Interval(min, max, step=q, log=True)


_DISTRIBUTIONS: dict[str, Callable[..., Parameter]] = {
    "constant": _constant,
    "categorical": _categorical,
    "uniform": _uniform,
    "int_uniform": _int_uniform,
    "q_uniform": _q_uniform,
    "log_uniform_values": _log_uniform_values,
    "q_log_uniform_values": _q_log_uniform_values,
}
