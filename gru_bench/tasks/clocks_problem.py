"""Two clocks: what a fast and a slow register hold, at each time step; see `gru_bench.data.generated.two_clocks`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from gru_bench.data.generated import two_clocks
from gru_bench.data.generated.two_clocks import FAST, SLOW, VALUES
from gru_bench.data.sequences.sequences import Examples, Sequences
from gru_bench.models.network import Signature
from gru_bench.tasks.memory_pictures import by_place
from gru_bench.tasks.memory_problem import Outputs, Reference
from gru_bench.tasks.task import Batch, Sums

REGISTERS = 2
AGES = 20  # points of the figure


class Clocks:
    """Cross-entropy of both registers; a time step is right where both are."""

    metric = "right"
    direction: Literal["min", "max"] = "max"
    perfect = 1.0

    def __init__(self, form: Mapping[str, Any]):
        self._length = int(form["length"])

    @property
    def signature(self) -> Signature:
        """Inputs: blank and the values of both registers; outputs: a distribution for each register."""
        return Signature(symbols=SLOW + VALUES, outputs=REGISTERS * VALUES)

    def score(self, outputs: Outputs, batch: Batch) -> Sums:
        """Return the summed nll, the right values of each register, and those of the slow one by its age."""
        mask, values, age = batch["mask"], batch["targets"][..., :REGISTERS], batch["targets"][..., REGISTERS]
        logits = outputs.reshape(*outputs.shape[:-1], REGISTERS, VALUES)
        nll = -jnp.take_along_axis(jax.nn.log_softmax(logits), values[..., None], axis=-1).sum(axis=(-2, -1))
        right = (jnp.argmax(logits, axis=-1).astype(jnp.int32) == values) & mask[..., None]
        place = jnp.clip(age, 0, self._length - 1)
        none = jnp.zeros(self._length, jnp.int32)
        return {
            "loss": jnp.where(mask, nll, 0.0).sum(),
            "items": mask.sum(dtype=jnp.int32),
            "right": right.all(axis=-1).sum(dtype=jnp.int32),
            "registers": right.sum(axis=(0, 1), dtype=jnp.int32),
            "aged": none.at[place].add(mask.astype(jnp.int32)),
            "aged_right": none.at[place].add(right[..., 1].astype(jnp.int32)),
        }

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return the share of time steps at which both, the fast and the slow register are right, and nll per step."""
        items = int(sums["items"])
        fast, slow = (float(count) / items for count in np.asarray(sums["registers"]))
        return {
            "right": int(sums["right"]) / items,
            "fast_right": fast,
            "slow_right": slow,
            "nll": float(sums["loss"]) / items,
            "items": items,
        }

    def references(self, data: Sequences) -> Mapping[str, Reference]:
        """Know a value in the time step in which it is written alone, and else guess 0."""

        def memoryless(batch: Batch) -> np.ndarray:
            symbols = np.asarray(batch["inputs"])[..., None]
            written = [symbols == first + np.arange(VALUES) for first in (FAST, SLOW)]
            return 10.0 * np.concatenate(written, axis=-1).astype(np.float32)

        return {"memoryless": memoryless}

    def figures(self, sums: Mapping[str, Any]) -> Mapping[str, Figure]:
        """Return the share of wrong slow values by the time steps since they were written."""
        edges = np.unique(np.geomspace(1, self._length, AGES + 1).astype(int)) - 1
        asked, right = (np.add.reduceat(np.asarray(sums[name]), edges[:-1]) for name in ("aged", "aged_right"))
        picture = by_place(
            edges[:-1],
            1 - right / np.where(asked > 0, asked, np.nan),
            across="time steps since the slow register was written",
            up="share of its values that are wrong",
            level=("guessing", 1 - 1 / VALUES),
        )
        return {"error_by_age": picture}

    def read(self, text: str) -> Examples:
        """Parse a sequence of writes and blanks."""
        return two_clocks.read(text)

    def read_known(self, text: str) -> Examples:
        """Parse a sequence of writes and blanks; its targets are always known."""
        return self.read(text)

    def describe(self, example: Examples, outputs: np.ndarray) -> dict[str, Any]:
        """Return the symbols, and what both registers hold after the last one."""
        names = [".", *(f"f{value}" for value in range(VALUES)), *(f"s{value}" for value in range(VALUES))]
        fast, slow = outputs[-1].reshape(REGISTERS, VALUES).argmax(axis=1)
        return {
            "given": " ".join(names[symbol] for symbol in example.inputs[0]),
            "output": f"f{fast} s{slow}",
            "truth": f"f{example.targets[0, -1, 0]} s{example.targets[0, -1, 1]}",
        }
