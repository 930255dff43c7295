"""From the data settings to the data: the only place that knows every source.

A new data set is one file with a loader, one line in `SOURCES` and `configs/data/<name>.yaml`.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from gru_bench.config import DataConfig, PathsConfig
from gru_bench.data import (
    adding,
    canon,
    copy_memory,
    counting_languages,
    generated,
    mackey_glass,
    own,
    own_series,
    own_texts,
    python_source,
    sentiment_grammar,
)
from gru_bench.data.datasets import (
    catalogue,
    ett,
    imdb,
    mnist,
    poly_music,
    ptb,
    ptb_char,
    sp500,
    sst2,
    tiny_shakespeare,
    weather,
    wikitext2,
)
from gru_bench.data.noise import check_noise, make_noisy
from gru_bench.data.train_fraction import check_fraction, take_fraction
from gru_bench.errors import ConfigError, nearest
from gru_bench.files import home_expanded
from gru_bench.validation import bind

logger = logging.getLogger("gru_bench")

MIRROR_VARIABLE = "GRU_BENCH_MIRROR"
OWN_FILES = ("path", "valid_path", "test_path")
_SUPPLIED = frozenset({"mirror", "cache", "kind"})


@dataclass(frozen=True)
class Source:
    """A data source.

    Attributes:
        kinds: the kinds of data that it can give: `tokens`, `texts`, `series`, `sequences` or `pieces`.
        load: its loader, whose keyword parameters are its settings; with several kinds it is told the one wanted.
    """

    kinds: tuple[str, ...]
    load: Callable[..., Any]


SOURCES: Mapping[str, Source] = {
    "reber": Source(("tokens",), generated.load_reber),
    "python_source": Source(("tokens",), python_source.load),
    "tiny_shakespeare": Source(("tokens",), tiny_shakespeare.load),
    "ptb": Source(("tokens",), ptb.load),
    "ptb_char": Source(("tokens",), ptb_char.load),
    "wikitext2": Source(("tokens",), wikitext2.load),
    "text_file": Source(("tokens",), own.load_text_file),
    "mackey_glass": Source(("series",), mackey_glass.load),
    **{name: Source(("series",), ett.loader(name)) for name in ett.CARDS},
    "weather": Source(("series",), weather.load),
    "sp500": Source(("series",), sp500.load),
    "series_csv": Source(("series",), own_series.load_series_csv),
    "sentiment_grammar": Source(("texts",), sentiment_grammar.load),
    "sst2": Source(("texts",), sst2.load),
    "imdb": Source(("texts",), imdb.load),
    "text_csv": Source(("texts",), own_texts.load),
    "tfds": Source(("tokens", "texts"), catalogue.load),
    "adding": Source(("sequences",), adding.load),
    "copy": Source(("sequences",), copy_memory.load),
    "anbn": Source(("sequences",), counting_languages.loader("ab")),
    "anbncn": Source(("sequences",), counting_languages.loader("abc")),
    "mnist": Source(("sequences",), mnist.load),
    "canon": Source(("pieces",), canon.load),
    **{name: Source(("pieces",), poly_music.loader(name)) for name in poly_music.CARDS},
}


def check_data(config: DataConfig, task: str, accepts: Mapping[str, str]) -> None:
    """Check the data settings without reading anything.

    Args:
        config: the source and its options.
        task: the task's name.
        accepts: the kind of data that each task needs, by the task's name.

    Raises:
        ConfigError: an unknown source, a source of another kind, a wrong option, or a change that this kind of data
            does not allow.
    """
    source = _source(config)
    if accepts[task] not in source.kinds:
        fitting = ", ".join(name for name, other in SOURCES.items() if accepts[task] in other.kinds)
        takers = " or ".join(f"task={name}" for name, kind in accepts.items() if kind in source.kinds)
        hint = f"task={task} needs {accepts[task]}, this source gives {' or '.join(source.kinds)}: choose {takers}."
        raise ConfigError("data", config.source, fitting, hint)
    _options(config)
    check_fraction(accepts[task], config.train_fraction)
    check_noise(accepts[task], config.label_noise, config.input_noise)


def _source(config: DataConfig) -> Source:
    if config.source not in SOURCES:
        raise ConfigError("data", config.source, ", ".join(SOURCES), nearest(config.source, SOURCES))
    return SOURCES[config.source]


def _options(config: DataConfig) -> dict[str, Any]:
    return bind(_source(config).load, config.options, "data", supplied=_SUPPLIED)


def make_data(config: DataConfig, paths: PathsConfig, kind: str) -> Any:
    """Load what the settings name, preparing it first where that is needed, then cut it down and make it noisy.

    Args:
        config: the source and its options.
        paths: `mirror` (default: the variable GRU_BENCH_MIRROR) and `cache` (default: the user's cache folder).
        kind: the kind of data that the task needs.

    Returns:
        A `Corpus` for `tokens`, `LabelledTexts` for `texts`, a `Series` for `series`, `Sequences` for `sequences`,
        `Pieces` for `pieces`.

    Raises:
        ConfigError: a wrong setting, or a mirror that is no folder.
        DataError: the data is absent, damaged or unreadable, or too little is left of it.
    """
    source, options = _source(config), _options(config)
    if len(source.kinds) > 1:
        options["kind"] = kind
    data = source.load(mirror=find_mirror(paths), cache=find_cache(paths), **options)
    data = take_fraction(data, kind, config.train_fraction, config.draw_seed)
    return make_noisy(data, kind, config.label_noise, config.input_noise, config.draw_seed)


def file_digests(config: DataConfig) -> dict[str, str]:
    """Return the sha256 of each of the user's own files that the settings name, by setting; public data has none.

    Raises:
        ConfigError: a wrong setting.
        DataError: a file is absent or unreadable.
    """
    named = {f"data.{name}": value for name, value in _options(config).items() if name in OWN_FILES}
    return {key: hashlib.sha256(own.read_file(str(path), key)).hexdigest() for key, path in named.items() if path}


def check_files(config: DataConfig) -> None:
    """Check that the user's own files that the settings name are there.

    Raises:
        ConfigError: a wrong setting.
        DataError: a file is missing.
    """
    for name, path in _options(config).items():
        if name in OWN_FILES and path:
            own.existing_file(str(path), f"data.{name}")


def find_mirror(paths: PathsConfig) -> Path | None:
    """Return the folder of local copies, or None where none is set.

    Raises:
        ConfigError: it is set and is no folder.
    """
    found = paths.mirror or os.environ.get(MIRROR_VARIABLE)
    if not found:
        return None
    mirror = home_expanded(found, "paths.mirror")
    if not mirror.is_dir():
        origin = "" if paths.mirror else f"It comes from the variable {MIRROR_VARIABLE}; unset it or mend it."
        raise ConfigError(
            "paths.mirror", found, "an existing folder that holds files such as ptb/ptb.train.txt", origin
        )
    return mirror


def find_cache(paths: PathsConfig) -> Path:
    """Return the folder where downloads and prepared data are kept; it need not exist yet.

    Without a home folder, as of a user that the system does not know, it is one that ends with this process.
    """
    if paths.cache:
        return home_expanded(paths.cache, "paths.cache")
    try:
        found = platformdirs.user_cache_path("gru_bench")
    except RuntimeError:
        return _passing_cache()
    return found if found.is_absolute() else _passing_cache()


@functools.cache
def _passing_cache() -> Path:
    logger.warning("There is no home folder, so downloads and compiled programs are not kept. Set paths.cache.")
    folder = tempfile.mkdtemp(prefix="gru_bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
