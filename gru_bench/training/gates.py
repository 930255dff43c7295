"""The gates of a network on one batch, read as in training."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from gru_bench.models.network import Network
from gru_bench.tasks.task import Batch


def gate_activity(network: Network, batch: Batch) -> dict[str, float]:
    """Return mean and saturated share of the gates over the real time steps of a split's first batch, by name.

    The carry is reset where sequences start and passes padding, as in the loss; see `Network.gate_activity`.
    """
    activity = _activity(network, jnp.asarray(batch["inputs"]), real_steps(batch), batch.get("reset"))
    return {name: float(value) for name, value in jax.device_get(activity).items()}


def real_steps(batch: Batch) -> Bool[Array, "sequence time"]:
    """Return which time steps of a batch hold data: neither padding nor rows that only fill the batch.

    A batch without `padding` has a `mask` of time steps, or of whole sequences.
    """
    if "padding" in batch:
        return jnp.asarray(batch["padding"])
    mask = jnp.asarray(batch["mask"])
    return mask if mask.ndim == 2 else jnp.broadcast_to(mask[:, None], batch["inputs"].shape[:2])


@jax.jit
def _activity(network: Network, inputs: Array, padding: Array, reset: Array | None) -> dict[str, Array]:
    return network.gate_activity(inputs, network.zero_carry(inputs.shape[0]), padding, reset)
