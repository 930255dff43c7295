"""The decorator of data sources: their keyword parameters are their settings, `gives` declares their kinds of data."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from gru_bench.validation import settings

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


def with_settings_of(base: Callable[..., Any]) -> Callable[[Loader], Loader]:
    """Let a loader that passes further keywords on declare the settings of another one beside its own."""

    def extend(loader: Loader) -> Loader:
        signature = inspect.signature(loader, eval_str=True)
        own = {name: one for name, one in signature.parameters.items() if one.kind is one.KEYWORD_ONLY}
        parameters, returned = settings(base) | own, signature.return_annotation
        loader.__annotations__ = {name: one.annotation for name, one in parameters.items()} | {"return": returned}
        loader.__dict__["__signature__"] = inspect.Signature(list(parameters.values()), return_annotation=returned)
        return loader

    return extend
