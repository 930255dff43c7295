"""Launchers of Hydra: which there are, and our settings of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from gru_bench.classes import configs_folder
from gru_bench.errors import ConfigError, nearest
from gru_bench.files import home_expanded
from gru_bench.machine_load import usable_cores

_LAUNCHER = "hydra/launcher"
_EXTRAS = {"joblib": "sweep", "submitit_local": "slurm", "submitit_slurm": "slurm", "ray": "ray"}


def check_launcher(name: str, key: str = _LAUNCHER) -> None:
    """Check that there is such a launcher.

    Args:
        name: of a preset of hydra/launcher.
        key: the setting that named it, for messages.

    Raises:
        ConfigError: there is none, or it is not installed.
    """
    Plugins.instance()  # launchers store their defaults when they are found
    installed = {entry.removesuffix(".yaml") for entry in ConfigStore.instance().list(_LAUNCHER)}
    if name in installed:
        return
    if name in _EXTRAS:
        hint = f"Install it: pip install 'gru_bench[{_EXTRAS[name]}]'"
        raise ConfigError(key, name, "a launcher that is installed", hint)
    choices = sorted(installed | _EXTRAS.keys())
    raise ConfigError(key, name, ", ".join(choices), nearest(name, choices))


def with_preset(arguments: list[str]) -> list[str]:
    """Put our settings of a launcher that the arguments name before theirs, which have the last word.

    A file in a group `hydra/launcher` of ours would do, if Hydra did not take what a plugin stores under the same name
    for its schema.

    Raises:
        ConfigError: there is no such launcher, or it is not installed.
    """
    name = next((text.removeprefix(f"{_LAUNCHER}=") for text in arguments if text.startswith(f"{_LAUNCHER}=")), None)
    if name is None:
        return arguments
    check_launcher(name)
    if name not in _EXTRAS:
        return arguments
    preset: Any = OmegaConf.to_container(OmegaConf.load(configs_folder() / "launchers" / f"{name}.yaml"))
    first = next(place for place, text in enumerate(arguments) if "=" in text and not text.startswith("-"))
    settings = [f"++hydra.{key}={json.dumps(value)}" for key, value in flatten(preset)]
    return [*arguments[:first], *settings, *arguments[first:]]


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested settings by their keys, as in `hydra.launcher.n_jobs`."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _processes(threads: str | int) -> int:
    """Return how many processes of so many threads the cores of this machine hold."""
    return max(1, usable_cores() // max(1, int(threads)))


def _within(folder: str, path: str) -> str:
    """Return a path as it is seen from a folder, for processes that are in another one."""
    return str(Path(folder, home_expanded(path, "paths.runs")))


OmegaConf.register_new_resolver("processes", _processes, replace=True)
OmegaConf.register_new_resolver("within", _within, replace=True)
