"""Keras 3 on its JAX backend."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"  # Keras reads it once, while it is imported

import jax.numpy as jnp
import keras

from gru_bench.measure.layer import JaxImplementation, JaxLayer
from gru_bench.measurement import Point

_LAYERS: dict[str, Any] = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM, "rnn": keras.layers.SimpleRNN}


class Keras(JaxImplementation):
    """`keras.layers.GRU`, `LSTM` or `SimpleRNN`, called as a pure function of its variables."""

    def refusal(self, point: Point) -> str | None:
        """Return why it does not support a point here, or None."""
        if keras.backend.backend() != "jax":
            return f"it was imported with the {keras.backend.backend()} backend"
        return None if point.cell in _LAYERS else f"it has no {point.cell}"

    def layer(self, point: Point) -> JaxLayer:
        """Build the layer for a point."""
        shape = point.shape
        layer = _LAYERS[point.cell](
            shape.hidden,
            return_sequences=True,
            dtype=point.precision,
            recurrent_initializer="glorot_uniform",  # orthogonal, the default, has no bfloat16
        )
        layer.build((shape.batch, shape.time, shape.input))
        unused = [variable.value for variable in layer.non_trainable_variables]  # the state of its dropout
        unused_by_step = [variable.value for variable in layer.cell.non_trainable_variables]

        def apply(weights: Any, inputs: Any) -> Any:
            return layer.stateless_call(weights, unused, inputs.astype(point.precision))[0]

        def step(weights: Any, carry: Any, inputs: Any) -> Any:
            (output, carry), _ = layer.cell.stateless_call(
                weights, unused_by_step, inputs.astype(point.precision), carry
            )
            return carry, output

        weights = [variable.value for variable in layer.trainable_variables]
        carry = [jnp.asarray(state) for state in layer.get_initial_state(shape.batch)]
        return JaxLayer(weights, carry, apply, step)
