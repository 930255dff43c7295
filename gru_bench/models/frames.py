"""A small convolution that turns each frame of a video into features, the same for every cell."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, UInt8

from gru_bench.cells.base import spread
from gru_bench.models.initializers import Initializer
from gru_bench.models.products import product

KERNEL = 3
"""Pixels of a window, in a row and in a column."""


class Frames(nnx.Module):
    """Convolutions over windows of 3 x 3 pixels, two pixels apart, then an affine map of all that is left of a frame.

    Each convolution halves rows and columns, rounded up; a rectified linear unit follows each of the maps. Windows are
    gathered and multiplied as one matrix product, so that their operations are counted and their precision is that of
    the recurrent layers.

    Args:
        key: of the initial weights.
        shape: rows, columns and channels of a frame.
        size: features of a frame.
        initializer: of the weights.
        precision: dtype of the products.
        filters: outputs of each convolution.
    """

    def __init__(
        self,
        key: Array,
        shape: tuple[int, int, int],
        size: int,
        initializer: Initializer,
        precision: str,
        filters: Sequence[int] = (16, 32),
    ):
        height, width, channels = shape
        shapes = []
        for count in filters:
            shapes.append((KERNEL**2 * channels, count))
            height, width, channels = -(-height // 2), -(-width // 2), count
        shapes.append((height * width * channels, size))
        keys = jax.random.split(key, (2, len(shapes)))
        kernels = [initializer(key, "kernel", shape) for key, shape in zip(keys[0], shapes, strict=True)]
        biases = [initializer(key, "bias", shape[1:]) for key, shape in zip(keys[1], shapes, strict=True)]
        self.kernels = nnx.data([nnx.Param(kernel) for kernel in kernels])
        self.biases = nnx.data([nnx.Param(bias) for bias in biases])
        self.size, self.precision = size, precision

    def __call__(self, frames: Float[Array, "*leading height width channel"]) -> Float[Array, "*leading size"]:
        """Return the features of each frame; values of about unit scale."""
        leading = frames.shape[:-3]
        values = frames.reshape(-1, *frames.shape[-3:])
        for layer in range(len(self.kernels) - 1):
            values = self._map(layer, windows(values))
        return self._map(-1, values.reshape(*leading, -1))

    def _map(self, layer: int, values: Float[Array, "*leading inputs"]) -> Float[Array, "*leading outputs"]:
        projected = product(values, self.kernels[layer][...], self.precision)
        return jax.nn.relu(projected + spread(self.biases[layer][...], projected))


class Pixels(nnx.Module):
    """The encoder of videos whose pixels are the channels of a time step, row by row: `Frames` of them."""

    def __init__(self, frames: Frames, shape: tuple[int, int, int]):
        self.frames, self.shape, self.size = frames, shape, frames.size

    def __call__(self, values: Float[Array, "*leading pixel"]) -> Float[Array, "*leading size"]:
        """Return the features of each frame."""
        return self.frames(values.reshape(*values.shape[:-1], *self.shape))


def windows(frames: Float[Array, "frame height width channel"]) -> Float[Array, "frame rows columns inputs"]:
    """Return the window around every second pixel in a row and in a column, with zeros beyond the border."""
    padded = jnp.pad(frames, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = frames.shape[1:3]
    shifted = [
        padded[:, row : row + height : 2, column : column + width : 2]
        for row, column in itertools.product(range(KERNEL), repeat=2)
    ]
    return jnp.concatenate(shifted, axis=-1)


class ByteFrames(Frames):
    """The features of frames of bytes, of which 255 becomes 1."""

    def __call__(self, frames: UInt8[Array, "*leading height width channel"]) -> Float[Array, "*leading size"]:
        """Return the features of each frame."""
        return super().__call__(frames.astype(jnp.float32) / 255.0)
