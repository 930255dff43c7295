"""Strict JAX, no silent change of dtype or rank, in what these tests run, compiled without most optimisations."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import pytest

from tests.compiling import compiled_fast

__all__ = ["compiled_fast"]


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    """Run every test under strict dtype promotion, with rank promotion an error."""
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield
