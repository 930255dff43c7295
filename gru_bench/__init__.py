"""GRU or LSTM? Fair, resumable, tracked comparisons of recurrent cells."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Load `load_run`, `compare` and `__version__` when asked for; importing the package alone has no side effects."""
    if name == "load_run":
        from gru_bench.training.saved import load_run

        return load_run
    if name == "compare":
        return import_module("gru_bench.compare")
    if name == "__version__":
        from importlib.metadata import version

        return version("gru_bench")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
