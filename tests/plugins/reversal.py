"""Two sequences and an encoder-decoder: write a sequence backwards; exact matches are decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from gru_bench.data.batches.base import Batches
from gru_bench.data.random import permutation
from gru_bench.data.source import gives
from gru_bench.models.builder import Cells
from gru_bench.models.model import Model
from gru_bench.tasks.task import Loss, Prediction, Task
from gru_bench.validation import Natural, Positive

SYMBOLS, END, LONGEST = 6, 0, 5  # symbol 0 ends a target and begins it


@dataclass(frozen=True)
class Pairs:
    """Sequences and what is to be written of them, by split."""

    splits: Mapping[str, list[np.ndarray]]
    facts: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        return {}


@gives("reversal")
def load(*, mirror: Path | None, cache: Path, size: Positive = 64, seed: Natural = 0) -> Pairs:
    draw = np.random.default_rng(seed)
    sizes = {"train": size, "valid": 16, "test": 16}
    splits = {
        split: [draw.integers(1, SYMBOLS, size=draw.integers(1, LONGEST + 1)) for _ in range(count)]
        for split, count in sizes.items()
    }
    digest = hashlib.sha256(b"".join(row.tobytes() for rows in splits.values() for row in rows)).hexdigest()
    return Pairs(splits, {"digest": digest})


class PairBatches(Batches[dict[str, Any]]):
    """Pairs side by side: source and target have a time axis each."""

    axes = MappingProxyType(
        {"source": "source", "source_mask": "source", "read": "target", "target": "target", "mask": "target"}
    )

    def __init__(self, rows: Sequence[np.ndarray], batch_size: int, seed: int | None = None):
        self._rows, self._size, self._seed = rows, batch_size, seed

    def __len__(self) -> int:
        return -(-len(self._rows) // self._size)

    def arrange(self, epoch: int) -> Any:
        return range(len(self._rows)) if self._seed is None else permutation(self._seed, epoch, len(self._rows))

    def make(self, epoch: int, index: int) -> dict[str, Any]:
        places = self.order(epoch)[index * self._size : (index + 1) * self._size]
        source, target = np.zeros((self._size, LONGEST), np.int32), np.zeros((self._size, LONGEST + 1), np.int32)
        mask = np.zeros(target.shape, bool)
        for row, place in enumerate(places):
            symbols = self._rows[int(place)]
            source[row, : symbols.size], target[row, : symbols.size] = symbols, symbols[::-1]
            mask[row, : symbols.size + 1] = True
        read = np.pad(target, ((0, 0), (1, 0)))[:, :-1]
        return {"source": source, "source_mask": source > 0, "read": read, "target": target, "mask": mask}


class EncoderDecoder(Model):
    """Two stacks of the configured cell; the decoder starts from where the encoder ended."""

    def __init__(self, cells: Cells, key: jax.Array):
        keys = jax.random.split(key, 4)
        size = cells.cell.hidden_size
        self.embedding = cells.embedding(keys[0], SYMBOLS)
        self.encoder = cells.stack(keys[1], self.embedding.size, bidirectional=False)
        self.decoder = cells.stack(keys[2], self.embedding.size, bidirectional=False)
        self.head = cells.readout(keys[3], size, SYMBOLS)

    def encode(self, source: jax.Array, mask: jax.Array, key: Any = None) -> Any:
        embedded = self.embedding(source)
        return self.encoder.run(embedded, self.encoder.zero_carry(source.shape[0]), padding=mask, key=key)[1]

    def decode(self, read: jax.Array, carry: Any, mask: Any = None, key: Any = None) -> Any:
        return self.decoder.run(self.embedding(read), carry, padding=mask, key=key)


@nnx.jit
def greedy(network: EncoderDecoder, source: jax.Array, mask: jax.Array) -> jax.Array:
    """Write the most probable symbols, each after those before it."""
    carry, symbols, written = network.encode(source, mask), jnp.zeros(source.shape[0], jnp.int32), []
    for _ in range(LONGEST + 1):
        hidden, carry = network.decode(symbols[:, None], carry)
        symbols = jnp.argmax(network.head(hidden[:, 0]), axis=-1).astype(jnp.int32)
        written.append(symbols)
    return jnp.stack(written, axis=1)


class Reversal(Task):
    """Write a sequence backwards."""

    accepts = "reversal"
    metric = "nll"
    direction = "min"
    item = "symbols"

    def __init__(self, description: Mapping[str, Any]):
        pass

    def build(self, cells: Cells, key: jax.Array) -> EncoderDecoder:
        return EncoderDecoder(cells, key)

    def train_batches(self, data: Pairs, training: Any, seed: int) -> PairBatches:
        return PairBatches(data.splits["train"], training.batch_size, seed)

    def eval_batches(self, data: Pairs, split: str, training: Any) -> PairBatches:
        return PairBatches(data.splits[split][: len(data.splits["test"])], training.eval_batch_size)

    def loss(self, network: EncoderDecoder, batch: Any, carry: Any, key: Any) -> Loss:
        keys = (None, None) if key is None else jax.random.split(key)
        start = network.encode(batch["source"], batch["source_mask"], keys[0])
        hidden, _ = network.decode(batch["read"], start, batch["mask"], keys[1])
        total = network.head.cross_entropy(hidden, batch["target"], batch["mask"])
        return Loss(total, batch["mask"].sum(dtype=jnp.float32), ())

    def score(self, network: EncoderDecoder, batch: Any, carry: Any) -> tuple[Any, dict[str, Any]]:
        loss = self.loss(network, batch, carry, None)
        return (), {"nll": loss.total, "items": batch["mask"].sum(dtype=jnp.int32)}

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        return {"nll": float(sums["nll"]) / int(sums["items"]), "items": int(sums["items"])}

    def decode(self, network: EncoderDecoder, batch: Any) -> list[bool]:
        written = np.asarray(greedy(network, batch["source"], batch["source_mask"]))
        agrees = ((written == batch["target"]) | ~batch["mask"]).all(axis=1)
        return agrees[batch["mask"].any(axis=1)].tolist()

    def decoded_metrics(self, decoded: Sequence[list[bool]]) -> dict[str, float]:
        return {"exact": float(np.mean([right for batch in decoded for right in batch]))}

    def predict(self, network: EncoderDecoder, *sequences: str) -> Prediction:
        """Write sequences backwards.

        Args:
            network: the trained network
            sequences: digits from 1 to 5
        """
        rows = []
        for text in sequences:
            source = jnp.asarray([[int(sign) for sign in text]], jnp.int32)
            written = greedy(network, source, source > 0)[0].tolist()
            symbols = written[: written.index(END)] if END in written else written
            rows.append({"sequence": text, "written": "".join(map(str, symbols))})
        return Prediction("\n".join(f"{row['sequence']} -> {row['written']}" for row in rows), rows)
