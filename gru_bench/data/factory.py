"""Load the data set of the settings.

A new data set is one file with a loader, and `configs/data/<name>.yaml` with its place.
"""

from __future__ import annotations

import atexit
import functools
import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

import platformdirs

from gru_bench.classes import load_object, preset_places
from gru_bench.data.data_set import UNCHANGED, allows, refusal
from gru_bench.data.files.text import digest_of, existing_path
from gru_bench.declarations import declared
from gru_bench.errors import ConfigError
from gru_bench.files import home_expanded
from gru_bench.sections import DataConfig, PathsConfig
from gru_bench.validation import bind

logger = logging.getLogger("gru_bench")

MIRROR_VARIABLE = "GRU_BENCH_MIRROR"
OWN_FILES = (
    "path",
    "valid_path",
    "test_path",
    "windows_path",
    "target_path",
    "valid_target_path",
    "test_target_path",
)
_SUPPLIED = frozenset({"mirror", "cache", "kind"})


def check_data(config: DataConfig, task: str, accepts: str) -> None:
    """Check the data settings without reading any data.

    Args:
        config: the source and its options.
        task: the task's name.
        accepts: the kind of data that the task needs.

    Raises:
        ConfigError: an unknown source, a source of another kind, a wrong option, or a change that this kind of data
            does not allow.
    """
    load = _loader(config)
    if accepts not in load.kinds:
        fitting = ", ".join(name for name, preset in _presets().items() if accepts in preset.kinds)
        hint = f"task={task} needs {accepts}, this source gives {' or '.join(load.kinds)}{_takers(load.kinds)}."
        raise ConfigError("data", config.source, fitting or f"a source of {accepts}", hint)
    _options(load, config)
    container = container_of(load, accepts)
    if container is not Any:
        _check_changes(container, accepts, config)


def _presets() -> dict[str, Any]:
    """Return the sources of gru_bench by name."""
    return {name: load_object(place) for name, place in preset_places("data").items()}


def container_of(load: Any, kind: str) -> Any:
    """Return the class in the return annotation of a source, in a union the one of the kind; Any without annotation."""
    returned = get_type_hints(load).get("return", Any)
    classes = get_args(returned) if isinstance(returned, UnionType) else (returned,)
    return next((container for container in classes if getattr(container, "kind", None) == kind), classes[0])


def _changes(config: DataConfig) -> dict[str, float]:
    """Return the settings that change data, in the order in which they apply."""
    settings = {name: getattr(config, name) for name in UNCHANGED}
    return {name: value for name, value in settings.items() if value != UNCHANGED[name]}


def _check_changes(container: Any, kind: str, config: DataConfig) -> None:
    for name, value in _changes(config).items():
        if not allows(container, name):
            raise refusal(name, value, kind, f"It is for {', '.join(_kinds_that_allow(name))}.")
    if config.input_noise > 1 and container.reads_symbols:
        raise ConfigError("data.input_noise", config.input_noise, f"a share of the symbols, at most 1, for {kind}")


def _kinds_that_allow(setting: str) -> list[str]:
    sources = _presets().values()
    return sorted({kind for load in sources for kind in load.kinds if allows(container_of(load, kind), setting)})


def _takers(kinds: Sequence[str]) -> str:
    tasks = {name: declared(place).constants["accepts"] for name, place in preset_places("task").items()}
    choices = " or ".join(f"task={name}" for name, kind in tasks.items() if kind in kinds)
    return f": choose {choices}" if choices else ""


def _loader(config: DataConfig) -> Any:
    load = load_object(config.place)
    if not hasattr(load, "kinds"):
        hint = "Decorate the function with gru_bench.data.source.gives."
        raise ConfigError("data.class", config.place, "a data source, which declares its kinds of data", hint)
    return load


def _options(load: Any, config: DataConfig) -> dict[str, Any]:
    return bind(load, config.options, "data", supplied=_SUPPLIED)


def make_data(config: DataConfig, paths: PathsConfig, kind: str) -> Any:
    """Load a data set, then reduce its training split and add noise as the settings say.

    Args:
        config: the source and its options.
        paths: `mirror` (default: the variable GRU_BENCH_MIRROR) and `cache` (default: the user's cache folder).
        kind: the kind of data that the task needs.

    Returns:
        A `Corpus` for `tokens`, `LabelledTexts` for `texts`, a `Series` for `series`, `Sequences` for `sequences`,
        `Pieces` for `pieces`, `LabelledSequences` for `labelled_sequences`, `TaggedTexts` for `tagged_texts`,
        `Speech` for `speech`, `Dialogues` for `dialogues`,
        `Captions` for `captioned_videos`.

    Raises:
        ConfigError: a wrong setting, or a mirror that is not a folder.
        DataError: the data is missing, damaged or unreadable, or too little of it is left.
    """
    load = _loader(config)
    options = _options(load, config)
    if len(load.kinds) > 1:
        options["kind"] = kind
    data = load(mirror=find_mirror(paths), cache=find_cache(paths), **options)
    _check_changes(type(data), kind, config)
    for name, value in _changes(config).items():
        data = getattr(data, f"with_{name}")(value, config.draw_seed)
    return data


def file_digests(config: DataConfig) -> dict[str, str]:
    """Return the sha256 of each user file in the settings, by setting; public data has none.

    Raises:
        ConfigError: a wrong setting.
        DataError: a file is missing or unreadable.
    """
    named = {f"data.{name}": value for name, value in _options(_loader(config), config).items() if name in OWN_FILES}
    return {key: digest_of(str(path), key) for key, path in named.items() if path}


def check_files(config: DataConfig) -> None:
    """Check that the user files in the settings exist; whether a folder will do is for the source to say.

    Raises:
        ConfigError: a wrong setting.
        DataError: a file is missing.
    """
    for name, path in _options(_loader(config), config).items():
        if name in OWN_FILES and path:
            existing_path(str(path), f"data.{name}")


def find_mirror(paths: PathsConfig) -> Path | None:
    """Return the folder of local copies, or None if none is set.

    Raises:
        ConfigError: it is set and is not a folder.
    """
    folder = paths.mirror or os.environ.get(MIRROR_VARIABLE)
    if not folder:
        return None
    mirror = home_expanded(folder, "paths.mirror")
    if not mirror.is_dir():
        origin = "" if paths.mirror else f"It comes from the variable {MIRROR_VARIABLE}: unset or correct it."
        raise ConfigError("paths.mirror", folder, "an existing folder with files such as ptb/ptb.train.txt", origin)
    return mirror


def find_cache(paths: PathsConfig) -> Path:
    """Return the folder of downloads and prepared data; it need not exist yet.

    Without a home folder, as in a container with an unknown user, it is a temporary folder of this process.
    """
    if paths.cache:
        return home_expanded(paths.cache, "paths.cache")
    try:
        folder = platformdirs.user_cache_path("gru_bench")
    except RuntimeError:
        return _temporary_cache()
    return folder if folder.is_absolute() else _temporary_cache()


@functools.cache
def _temporary_cache() -> Path:
    logger.warning("There is no home folder, so downloads and compiled programs are not kept. Set paths.cache.")
    folder = tempfile.mkdtemp(prefix="gru_bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
