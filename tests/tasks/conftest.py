"""Tests of this folder compile without most optimisations."""

from tests.compiling import compiled_fast

__all__ = ["compiled_fast"]
