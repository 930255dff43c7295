"""The next item of sessions packed into lanes; the ranking that selects is decoded on the host."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from gru_bench.data.batches.base import Batches
from gru_bench.data.changes import fraction_facts, rounded_share
from gru_bench.data.data_set import DataSet
from gru_bench.data.source import gives
from gru_bench.models.network import Network, Signature
from gru_bench.tasks.task import Loss, Prediction, Task
from gru_bench.validation import Natural, Positive

ITEMS, CUTOFF = 12, 3


@dataclass(frozen=True)
class Sessions(DataSet):
    """Items of sessions one after the other, and where a session begins, by split."""

    kind: ClassVar[str] = "sessions"

    splits: Mapping[str, tuple[np.ndarray, np.ndarray]]
    facts: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        return {"items": ITEMS}

    def with_train_fraction(self, share: float, seed: int) -> Sessions:
        items, begins = self.splits["train"]
        used = rounded_share(len(items), share)
        splits = {**self.splits, "train": (items[:used], begins[:used])}
        return replace(self, splits=splits, facts=fraction_facts(self.facts, share, used, len(items)))


@gives("sessions")
def load(*, mirror: Path | None, cache: Path, size: Positive = 400, seed: Natural = 0) -> Sessions:
    draw = np.random.default_rng(seed)
    splits = {}
    for split, length in {"train": size, "valid": 100, "test": 100}.items():
        begins = draw.random(length + 1) < 0.2
        begins[0] = True
        steps = np.where(begins, draw.integers(ITEMS, size=length + 1), draw.integers(1, 3, size=length + 1))
        sums = np.cumsum(steps)
        start = np.maximum.accumulate(np.where(begins, np.arange(length + 1), 0))
        splits[split] = ((sums - sums[start] + steps[start]) % ITEMS).astype(np.int32), begins
    digest = hashlib.sha256(b"".join(items.tobytes() for items, _ in splits.values())).hexdigest()
    return Sessions(splits, {"digest": digest})


class SessionWindows(Batches[dict[str, Any]]):
    """Windows of lanes; the carry passes on from window to window, and is zeroed where a session begins."""

    def __init__(self, items: np.ndarray, begins: np.ndarray, lanes: int, window: int):
        lane = (items.size - 1) // lanes
        self._window, self._count = window, lane // window
        used = lanes * lane
        self._read, self._next = items[:used].reshape(lanes, lane), items[1 : used + 1].reshape(lanes, lane)
        self._begins, self._mask = begins[:used].reshape(lanes, lane), ~begins[1 : used + 1].reshape(lanes, lane)

    def __len__(self) -> int:
        return self._count

    def make(self, epoch: int, index: int) -> dict[str, Any]:
        at = slice(index * self._window, (index + 1) * self._window)
        reset = self._begins[:, at].copy()
        reset[:, 0] |= index == 0
        return {"inputs": self._read[:, at], "targets": self._next[:, at], "mask": self._mask[:, at], "reset": reset}


class NextItem(Task):
    """Rank the items that may come next in a session."""

    accepts = "sessions"
    metric = f"recall_at_{CUTOFF}"
    direction = "max"
    item = "clicks"
    decode_validation = True

    def __init__(self, description: Mapping[str, Any]):
        self._items = description["items"]

    @property
    def signature(self) -> Signature:
        return Signature(symbols=self._items, outputs=self._items)

    def describe(self) -> dict[str, Any]:
        return {"items": self._items}

    def train_batches(self, data: Sessions, training: Any, seed: int) -> SessionWindows:
        return SessionWindows(*data.splits["train"], training.batch_size, training.bptt_window)

    def eval_batches(self, data: Sessions, split: str, training: Any) -> SessionWindows:
        return SessionWindows(*data.splits[split], training.eval_batch_size, training.bptt_window)

    def initial_carry(self, network: Network, batch_size: int) -> Any:
        return network.zero_carry(batch_size)

    def loss(self, network: Network, batch: Any, carry: Any, key: Any) -> Loss:
        logits, carry = network(batch["inputs"], carry, reset=batch["reset"], key=key)
        nll = -jnp.take_along_axis(jax.nn.log_softmax(logits), batch["targets"][..., None], axis=2)[..., 0]
        return Loss(jnp.where(batch["mask"], nll, 0.0).sum(), batch["mask"].sum(dtype=jnp.float32), carry)

    def score(self, network: Network, batch: Any, carry: Any) -> tuple[Any, dict[str, Any]]:
        loss = self.loss(network, batch, carry, None)
        return loss.carry, {"nll": loss.total, "items": batch["mask"].sum(dtype=jnp.int32)}

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        return {"nll": float(sums["nll"]) / int(sums["items"]), "items": int(sums["items"])}

    def decode(self, network: Network, batch: Any) -> list[int]:
        inputs, reset = jnp.asarray(batch["inputs"]), jnp.asarray(batch["reset"])
        logits, _ = network(inputs, network.zero_carry(len(inputs)), reset=reset)
        better = np.asarray(logits > jnp.take_along_axis(logits, batch["targets"][..., None], axis=2))
        return better.sum(axis=2)[batch["mask"]].tolist()

    def decoded_metrics(self, decoded: Sequence[list[int]]) -> dict[str, float]:
        ranks = np.array([rank for batch in decoded for rank in batch])
        return {f"recall_at_{CUTOFF}": float((ranks < CUTOFF).mean()), "mrr": float((1 / (1 + ranks)).mean())}

    def predict(self, network: Network, *sessions: str) -> Prediction:
        """Rank what may come next.

        Args:
            network: the trained network
            sessions: item numbers, separated by commas
        """
        rows = []
        for text in sessions:
            items = jnp.asarray([[int(item) for item in text.split(",")]], jnp.int32)
            logits, _ = network(items, network.zero_carry(1))
            rows.append({"session": text, "next": np.argsort(-np.asarray(logits[0, -1]))[:CUTOFF].tolist()})
        return Prediction("\n".join(f"{row['session']} -> {row['next']}" for row in rows), rows)
