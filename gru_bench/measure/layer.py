"""A compiled recurrent layer, ready to be timed at a point."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from gru_bench.measure.kernels import kernels_of
from gru_bench.measurement import Point
from gru_bench.training.step import needed_bytes

CALLS_PER_STEP_TIMING = 100


@dataclass(frozen=True)
class Prepared:
    """A compiled layer.

    Attributes:
        run: does the work `calls` times and returns when the device is done.
        calls: repetitions per run, so that short work is long compared with the noise of the clock.
        kernel: the library calls for the products.
        parameter_bytes: bytes of its weights.
        compile_seconds: tracing and compilation; None if nothing is compiled.
        step_bytes: memory of the compiled program; None if unknown.
    """

    run: Callable[[], Any]
    kernel: str
    parameter_bytes: int
    calls: int = 1
    compile_seconds: float | None = None
    step_bytes: int | None = None


@runtime_checkable
class Implementation(Protocol):
    """A library's recurrent layer."""

    def refusal(self, point: Point) -> str | None:
        """Return why it does not support a point here, or None."""
        ...

    def prepare(self, point: Point) -> Prepared:
        """Build and compile the layer for a point."""
        ...


class JaxLayer(NamedTuple):
    """A layer in JAX.

    Attributes:
        weights: a tree of arrays.
        carry: the carry before the first time step of one sequence.
        apply: (weights, inputs by batch and time) -> all hidden states by batch and time.
        step: (weights, carry, inputs of one time step) -> the carry after it and the hidden state.
    """

    weights: Any
    carry: Any
    apply: Callable[[Any, Any], Any]
    step: Callable[[Any, Any, Any], tuple[Any, Any]]


class JaxImplementation(ABC):
    """A library whose layers are JAX functions, which are all compiled and called in the same way."""

    @abstractmethod
    def refusal(self, point: Point) -> str | None:
        """Return why it does not support a point here, or None."""

    @abstractmethod
    def layer(self, point: Point) -> JaxLayer:
        """Build the layer for a point."""

    def prepare(self, point: Point) -> Prepared:
        """Build and compile the layer for a point."""
        return prepare_layer(self.layer(point), point)


def operands(point: Point) -> tuple[np.ndarray, np.ndarray]:
    """Return the same random inputs and cotangent of the hidden states for every implementation, batch first."""
    batch, time_steps, inputs, hidden = point.shape
    random = np.random.default_rng(0)
    x = random.normal(size=(batch, time_steps, inputs)).astype(np.float32)
    return x, random.normal(size=(batch, time_steps, hidden)).astype(np.float32)


def random_weights(shapes: dict[str, tuple[int, ...]]) -> dict[str, jax.Array]:
    """Return weights small enough to avoid saturated gates and denormal numbers."""
    random = np.random.default_rng(1)
    return {
        name: jnp.asarray(random.normal(size=shape) / np.sqrt(shape[0]), dtype=jnp.float32)
        for name, shape in shapes.items()
    }


def prepare_layer(layer: JaxLayer, point: Point) -> Prepared:
    """Compile a layer's work at a point: hidden states, gradients for a fixed cotangent, or one time step."""
    leaves, structure = jax.tree.flatten(layer.weights)  # calls are timed, so arguments are plain lists of arrays
    inputs, cotangent = map(jnp.asarray, operands(point))

    def forward(leaves: list[Any], inputs: Any) -> Any:
        return layer.apply(jax.tree.unflatten(structure, leaves), inputs)

    def training(leaves: list[Any], inputs: Any, cotangent: Any) -> Any:
        def loss(leaves: list[Any], inputs: Any) -> Any:
            return jnp.sum(forward(leaves, inputs).astype(jnp.float32) * cotangent)

        return jax.value_and_grad(loss, argnums=(0, 1))(leaves, inputs)

    def step(carry: Any, leaves: list[Any], inputs: Any) -> Any:
        return layer.step(jax.tree.unflatten(structure, leaves), carry, inputs)

    if point.what == "step":
        return prepare_step(step, jax.tree.map(jnp.copy, layer.carry), (leaves, inputs[:, 0]), leaves)
    if point.what == "forward":
        return prepare_function(forward, (leaves, inputs), leaves)
    return prepare_function(training, (leaves, inputs, cotangent), leaves)


def prepare_function(function: Callable[..., Any], arguments: tuple[Any, ...], weights: Any) -> Prepared:
    """Compile a function of arrays."""
    executable, seconds = _compile(jax.jit(function), arguments)
    return Prepared(
        run=lambda: jax.block_until_ready(executable(*arguments)),
        kernel=kernels_of(executable.as_text() or ""),
        parameter_bytes=tree_bytes(weights),
        compile_seconds=seconds,
        step_bytes=needed_bytes(executable),
    )


def prepare_step(function: Callable[..., Any], carry: Any, arguments: tuple[Any, ...], weights: Any) -> Prepared:
    """Compile one time step, which updates its carry in place from call to call."""
    executable, seconds = _compile(jax.jit(function, donate_argnums=0), (carry, *arguments))
    state = [carry]

    def run() -> None:
        for _ in range(CALLS_PER_STEP_TIMING):
            state[0], output = executable(state[0], *arguments)
            jax.block_until_ready(output)

    return Prepared(
        run=run,
        calls=CALLS_PER_STEP_TIMING,
        kernel=kernels_of(executable.as_text() or ""),
        parameter_bytes=tree_bytes(weights),
        compile_seconds=seconds,
        step_bytes=needed_bytes(executable),
    )


def _compile(function: Any, arguments: tuple[Any, ...]) -> tuple[Any, float]:
    start = time.perf_counter()
    executable = function.lower(*arguments).compile()
    return executable, time.perf_counter() - start


def tree_bytes(tree: Any) -> int:
    """Return the bytes of all arrays of a tree; shapes and dtypes suffice."""
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
