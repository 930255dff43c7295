"""How well tests compile: folders of tests whose small runs do little but compile go without most optimisations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import jax
import pytest


@contextmanager
def optimised(wanted: bool) -> Iterator[None]:
    """Compile with all optimisations or without most; the two differ in the last bits of results."""
    before: bool = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", not wanted)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(scope="module", autouse=True)
def compiled_fast() -> Iterator[None]:
    """Compile without most optimisations."""
    with optimised(False):
        yield
