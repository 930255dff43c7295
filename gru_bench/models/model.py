"""What the loop, the records and the measurements know of a network: its recurrent layers and its size."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import jax
from flax import nnx

from gru_bench.models.stack import RecurrentLayer


class Model(nnx.Module):
    """A network that a task builds. What it is called with and what it returns is between it and its task."""

    @property
    def recurrent(self) -> dict[str, RecurrentLayer]:
        """All recurrent layers by name, wherever they are: `layer0`, or `decoder/layer0` in a part called so."""
        layers = {path: node for path, node in nnx.iter_graph(self) if isinstance(node, RecurrentLayer)}
        return {_name(path): layers[path] for path in sorted(layers, key=lambda path: list(map(_sort_key, path)))}

    @property
    def parameters(self) -> dict[str, int]:
        """Exact counts of trained values: of all `recurrent` layers, and `total`."""
        recurrent = sum(map(count_parameters, self.recurrent.values()))
        return {"recurrent": recurrent, "total": count_parameters(self)}

    @property
    def parts(self) -> dict[str, int]:
        """Counts of trained values by top-level part, as the model calls them."""
        counts: dict[str, int] = {}
        for path, leaf in nnx.to_flat_state(nnx.state(self, nnx.Param)):
            counts[str(path[0])] = counts.get(str(path[0]), 0) + math.prod(leaf.shape)
        return counts

    @property
    def products(self) -> list[str]:
        """The parts whose matrix products count as operations; it differs between records of several versions."""
        return ["all"]

    @property
    def carry_shapes(self) -> list[Any]:
        """The shapes of what all recurrent layers carry from a time step to the next, for one sequence."""
        return [
            jax.eval_shape(lambda cell=layer.cell: cell.zero_carry(1))
            for layer in self.recurrent.values()
            for _ in layer.weights
        ]

    @property
    def state_size(self) -> int:
        """How many numbers that are."""
        return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(self.carry_shapes))


M = TypeVar("M", bound=nnx.Module)


def model_shapes(build: Callable[[], M]) -> M:
    """Return what `build` builds, with the shapes of its weights instead of weights: nothing is computed."""
    return nnx.eval_shape(build)


def count_parameters(tree: Any) -> int:
    """Return the number of trained values of a model or a part of one; shapes are enough."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(nnx.state(tree, nnx.Param)))


def _sort_key(part: Any) -> tuple[int, str]:
    return (part, "") if isinstance(part, int) else (-1, str(part))


def _name(path: tuple[Any, ...]) -> str:
    """Write a path as `decoder/layer0`: the list of a stack's layers has no name of its own."""
    parts = [f"layer{part}" if isinstance(part, int) else str(part) for part in path if part != "layers"]
    return "/".join(parts)
