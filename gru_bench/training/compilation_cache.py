"""Compiled programs kept on disk, so that the same run starts faster the next time."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import platform
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache.compilation_cache import reset_cache

from gru_bench.training.environment import processor_features, threads

logger = logging.getLogger("gru_bench")

_TROUBLE = r"Error (reading|writing) persistent compilation cache entry"


@contextlib.contextmanager
def compiled_programs_kept(cache: Path) -> Iterator[None]:
    """Let JAX look for compiled programs in a folder of the cache, and put there what it compiles.

    The folder is one for this processor and number of threads: XLA compiles for both, and JAX's keys tell neither.
    A folder that cannot be written is a warning and no more. An entry that cannot be read (it is damaged, or another
    process is about to write it) is compiled again and leaves the folder with all others, because JAX does not replace
    it. Settings of JAX's own (JAX_COMPILATION_CACHE_DIR, JAX_ENABLE_COMPILATION_CACHE=false) take precedence.

    Args:
        cache: the folder of all that is kept between runs.
    """
    if _setting("jax_compilation_cache_dir") is not None or not _setting("jax_enable_compilation_cache"):
        yield
        return
    folder = cache / "compiled" / _machine()
    if not _writable(folder):
        yield
        return
    settings = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
        "jax_persistent_cache_enable_xla_caches": "none",  # they would make the folder's name a part of each key
    }
    before = {name: _setting(name) for name in settings}
    trouble: list[str] = []
    with warnings.catch_warnings():
        warnings.filterwarnings("always", message=_TROUBLE)
        warnings.showwarning = _listener(trouble, warnings.showwarning)
        _configure(settings)
        try:
            yield
        finally:
            _configure(before)
            if trouble:
                _clear(folder, trouble[0])


def _setting(name: str) -> Any:
    return getattr(jax.config, name)


def _configure(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        jax.config.update(name, value)
    reset_cache()  # JAX opens its folder once


def _machine() -> str:
    machine = f"{platform.machine()} {processor_features()} {threads()}"
    return hashlib.sha256(machine.encode()).hexdigest()[:16]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError as error:
        logger.warning("Compiled programs are not kept: %s: %s. Set paths.cache.", folder, error.strerror or error)
        return False


def _listener(trouble: list[str], otherwise: Any) -> Any:
    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if str(message).startswith("Error") and "persistent compilation cache entry" in str(message):
            trouble.append(str(message))
        else:
            otherwise(message, category, *place, **more)

    return show


def _clear(folder: Path, trouble: str) -> None:
    logger.warning("The compiled programs in %s are removed and will be compiled again. JAX: %s", folder, trouble)
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            path.unlink()
