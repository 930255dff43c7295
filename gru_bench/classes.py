"""Classes by the place that YAML names, `package.module:Class`. A run directory executes nothing.

The preset of a task, a cell or a data source names its class, so that all three can live in a user's own package.
Whoever composes settings on the command line names their modules with them. A record is somebody's file: what it names
is imported only from gru_bench, or from modules that the caller names.
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
    """Return the checkout's configs where this is one, else those of the installed package."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "configs"
    return checkout if (package.parent / "pyproject.toml").is_file() and checkout.is_dir() else package / "configs"


@functools.cache
def preset_places(group: str) -> dict[str, str]:
    """Return the places of the classes of a group by the names that its presets give them.

    Args:
        group: `task`, `data` or `model`.
    """
    presets = [
        yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((configs_folder() / group).glob("*.yaml"))
    ]
    return {preset[NAMED_BY[group]]: preset["class"] for preset in presets}


def preset_place(group: str, name: str) -> str:
    """Return the place of the class that a preset of gru_bench names.

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
    found = load_object(place)
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ConfigError("class", place, f"a subclass of {kind.__module__}:{kind.__name__}")
    return found


def load_object(place: str) -> Any:
    """Import whatever has a name in a module.

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
    """Check that a record names no class but those of gru_bench and of modules that the caller names.

    Args:
        places: what it names.
        plugins: names of modules or packages.
        owner: the run directory, for messages.

    Raises:
        UserError: it names another one; nothing of it has been imported.
    """
    for place in places:
        module, _, _ = place.partition(":")
        if not any(module == name or module.startswith(f"{name}.") for name in (OWN, *plugins)):
            package = module.partition(".")[0]
            raise UserError(
                f"{owner} names the class {place}, which is none of gru_bench: nothing that a run directory names is "
                f"executed unless you say so. If you trust it: plugins={package}"
            )
