"""Polyphonic music: predict which of 88 keys sound next, each as a binary output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from gru_bench.data.batches.base import Batches
from gru_bench.data.batches.packed import PieceWindows
from gru_bench.data.changes import evenly_spread
from gru_bench.data.pieces import baselines as roll_baselines
from gru_bench.data.pieces.own import read_pieces
from gru_bench.data.pieces.pieces import KEYS, Pieces, Roll, notes_of, pitches_of
from gru_bench.errors import DataError
from gru_bench.models.network import Network, Signature
from gru_bench.sections import TrainingConfig
from gru_bench.tasks import music_pictures
from gru_bench.tasks.generation import Bernoulli, generate
from gru_bench.tasks.task import (
    Batch,
    Carry,
    Loss,
    Prediction,
    Sample,
    Split,
    Sums,
    Task,
)
from gru_bench.validation import GeneratedLength, Natural, NonNegativeFloat, SampleLength

SAMPLE_GIVEN, SAMPLE_TEMPERATURE = 16, 0.8  # time steps of a test piece that a sample continues


class Music(Task):
    """Next-frame prediction with independent keys.

    The nll of a frame is summed over its 88 keys and averaged over all time steps of all pieces, each counted once
    (not averaged over pieces), as in Boulanger-Lewandowski et al. 2012 and Chung et al. 2014. The first frame of a
    piece is predicted after silence and counts in `nll`; `nll_after_first` leaves it out, as the program of Bai et al.
    2018 does.

    Args:
        description: empty: all rolls have the same keys.
        sample_length: time steps that the network generates after the beginning of a test piece.
    """

    accepts = "pieces"
    causal = True
    pooled = False
    metric = "nll"
    direction: Literal["min", "max"] = "min"
    item = "time steps"

    def __init__(self, description: Mapping[str, Any], *, sample_length: SampleLength = 32):
        self.sample_length = sample_length

    @property
    def signature(self) -> Signature:
        """Inputs and outputs: the keys."""
        return Signature(channels=KEYS, outputs=KEYS)

    def describe(self) -> dict[str, Any]:
        """Return an empty description."""
        return {}

    def train_batches(self, data: Pieces, training: TrainingConfig, seed: int) -> Batches:
        """Return windows of the training pieces, in a new order in each epoch."""
        return PieceWindows(data.train, training.batch_size, training.bptt_window, shuffle=True, seed=seed)

    def eval_batches(self, data: Pieces, split: Split, training: TrainingConfig) -> Batches:
        """Return windows of a split in which each of its frames is a target exactly once.

        Of train these are evenly spread pieces, at most as many as test has.
        """
        if split == "train":
            places = evenly_spread(len(data.train), len(data.test))
            return _windows([data.train[place] for place in places.tolist()], training)
        return _windows({"valid": data.valid, "test": data.test}[split], training)

    def file_batches(self, path: Path, training: TrainingConfig) -> Batches:
        """Return windows of the pieces of a JSON file in which each of their frames is a target exactly once.

        Raises:
            DataError: the file is missing or of another structure, or no piece has two time steps.
        """
        rolls = read_pieces(path, "path")
        if max(map(len, rolls)) < 2:
            raise DataError(f"path: {path}: found no piece of two or more time steps, expected at least one.")
        return _windows(rolls, training)

    def initial_carry(self, network: Network, batch_size: int) -> Carry:
        """Return zeros for each lane."""
        return network.zero_carry(batch_size)

    def loss(self, network: Network, batch: Batch, carry: Carry, key: Array | None) -> Loss:
        """Return the summed nll of a window, in nats."""
        nll, carry = _nll(network, batch, carry, key)
        return Loss(total=nll.sum(), items=batch["mask"].sum(dtype=jnp.float32), carry=carry)

    def score(self, network: Network, batch: Batch, carry: Carry) -> tuple[Carry, Sums]:
        """Return the carry, and summed nll and number of frames: of all, and of the first ones of pieces."""
        nll, carry = _nll(network, batch, carry, None)
        first = batch["reset"] & batch["mask"]
        return carry, {
            "nll": nll.sum(),
            "items": batch["mask"].sum(dtype=jnp.int32),
            "first_nll": jnp.where(first, nll, 0.0).sum(),
            "first_items": first.sum(dtype=jnp.int32),
        }

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return nats per time step, over all frames and over all but the first of each piece; the number of frames."""
        nll, items = float(sums["nll"]), int(sums["items"])
        later = items - int(sums["first_items"])
        return {"nll": nll / items, "nll_after_first": (nll - float(sums["first_nll"])) / later, "items": items}

    def baselines(self, data: Pieces) -> dict[str, dict[str, float]]:
        """Return metrics of single-key frequencies on the test split, and the floor of the source if it knows one."""
        predictors = {
            "key frequency": roll_baselines.key_frequency(data.train),
            "last frame": roll_baselines.last_frame(data.train),
        }
        metrics = {name: roll_baselines.score(data.test, predictor) for name, predictor in predictors.items()}
        return metrics if data.floor is None else {**metrics, "floor": dict(data.floor)}

    def samples(self, network: Network, data: Pieces, seed: int) -> Sequence[Sample]:
        """Return the beginning of a test piece and its continuation by the network."""
        if self.sample_length == 0:
            return []
        prompt = _middle(data.test)[:SAMPLE_GIVEN]
        continuation = _continue(network, prompt, self.sample_length, SAMPLE_TEMPERATURE, seed)
        return [Sample(_line(prompt), _line(continuation))]

    def figures(self, network: Network, data: Pieces, sums: Mapping[str, Any]) -> Mapping[str, Callable[[], Figure]]:
        """Return a test piece beside the prediction of each of its frames."""
        roll = _middle(data.test)
        before = np.concatenate([np.zeros((1, KEYS), np.float32), roll[:-1].astype(np.float32)])
        probabilities = np.asarray(_probabilities(network, before))
        return {"piano_roll": lambda: music_pictures.truth_and_prediction(roll, probabilities)}

    def predict(
        self,
        network: Network,
        *,
        file: Path | None = None,
        length: GeneratedLength = 32,
        temperature: NonNegativeFloat = 0.8,
        seed: Natural = 0,
    ) -> Prediction:
        """Continue pieces of music, frame by frame.

        Args:
            network: the trained network
            file: a JSON file of pieces, each a list of time steps, each a list of MIDI pitches, as in
                [[[60, 64], [60, 64], []]]; - reads standard input; without it, the network starts a new piece
            length: number of time steps to generate
            temperature: below 1 less random, above 1 more; 0 takes each key that is more likely than not
            seed: seed of the samples

        Raises:
            DataError: the file is missing or of another structure.
        """
        prompts = [np.zeros((0, KEYS), np.uint8)] if file is None else read_pieces(file, "file")
        continuations = [_continue(network, roll, length, temperature, seed) for roll in prompts]
        rows = [
            {
                "piece": piece,
                "step": len(before) + place,
                "pitches": " ".join(map(str, pitches_of(frame))),
                "notes": notes_of(frame),
            }
            for piece, (before, roll) in enumerate(zip(prompts, continuations, strict=True), 1)
            for place, frame in enumerate(roll, 1)
        ]
        text = "\n".join(f"piece {row['piece']}  step {row['step']:>5}  {row['notes']}" for row in rows)
        return Prediction(text, rows, lambda: music_pictures.continuations(prompts, continuations))


