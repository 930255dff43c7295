"""Copy memory: one output per time step; see `gru_bench.data.generated.copy_memory`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from gru_bench.data.generated import copy_memory
from gru_bench.data.generated.copy_memory import BLANK, KINDS, MARKER, REMEMBERED
from gru_bench.data.sequences.sequences import Examples, Sequences
from gru_bench.models.network import Signature
from gru_bench.tasks.memory_pictures import by_place
from gru_bench.tasks.memory_problem import Outputs, Reference
from gru_bench.tasks.task import Batch, Sums

IMPOSSIBLE = -1e9  # a logit


class Copy:
    """Cross-entropy over all time steps, in nats; the minimum without memory is 10 ln 8 / (T + 20)."""

    metric = "nll"
    direction: Literal["min", "max"] = "min"
    perfect = 0.0

    def __init__(self, form: Mapping[str, Any]):
        self._delay = int(form["delay"])

    @property
    def signature(self) -> Signature:
        """Inputs: symbols, blank and marker; outputs: symbols and blank."""
        return Signature(symbols=MARKER + 1, outputs=BLANK + 1)

    def score(self, outputs: Outputs, batch: Batch) -> Sums:
        """Return the summed nll, and the wrong symbols by their position among the remembered ones."""
        mask, targets = batch["mask"], batch["targets"]
        nll = -jnp.take_along_axis(jax.nn.log_softmax(outputs), targets[..., None], axis=2)[..., 0]
        wrong = mask & (jnp.argmax(outputs, axis=2).astype(jnp.int32) != targets)
        return {
            "loss": jnp.where(mask, nll, 0.0).sum(),
            "items": mask.sum(dtype=jnp.int32),
            "wrong": wrong[:, -REMEMBERED:].sum(axis=0, dtype=jnp.int32),
            "sequences": mask[:, -1].sum(dtype=jnp.int32),
        }

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return nll per time step, and the share of the remembered symbols that are recalled."""
        items, remembered = int(sums["items"]), REMEMBERED * int(sums["sequences"])
        return {
            "nll": float(sums["loss"]) / items,
            "recalled": 1 - float(np.asarray(sums["wrong"]).sum()) / remembered,
            "items": items,
        }

    def references(self, data: Sequences) -> Mapping[str, Reference]:
        """Return blanks up to the marker, then a uniform distribution over the symbols."""

        def memoryless(batch: Batch) -> np.ndarray:
            logits = np.full((*batch["mask"].shape, BLANK + 1), IMPOSSIBLE, np.float32)
            logits[:, :-REMEMBERED, BLANK] = 0.0
            logits[:, -REMEMBERED:, :KINDS] = 0.0
            return logits

        return {"memoryless": memoryless}

    def figures(self, sums: Mapping[str, Any]) -> Mapping[str, Figure]:
        """Return the share of wrong symbols by their position."""
        wrong = np.asarray(sums["wrong"]) / int(sums["sequences"])
        picture = by_place(
            np.arange(1, REMEMBERED + 1),
            wrong,
            across=f"place of the symbol; each is asked for {self._delay + REMEMBERED} time steps after it was read",
            up="share of wrong symbols",
            level=("guessing", 1 - 1 / KINDS),
        )
        return {"error_by_place": picture}

    def read(self, text: str) -> Examples:
        """Parse ten digits, with the delay of the training data."""
        return copy_memory.read(text, self._delay)

    def read_known(self, text: str) -> Examples:
        """Parse ten digits; their targets are always known."""
        return self.read(text)

    def describe(self, example: Examples, outputs: np.ndarray) -> dict[str, Any]:
        """Return the symbols to remember, the recalled ones (`_` is a blank), and the number of correct ones."""
        symbols, recalled = example.targets[0, -REMEMBERED:], outputs[-REMEMBERED:].argmax(axis=1)
        return {
            "given": "".join(map(str, symbols)),
            "output": "".join("_" if symbol == BLANK else str(symbol) for symbol in recalled),
            "right": int((symbols == recalled).sum()),
        }
