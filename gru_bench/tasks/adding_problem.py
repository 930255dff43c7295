"""The adding problem: one output at the end of a sequence; see `gru_bench.data.generated.adding`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from gru_bench.data.generated import adding
from gru_bench.data.sequences.sequences import Examples, Sequences
from gru_bench.models.network import Signature
from gru_bench.tasks.memory_pictures import by_place
from gru_bench.tasks.memory_problem import Outputs, Reference
from gru_bench.tasks.task import Batch, Sums

TOLERANCE = 0.04
"""A sum with a smaller error counts as correct (Hochreiter & Schmidhuber 1997)."""

PLACES = 10  # equal parts of the first half, for the position of the first marked value


class Adding:
    """Squared error of the sum; always predicting 1 has 1/6."""

    metric = "mse"
    direction: Literal["min", "max"] = "min"
    perfect = 0.0

    def __init__(self, form: Mapping[str, Any]):
        self._length = int(form["length"])

    @property
    def signature(self) -> Signature:
        """Value and marker in, the sum out."""
        return Signature(channels=2, outputs=1)

    def score(self, outputs: Outputs, batch: Batch) -> Sums:
        """Return squared errors by the position of the first marked value, and the number of correct sums."""
        mask = batch["mask"]
        errors = jnp.where(mask, outputs[..., 0] - batch["targets"], 0.0)
        squared = (errors**2).sum(axis=1)
        marked = jnp.argmax(batch["inputs"][..., 1], axis=1).astype(jnp.int32)
        length = jnp.maximum(batch["padding"].sum(axis=1, dtype=jnp.int32), 1)
        place = jnp.minimum(marked * (2 * PLACES) // length, PLACES - 1)
        return {
            "loss": squared.sum(),
            "items": mask.sum(dtype=jnp.int32),
            "squared": jnp.zeros(PLACES).at[place].add(squared),
            "sequences": jnp.zeros(PLACES, jnp.int32).at[place].add(mask.sum(axis=1, dtype=jnp.int32)),
            "correct": (mask & (jnp.abs(errors) < TOLERANCE)).sum(dtype=jnp.int32),
        }

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return mse and the share of sequences whose sum has an error below 0.04."""
        items = int(sums["items"])
        return {"mse": float(sums["loss"]) / items, "correct": int(sums["correct"]) / items, "items": items}

    def references(self, data: Sequences) -> Mapping[str, Reference]:
        """Return the best constant prediction: the mean of the sum of two values within [0, 1)."""
        return {"always 1": lambda batch: np.ones((*batch["mask"].shape, 1), np.float32)}

    def figures(self, sums: Mapping[str, Any]) -> Mapping[str, Figure]:
        """Return the error by the time from the first marked value to the end."""
        count = np.asarray(sums["sequences"])
        error = np.asarray(sums["squared"]) / np.where(count > 0, count, np.nan)
        middle = self._length * (1 - (np.arange(PLACES) + 0.5) / (2 * PLACES))
        picture = by_place(
            middle,
            error,
            across="time steps from the first marked value to the end",
            up="squared error",
            level=("always 1", 1 / 6),
        )
        return {"error_by_distance": picture}

    def read(self, text: str) -> Examples:
        """Parse a line of numbers."""
        return adding.read(text)

    def read_known(self, text: str) -> Examples:
        """Parse a line of numbers; its sum is always known."""
        return adding.read(text)

    def describe(self, example: Examples, outputs: np.ndarray) -> dict[str, Any]:
        """Return the marked values, their predicted sum, and their sum."""
        values, markers = example.inputs[0].T
        places = np.flatnonzero(markers)
        terms = " + ".join(f"{values[place]:.4f}" for place in places)
        steps = " and ".join(str(place + 1) for place in places)
        end = int(np.flatnonzero(example.mask[0])[0])
        return {
            "given": f"{terms} at time steps {steps} of {end + 1}",
            "output": float(outputs[end, 0]),
            "sum": float(example.targets[0, end]),
        }
