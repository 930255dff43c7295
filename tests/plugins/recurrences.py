"""A label per time step of sequences of different lengths: does the symbol come again later?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gru_bench.data.batches.base import Batches, pad_axis
from gru_bench.data.random import permutation
from gru_bench.data.source import gives
from gru_bench.models.network import Network, Signature
from gru_bench.tasks.task import Loss, Prediction, Sample, Task
from gru_bench.validation import Natural, Positive

SYMBOLS, LENGTHS = 5, (6, 12)
Tagged = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Sequences:
    """Symbols with a label each, by split."""

    splits: Mapping[str, Tagged]
    facts: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        return {"symbols": SYMBOLS}


def tagged(symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels = [symbol in symbols[place + 1 :] for place, symbol in enumerate(symbols)]
    return symbols.astype(np.int32), np.array(labels, np.int32)


@gives("tagged")
def load(*, mirror: Path | None, cache: Path, size: Positive = 64, seed: Natural = 0) -> Sequences:
    draw = np.random.default_rng(seed)
    sizes = {"train": size, "valid": size // 2, "test": size // 2}
    splits = {
        split: [tagged(draw.integers(SYMBOLS, size=draw.integers(3, LENGTHS[-1] + 1))) for _ in range(count)]
        for split, count in sizes.items()
    }
    digest = hashlib.sha256(b"".join(row.tobytes() for rows in splits.values() for row, _ in rows)).hexdigest()
    return Sequences(splits, {"digest": digest})


class TaggedBatches(Batches[dict[str, Any]]):
    """Short sequences and long ones apart; the order of the batches is drawn anew in each epoch."""

    axes = MappingProxyType({"inputs": "time", "labels": "time", "mask": "time"})

    def __init__(self, rows: Tagged, batch_size: int, seed: int | None = None):
        self._seed, self._size = seed, batch_size
        self._groups = []
        for shortest, longest in zip((0, *LENGTHS), LENGTHS, strict=False):
            group = [row for row in rows if shortest < len(row[0]) <= longest]
            self._groups += [(group[at : at + batch_size], longest) for at in range(0, len(group), batch_size)]

    def __len__(self) -> int:
        return len(self._groups)

    def arrange(self, epoch: int) -> Any:
        return range(len(self)) if self._seed is None else permutation(self._seed, epoch, len(self))

    def make(self, epoch: int, index: int) -> dict[str, Any]:
        rows, length = self._groups[int(self.order(epoch)[index])]
        columns = [[*rows, *[(row[:0], row[:0]) for row, _ in rows[:1]] * (self._size - len(rows))]]
        inputs, labels = (np.stack([pad_axis(row[part][None], length)[0] for row in columns[0]]) for part in (0, 1))
        mask = np.arange(length) < np.array([len(row) for row, _ in columns[0]])[:, None]
        return {"inputs": inputs, "labels": labels, "mask": mask}

    def kinds(self) -> list[tuple[dict[str, Any], int]]:
        lengths = [length for _, length in self._groups]
        found = {self.at(0, index)["inputs"].shape[1]: self.at(0, index) for index in range(len(self))}
        return [(found[length], lengths.count(length)) for length in sorted(found)]


class Recurrences(Task):
    """Tell of each symbol whether it comes again."""

    accepts = "tagged"
    causal = False
    metric = "accuracy"
    direction = "max"
    item = "symbols"

    def __init__(self, description: Mapping[str, Any], *, samples: Natural = 2):
        self._symbols, self._samples = description["symbols"], samples

    @property
    def signature(self) -> Signature:
        return Signature(symbols=self._symbols, outputs=2)

    def describe(self) -> dict[str, Any]:
        return {"symbols": self._symbols}

    def train_batches(self, data: Sequences, training: Any, seed: int) -> TaggedBatches:
        return TaggedBatches(data.splits["train"], training.batch_size, seed)

    def eval_batches(self, data: Sequences, split: str, training: Any) -> TaggedBatches:
        return TaggedBatches(data.splits[split][: len(data.splits["test"])], training.eval_batch_size)

    def loss(self, network: Network, batch: Any, carry: Any, key: Any) -> Loss:
        nll = self._nll(network, batch, key)
        return Loss(jnp.where(batch["mask"], nll, 0.0).sum(), batch["mask"].sum(dtype=jnp.float32), ())

    def score(self, network: Network, batch: Any, carry: Any) -> tuple[Any, dict[str, Any]]:
        right = batch["mask"] & (self._nll(network, batch, None) < jnp.log(2.0))
        return (), {"right": right.sum(dtype=jnp.int32), "items": batch["mask"].sum(dtype=jnp.int32)}

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        return {"accuracy": float(sums["right"]) / int(sums["items"]), "items": int(sums["items"])}

    def baselines(self, data: Sequences) -> dict[str, dict[str, float]]:
        labels = np.concatenate([labels for _, labels in data.splits["test"]])
        return {"always": {"accuracy": float(labels.mean())}}

    def samples(self, network: Network, data: Sequences, seed: int) -> list[Sample]:
        rows = [symbols for symbols, _ in data.splits["test"][: self._samples]]
        return [Sample(str(row.tolist()), str(self._labels(network, row))) for row in rows]

    def predict(self, network: Network, *sequences: str) -> Prediction:
        """Label sequences.

        Args:
            network: the trained network
            sequences: digits, such as 01231
        """
        rows = [np.array([int(sign) for sign in text], np.int32) for text in sequences]
        found = [
            {"sequence": text, "labels": self._labels(network, row)} for text, row in zip(sequences, rows, strict=True)
        ]
        return Prediction("\n".join(f"{row['sequence']}: {row['labels']}" for row in found), found)

    def _labels(self, network: Network, symbols: np.ndarray) -> list[int]:
        outputs, _ = network(jnp.asarray(symbols)[None], network.zero_carry(1))
        return jnp.argmax(outputs[0], axis=-1).tolist()

    def _nll(self, network: Network, batch: Any, key: Any) -> jax.Array:
        carry = network.zero_carry(batch["inputs"].shape[0])
        logits, _ = network(batch["inputs"], carry, padding=batch["mask"], key=key)
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), batch["labels"][..., None], axis=2)[..., 0]
