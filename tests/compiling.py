"""How well tests compile: folders of tests whose small runs do little but compile go without most optimisations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import jax
import pytest


@contextmanager
def optimised(wanted: bool) -> Iterator[None]:
    """Compile with all optimisations or without most; the two differ in the last bits of results."""
    before = not jax.config.read("jax_disable_most_optimizations")
    _set(wanted)
    try:
        yield
    finally:
        _set(before)


def _set(optimise: bool) -> None:
    jax.config.update("jax_disable_most_optimizations", not optimise)
    # without a meaning on a CPU; by it, not by the one above, JAX tells apart what it keeps of what it has compiled
    jax.config.update("jax_xla_profile_version", int(not optimise))


@pytest.fixture(scope="module", autouse=True)
def compiled_fast() -> Iterator[None]:
    """Compile without most optimisations."""
    with optimised(False):
        yield
