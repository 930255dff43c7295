"""A reader of dialogues turn by turn: one vector per turn, for a context network above it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from gru_bench.models.builder import Cells


class TurnReader(nnx.Module):
    """The final hidden state of recurrent layers over the symbols of each turn, both directions together.

    With an encoder over these vectors, it is the hierarchical encoder of Sordoni et al. 2015 (arXiv:1507.02221) and
    Serban et al. 2016 (arXiv:1507.04808).

    Args:
        cells: the parts, as the settings define them.
        key: of the initial weights.
        symbols: size of the vocabulary.
        end: the symbol that ends each turn and fills it up; turns of this symbol alone are padding.
    """

    def __init__(self, cells: Cells, key: Array, symbols: int, end: int):
        embedding_key, stack_key = jax.random.split(key)
        self.embedding = cells.embedding(embedding_key, symbols)
        self.stack = cells.stack(stack_key, self.embedding.size)
        self.size = self.stack.layers[-1].output_size
        self.end = end

    def __call__(self, source: Int[Array, "batch turn symbol"]) -> Float[Array, "batch turn size"]:
        """Return the vector of each turn."""
        turns = source.reshape(-1, source.shape[-1])
        start, padding = self.stack.zero_carry(turns.shape[0]), until_end(turns, self.end)
        _, carry = self.stack.run(self.embedding(turns), start, padding=padding)
        hidden = [self.stack.layers[-1].cell.hidden(direction) for direction in carry[-1].values()]
        return jnp.concatenate(hidden, axis=-1).reshape(*source.shape[:-1], self.size)


def until_end(ids: Int[Array, "*leading symbol"], end: int) -> Bool[Array, "*leading symbol"]:
    """Return True for symbols up to the first end, and False for what fills a row up."""
    ends = ids == end
    return jnp.cumsum(ends, axis=-1) - ends.astype(jnp.int32) < 1