def _windows(rolls: Sequence[Roll], training: TrainingConfig) -> PieceWindows:
    return PieceWindows(rolls, min(training.eval_batch_size, len(rolls)), training.bptt_window)


def _middle(rolls: Sequence[Roll]) -> Roll:
    return rolls[len(rolls) // 2]


def _line(roll: Roll) -> str:
    return " | ".join(map(notes_of, roll))


def _nll(network: Network, batch: Batch, carry: Carry, key: Array | None) -> tuple[Float[Array, "lanes window"], Carry]:
    """Return the nll of each frame, 0 for masked ones, and the carry after the window."""
    logits, carry = network(batch["inputs"], carry, reset=batch["reset"], key=key)
    nll = (jax.nn.softplus(logits) - jnp.where(batch["targets"], logits, 0.0)).sum(axis=2)
    return jnp.where(batch["mask"], nll, 0.0), carry


@jax.jit
def _probabilities(network: Network, before: Float[Array, "steps keys"]) -> Float[Array, "steps keys"]:
    logits, _ = network(before[None], network.zero_carry(1))
    return jax.nn.sigmoid(logits[0])


def _continue(network: Network, prompt: Roll, length: int, temperature: float, seed: int) -> Roll:
    inputs = np.concatenate([np.zeros((1, KEYS), np.float32), prompt.astype(np.float32)])
    frames = generate(network, jnp.asarray(inputs), length, Bernoulli(temperature), jax.random.key(seed))
    return np.asarray(frames).astype(np.uint8)
