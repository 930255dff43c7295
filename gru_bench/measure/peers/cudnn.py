"""`jax.experimental.rnn`: the LSTM of cuDNN, called from JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import rnn

from gru_bench.measure.layer import JaxImplementation, JaxLayer
from gru_bench.measurement import Point


class Cudnn(JaxImplementation):
    """`jax.experimental.rnn.lstm`, one layer, batch first."""

    def refusal(self, point: Point) -> str | None:
        """Return why it does not support a point here, or None."""
        if jax.devices()[0].platform != "gpu":
            return "it needs a GPU"
        if point.cell != "lstm":
            return f"it has no {point.cell}"
        return None if point.precision == "float32" else "it computes in float32 alone"

    def layer(self, point: Point) -> JaxLayer:
        """Build the layer for a point."""
        shape = point.shape
        sizes = {"input_size": shape.input, "hidden_size": shape.hidden, "num_layers": 1, "bidirectional": False}
        weights = rnn.init_lstm_weight(jax.random.key(0), **sizes)

        def run(weights: Any, inputs: Any, carry: Any) -> Any:
            hidden, cell = carry
            lengths = jnp.full((shape.batch,), inputs.shape[1], dtype=jnp.int32)
            return rnn.lstm(inputs, hidden, cell, weights, lengths, dropout=0.0, **sizes)

        def apply(weights: Any, inputs: Any) -> Any:
            return run(weights, inputs, carry)[0]

        def step(weights: Any, carry: Any, inputs: Any) -> Any:
            output, hidden, cell = run(weights, inputs[:, None], carry)
            return (hidden, cell), output[:, 0]

        carry = (jnp.zeros((1, shape.batch, shape.hidden)), jnp.zeros((1, shape.batch, shape.hidden)))
        return JaxLayer(weights, carry, apply, step)
