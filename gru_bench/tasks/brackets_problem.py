"""Nested brackets: the kind of the one that closes next; see `gru_bench.data.generated.brackets`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from gru_bench.data.generated import brackets
from gru_bench.data.generated.brackets import CLOSING, KINDS, SYMBOLS
from gru_bench.data.sequences.sequences import Examples, Sequences
from gru_bench.errors import DataError
from gru_bench.models.network import Signature
from gru_bench.tasks.memory_pictures import by_place
from gru_bench.tasks.memory_problem import Outputs, Reference
from gru_bench.tasks.task import Batch, Sums

LEARNED = 0.99  # share right, from which on a depth counts as learned


class Brackets:
    """Cross-entropy of the kind of each closing bracket, one time step before it."""

    metric = "right"
    direction: Literal["min", "max"] = "max"
    perfect = 1.0

    def __init__(self, form: Mapping[str, Any]):
        self._depth, self._deepest, self._length = (int(form[name]) for name in ("depth", "test_depth", "length"))

    @property
    def signature(self) -> Signature:
        """Inputs: filler and brackets; outputs: the kinds."""
        return Signature(symbols=len(SYMBOLS), outputs=KINDS)

    def score(self, outputs: Outputs, batch: Batch) -> Sums:
        """Return the summed nll, and the numbers of closing brackets and of right ones by depth and by distance."""
        mask, kind = batch["mask"], batch["targets"][..., 0]
        nll = -jnp.take_along_axis(jax.nn.log_softmax(outputs), kind[..., None], axis=-1)[..., 0]
        right = mask & (jnp.argmax(outputs, axis=-1).astype(jnp.int32) == kind)
        sums = {"loss": jnp.where(mask, nll, 0.0).sum(), "items": mask.sum(dtype=jnp.int32)}
        for name, column, size in (("deep", 1, self._deepest), ("far", 2, self._length)):
            place = jnp.clip(batch["targets"][..., column] - 1, 0, size - 1)
            none = jnp.zeros(size, jnp.int32)
            sums[name] = none.at[place].add(mask.astype(jnp.int32))
            sums[f"{name}_right"] = none.at[place].add(right.astype(jnp.int32))
        return sums

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return the share of right brackets, the depth up to which 99 % of them are right, and nll per bracket."""
        items, share = int(sums["items"]), _shares(sums, "deep")
        learned = np.where(np.isnan(share), True, share >= LEARNED).cumprod()
        return {
            "right": float(np.asarray(sums["deep_right"]).sum()) / items,
            "deepest": float((learned * ~np.isnan(share)).sum()),
            "nll": float(sums["loss"]) / items,
            "items": items,
        }

    def references(self, data: Sequences) -> Mapping[str, Reference]:
        """Close the bracket that was opened last, whether it is still open or not."""

        def last_opened(batch: Batch) -> np.ndarray:
            symbols = np.asarray(batch["inputs"])
            opening = (symbols > 0) & (symbols <= KINDS)
            last = np.maximum.accumulate(np.where(opening, np.arange(symbols.shape[1]), 0), axis=1)
            kind = np.take_along_axis(symbols, last, axis=1) - 1
            return 3.0 * np.eye(KINDS, dtype=np.float32)[np.clip(kind, 0, KINDS - 1)]

        return {"last opened": last_opened}

    def figures(self, sums: Mapping[str, Any]) -> Mapping[str, Figure]:
        """Return the shares of right brackets by depth and by distance to their match."""
        depth = by_place(
            np.arange(1, self._deepest + 1),
            _shares(sums, "deep"),
            across="open brackets",
            up="share of closing brackets predicted right",
            level=("guessing", 1 / KINDS),
            until=("greatest depth in training", float(self._depth)),
        )
        distance = by_place(
            np.arange(1, self._length + 1),
            _shares(sums, "far"),
            across="time steps since its match was read",
            up="share of closing brackets predicted right",
            level=("guessing", 1 / KINDS),
        )
        return {"right_by_depth": depth, "right_by_distance": distance}

    def read(self, text: str) -> Examples:
        """Parse brackets, some of which may be open at the end."""
        return brackets.read(text)

    def read_known(self, text: str) -> Examples:
        """Parse brackets with a bracket to close."""
        example = self.read(text)
        if not example.mask.any():
            raise DataError(f"{text!r}: expected a bracket to close, as in ([.])")
        return example

    def describe(self, example: Examples, outputs: np.ndarray) -> dict[str, Any]:
        """Return the symbols, what closes next by the network and in truth (nothing where no bracket is open)."""
        kind, depth, _ = example.targets[0, -1]
        asked = example.mask[0]
        right = outputs[asked].argmax(axis=1) == example.targets[0, asked, 0]
        return {
            "given": "".join(SYMBOLS[symbol] for symbol in example.inputs[0]),
            "output": CLOSING[outputs[-1].argmax()] if depth else "nothing is open",
            "truth": CLOSING[kind] if depth else "nothing is open",
            "right": f"{right.sum()} of {len(right)}",
        }


def _shares(sums: Mapping[str, Any], name: str) -> np.ndarray:
    """Return the share of right brackets by place; nan where there was none."""
    asked = np.asarray(sums[name])
    return np.asarray(sums[f"{name}_right"]) / np.where(asked > 0, asked, np.nan)
