"""Presets of `configs` composed into settings: groups, their choices, all settings of a command line."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gru_bench.classes import configs_folder
from gru_bench.launchers import flatten
from gru_bench.overrides import parsed

NO_GROUPS = {"hydra", "launchers", "sweeps"}  # folders of configs that hold no choices for the command line


@contextmanager
def composing() -> Iterator[None]:
    """Let Hydra read our presets."""
    with uninitialised(), initialize_config_dir(str(configs_folder()), version_base="1.3"):
        yield


@contextmanager
def uninitialised() -> Iterator[None]:
    """Let Hydra begin anew; what the process itself uses Hydra for comes back."""
    instance = GlobalHydra.instance()
    before = instance.hydra
    instance.clear()
    try:
        yield
    finally:
        instance.hydra = before


def group_names() -> list[str]:
    """Return the groups of presets, which the command line chooses from."""
    return [path.name for path in configs_folder().iterdir() if path.is_dir() and path.name not in NO_GROUPS]


def choices_of(group: str) -> list[str]:
    """Return the choices of a group; none where there is no such group."""
    return sorted(path.stem for path in (configs_folder() / group).glob("*.yaml"))


def composed_values(arguments: Sequence[str]) -> DictConfig:
    """Compose the settings of a command line; of commands with the same presets Hydra composes these once."""
    overrides = [parsed(text) for text in arguments]
    groups = group_names()
    chosen = sorted(str(override.input_line) for override in overrides if override.key_or_group in groups)
    plain = [override for override in overrides if override.key_or_group not in groups]
    if all(_is_plain(override) for override in plain):
        values = copy.deepcopy(_presets(configs_folder(), tuple(chosen)))
        with suppress(OmegaConfBaseException):  # Hydra says below what is wrong
            for override in plain:
                OmegaConf.update(values, override.key_or_group, override.value(), merge=True)
            return values
    with composing():
        return hydra_compose("train", overrides=list(arguments))


def _is_plain(override: Override) -> bool:
    """Return whether an override sets one value, as `key=value` does."""
    changes = override.type is OverrideType.CHANGE and not override.is_sweep_override()
    return changes and override.package is None and not override.key_or_group.startswith(("hydra.", "hydra/"))


@functools.cache
def _presets(folder: Path, choices: tuple[str, ...]) -> DictConfig:
    with composing():
        return hydra_compose("train", overrides=list(choices))


def known_settings(arguments: Sequence[str]) -> list[str]:
    """Return the keys of all settings, as the presets that the command line names have them."""
    chosen = [text for text in arguments if text.partition("=")[0] in group_names() and "," not in text]
    values: Any = OmegaConf.to_container(_presets(configs_folder(), tuple(sorted(chosen))))
    return [key for key, _ in flatten(values)]


def _listed_groups() -> str:
    """List the groups and their choices, for the help."""
    return "\n".join(f"{group}: {', '.join(choices_of(group))}" for group in sorted(group_names()))


OmegaConf.register_new_resolver("groups", _listed_groups, replace=True)
