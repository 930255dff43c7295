"""The base class of models: the recurrent layers and sizes that the loop, records and measurements need."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import jax
from flax import nnx

from gru_bench.models.stack import RecurrentLayer


class Model(nnx.Module):
    """A network that a task builds. Its inputs and outputs are an agreement with its task."""

    @property
    def recurrent(self) -> dict[str, RecurrentLayer]:
        """All recurrent layers by name, at any depth: `layer0`, or `decoder/layer0` in the part `decoder`."""
        layers = {path: node for path, node in nnx.iter_graph(self) if isinstance(node, RecurrentLayer)}
        return {_name(path): layers[path] for path in sorted(layers, key=lambda path: list(map(_sort_key, path)))}

    @property
    def parameters(self) -> dict[str, int]:
        """Exact numbers of trained values: in all `recurrent` layers, and in `total`."""
        recurrent = sum(map(count_parameters, self.recurrent.values()))
        return {"recurrent": recurrent, "total": count_parameters(self)}

    @property
    def parts(self) -> dict[str, int]:
        """Numbers of trained values by top-level part of the model."""
        counts: dict[str, int] = {}
        for path, leaf in nnx.to_flat_state(nnx.state(self, nnx.Param)):
            counts[str(path[0])] = counts.get(str(path[0]), 0) + math.prod(leaf.shape)
        return counts

    @property
    def products(self) -> list[str]:
        """The parts whose matrix products are counted as operations; records of older versions have fewer."""
        return ["all"]

    @property
    def carry_shapes(self) -> list[Any]:
        """The shapes of the carries of all recurrent layers, for one sequence."""
        return [
            jax.eval_shape(lambda cell=layer.cell: cell.zero_carry(1))
            for layer in self.recurrent.values()
            for _ in layer.weights
        ]

    @property
    def state_size(self) -> int:
        """The number of values in all carries."""
        return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(self.carry_shapes))


M = TypeVar("M", bound=nnx.Module)


def model_shapes(build: Callable[[], M]) -> M:
    """Return the module that `build` builds, with the shapes of its weights instead of weights."""
    return nnx.eval_shape(build)


def count_parameters(tree: Any) -> int:
    """Return the number of trained values of a module; shapes are enough."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(nnx.state(tree, nnx.Param)))


def _sort_key(part: Any) -> tuple[int, str]:
    return (part, "") if isinstance(part, int) else (-1, str(part))


def _name(path: tuple[Any, ...]) -> str:
    """Write a path as `decoder/layer0`, without the name of the list of a stack's layers."""
    parts = [f"layer{part}" if isinstance(part, int) else str(part) for part in path if part != "layers"]
    return "/".join(parts)
