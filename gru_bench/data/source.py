"""What makes a function a data source: its keyword parameters are its settings, a mark says what it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Loader = TypeVar("Loader", bound=Callable[..., Any])


def gives(*kinds: str) -> Callable[[Loader], Loader]:
    """Mark a loader as a data source.

    It is called with `mirror`, a folder of local copies or None, `cache`, a folder for downloads, and its settings;
    one that gives several kinds is also called with `kind`, the one that is wanted. What it returns has `facts`, plain
    values for the run record with a `digest` of the data among them, and `describe()`, plain values that a trained
    model needs to be used without the data.

    Args:
        kinds: names of kinds; a task takes the kind that its `accepts` names.
    """

    def mark(loader: Loader) -> Loader:
        loader.kinds = kinds  # pyright: ignore[reportFunctionMemberAccess]
        return loader

    return mark
