"""Check plain values against Python annotations, and name the key, the finding and what is allowed.

The signature of a function or dataclass is the schema of its settings: `bind(load, values, "data")` returns
the keyword arguments for `load`, or raises a `ConfigError` that names the key and the nearest valid name.
"""

from __future__ import annotations

import functools
import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from gru_bench.errors import ConfigError, nearest


@dataclass(frozen=True)
class Range:
    """Closed bounds of a number; `above` is an open lower bound."""

    low: int | float | None = None
    high: int | float | None = None
    above: int | float | None = None

    def __contains__(self, value: int | float) -> bool:
        return (
            (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
        )

    def __str__(self) -> str:
        bounds = [
            f"{sign} {bound if isinstance(bound, int) else format(bound, 'g')}"
            for sign, bound in ((">=", self.low), (">", self.above), ("<=", self.high))
            if bound is not None
        ]
        return " and ".join(bounds)


LARGEST = 2**31 - 1
"""The greatest integer of a setting: JAX counts in 32 bits, and would take a larger seed for another, smaller one."""

_INTEGERS = f"an integer from {-LARGEST} to {LARGEST}"

Positive = Annotated[int, Range(low=1)]
Natural = Annotated[int, Range(low=0)]
PositiveFloat = Annotated[float, Range(above=0)]
NonNegativeFloat = Annotated[float, Range(low=0)]
Fraction = Annotated[float, Range(low=0, high=1)]
HeldOutFraction = Annotated[float, Range(above=0, high=0.45)]
Rate = Annotated[float, Range(low=0, high=0.99)]
Beam = Annotated[int, Range(low=1, high=100)]
SampleLength = Annotated[int, Range(low=0, high=100_000)]
"""Symbols or time steps that a network generates when its run ends; as many random keys are drawn at once."""
GeneratedLength = Annotated[int, Range(low=1, high=100_000)]
"""Those of a prediction, at least one."""


def describe(annotation: Any) -> str:
    """Say in words which values an annotation allows."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return " ".join([describe(arguments[0]), *(str(extra) for extra in arguments[1:])])
    if origin is Literal:
        return " or ".join(str(choice) for choice in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(argument) for argument in arguments)
    if origin in (list, tuple):
        return f"a list of {describe(arguments[0])}"
    names = {int: "an integer", float: "a number", bool: "true or false", str: "text", type(None): "null"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def check(value: object, annotation: Any, key: str) -> Any:
    """Return `value` as `annotation` wants it.

    Raises:
        ConfigError: the value is of another type, out of range or not among the choices.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return value
    if origin is Annotated:
        return _check_annotated(value, annotation, key)
    if origin is Literal:
        if value in arguments and type(value) in {type(choice) for choice in arguments}:
            return value
        raise ConfigError(key, value, describe(annotation), nearest(str(value), map(str, arguments)))
    if origin in (Union, types.UnionType):
        return _check_union(value, arguments, key)
    if origin in (list, tuple):
        return origin(_check_items(value, annotation, key))
    if annotation in (int, float) and isinstance(value, int | float) and not isinstance(value, bool):
        return _check_number(value, annotation, key)
    if isinstance(value, annotation) and annotation is not int:
        return value
    raise ConfigError(key, value, describe(annotation))


def _check_annotated(value: object, annotation: Any, key: str) -> Any:
    kind, *extras = get_args(annotation)
    bounds = [extra for extra in extras if isinstance(extra, Range)]
    try:
        checked = check(value, kind, key)
    except ConfigError as error:
        allowed = describe(annotation)
        if error.allowed == _INTEGERS:  # too large, or too small, for any setting
            allowed += "" if any(bound.high is not None for bound in bounds) else f" and <= {LARGEST}"
        elif error.allowed != describe(kind):
            raise
        raise ConfigError(key, value, allowed) from None
    if any(checked not in bound for bound in bounds):
        raise ConfigError(key, value, describe(annotation))
    return checked


def _check_items(value: object, annotation: Any, key: str) -> list[Any]:
    item = get_args(annotation)[0]
    if isinstance(value, list | tuple):
        return [check(each, item, f"{key}[{index}]") for index, each in enumerate(value)]
    try:
        return [check(value, item, key)]  # one value where a list is meant
    except ConfigError:
        raise ConfigError(key, value, describe(annotation)) from None


def _check_number(value: int | float, annotation: type[int] | type[float], key: str) -> int | float:
    if annotation is float:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ConfigError(key, value, "a finite number")
        return number
    if isinstance(value, float) and not value.is_integer():
        raise ConfigError(key, value, describe(annotation))
    if not -LARGEST <= value <= LARGEST:
        raise ConfigError(key, value, _INTEGERS)
    return int(value)


def _check_union(value: object, arguments: tuple[Any, ...], key: str) -> Any:
    if value is None and type(None) in arguments:
        return None
    failures: list[ConfigError] = []
    for argument in arguments:
        try:
            return check(value, argument, key)
        except ConfigError as error:
            failures.append(error)
    raise ConfigError(key, value, " or ".join(failure.allowed for failure in failures))


@functools.cache  # of a record's schema, for each of thousands of records
def settings(target: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the settings of a function or class: its keyword parameters by name, annotations resolved."""
    hints = typing.get_type_hints(target if inspect.isroutine(target) else target.__init__, include_extras=True)
    if inspect.isclass(target):
        hints = typing.get_type_hints(target, include_extras=True) | hints
    return {
        name: parameter.replace(annotation=hints.get(name, Any))
        for name, parameter in inspect.signature(target).parameters.items()
    }


def bind(
    target: Callable[..., Any], values: Mapping[str, object], section: str, supplied: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Check `values` against the signature of `target`.

    Args:
        target: the function or class that the values are for.
        values: settings by name, as written in the configuration.
        section: the prefix of the keys in messages, such as `data`.
        supplied: parameters that the program itself passes; they are no settings.

    Raises:
        ConfigError: an unknown name, a wrong type, a value out of range, or a missing setting.
    """
    return bind_parameters(settings(target), values, section, supplied)


def bind_parameters(
    parameters: Mapping[str, inspect.Parameter],
    values: Mapping[str, object],
    section: str,
    supplied: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Check `values` against parameters whose annotations are resolved; see `bind`."""
    known = {name: parameter for name, parameter in parameters.items() if name not in supplied}
    for name, value in values.items():
        if name not in known:
            allowed = ", ".join(f"{section}.{valid}" for valid in known) or "nothing here"
            raise ConfigError(f"{section}.{name}", value, allowed, nearest(name, known))
    for name, parameter in known.items():
        if parameter.default is inspect.Parameter.empty and values.get(name) is None:
            raise ConfigError(
                f"{section}.{name}", None, describe(parameter.annotation), f"Set it: {section}.{name}=..."
            )
    return {name: check(value, known[name].annotation, f"{section}.{name}") for name, value in values.items()}
