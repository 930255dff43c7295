"""The decorator of data sources: their keyword parameters are their settings, `gives` declares their kinds of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Loader = TypeVar("Loader", bound=Callable[..., Any])


def gives(*kinds: str) -> Callable[[Loader], Loader]:
    """Declare a loader as a data source.

    A loader is called with `mirror`, a folder of local copies or None, `cache`, a folder for downloads, and its
    settings; for a source of several kinds, also with `kind`, the one to return. Its result has `facts`, plain values
    for the run record including a `digest` of the data, and `describe()`, the plain values that a trained model needs
    when the data is absent. If settings may change the data (a share of it, or noise), its class, given by the return
    annotation, is a subclass of `gru_bench.data.data_set.DataSet`.

    Args:
        kinds: names of kinds of data; the `accepts` of a task names one of them.
    """

    def mark(loader: Loader) -> Loader:
        loader.kinds = kinds  # pyright: ignore[reportFunctionMemberAccess]
        return loader

    return mark
