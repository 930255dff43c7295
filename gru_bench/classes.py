"""Classes by their place in YAML, `package.module:Class`, and which of them may be imported.

The preset of a task, a cell or a data source names its class, so that all three can be in a user's package. Settings on
the command line are trusted. A record may come from someone else: its classes are imported only from gru_bench and from
modules that the caller names.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from gru_bench.errors import ConfigError, UserError, nearest

OWN = "gru_bench"
NAMED_BY = {"task": "name", "data": "source", "model": "cell"}
"""By group of presets the setting that names a choice."""

T = TypeVar("T")


def configs_folder() -> Path:
    """Return the folder of presets of the checkout, if there is one, else that of the installed package."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "configs"
    return checkout if (package.parent / "pyproject.toml").is_file() and checkout.is_dir() else package / "configs"


@functools.cache
def preset_places(group: str) -> dict[str, str]:
    """Return the places of the classes of a group by the names in its presets.

    Args:
        group: `task`, `data` or `model`.
    """
    presets = [
        yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((configs_folder() / group).glob("*.yaml"))
    ]
    return {preset[NAMED_BY[group]]: preset["class"] for preset in presets}


def preset_place(group: str, name: str) -> str:
    """Return the place of the class of a preset of gru_bench.

    Raises:
        ConfigError: there is no such preset.
    """
    places = preset_places(group)
    if name not in places:
        key = group if NAMED_BY[group] == "name" or group == "data" else f"{group}.{NAMED_BY[group]}"
        raise ConfigError(key, name, " or ".join(places), nearest(name, places))
    return places[name]


def load_class(place: str, kind: type[T]) -> type[T]:
    """Import a class.

    Args:
        place: `package.module:Class`.
        kind: what it must be a subclass of.

    Raises:
        ConfigError: there is no such class.
    """
    loaded = load_object(place)
    if not (isinstance(loaded, type) and issubclass(loaded, kind)):
        raise ConfigError("class", place, f"a subclass of {kind.__module__}:{kind.__name__}")
    return loaded


def load_object(place: str) -> Any:
    """Import an object by name from a module.

    Args:
        place: `package.module:name`.

    Raises:
        ConfigError: there is no such module, or it has no such name.
    """
    module, _, name = place.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        hint = f"There is no module {error.name}; Python looks in the working directory and in what is installed."
        raise ConfigError("class", place, "package.module:Class", hint) from error
    except (AttributeError, ValueError) as error:
        raise ConfigError("class", place, f"package.module:Class; {error}") from error


def check_trusted(places: Sequence[str], plugins: Sequence[str], owner: Path) -> None:
    """Check that a record names only classes of gru_bench and of modules that the caller trusts.

    Args:
        places: the places of its classes.
        plugins: names of trusted modules or packages.
        owner: the run directory, for messages.

    Raises:
        UserError: it names another class, which is not imported.
    """
    for place in places:
        module, _, _ = place.partition(":")
        if not any(module == name or module.startswith(f"{name}.") for name in (OWN, *plugins)):
            package = module.partition(".")[0]
            raise UserError(
                f"{owner} names the class {place}, which is none of gru_bench. Code that a run directory names is "
                f"executed only with your consent. If you trust it: plugins={package}"
            )
