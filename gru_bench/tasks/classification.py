"""Classification of sequences of real values: one class per sequence, read step by step and pooled over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gru_bench.data.batches.base import Batches
from gru_bench.data.batches.buckets import Buckets, bucket_edges
from gru_bench.data.changes import evenly_spread
from gru_bench.data.random import permutation
from gru_bench.data.signals.own import read_labelled, read_unlabelled
from gru_bench.data.signals.signals import LabelledSequences, SignalForm, Signals
from gru_bench.data.signals.summaries import majority, regression
from gru_bench.errors import ConfigError, DataError
from gru_bench.models.network import Network, Signature
from gru_bench.tasks.bucketed import Bucketed
from gru_bench.tasks.class_metrics import class_metrics, class_sums, detailed_metrics, score_probabilities
from gru_bench.tasks.class_pictures import confusion_matrix, reliability_diagram
from gru_bench.tasks.signal_pictures import Weighed, contributions, earliness
from gru_bench.tasks.task import Batch, Carry, Loss, Prediction, Sample, Sums
from gru_bench.validation import Natural, Positive

DRAWN, READ_EARLY = 4, 200  # sequences in pictures
STRETCHES = 24  # of a sequence that are left out in turn
LEAST = 1e-30  # probability of which a logarithm is taken
AT_ONCE = 64  # sequences, or beginnings of one, per batch of a prediction


class Classification(Bucketed):
    """Classification of sequences.

    Args:
        description: the description of the data, from its `describe`.
        select: the metric of validation that selects the weights; `auroc` needs two classes.
        loss_weights: `balanced` weighs the loss of a class by the inverse of its share of train.
        stack: successive time steps that are joined to one input, the first of them last seen.
        frame_features: features of each frame of a video that a small convolution makes of its pixels; null reads the
            pixels as they are.
        buckets: maximum number of shapes of batches; sequences are sorted into this many buckets by length.
        samples: number of test sequences to show at the end of a run.
    """

    accepts = "labelled_sequences"
    causal = False
    pooled = True
    item = "sequences"

    def __init__(
        self,
        description: Mapping[str, Any],
        *,
        select: Literal["accuracy", "macro_f1", "nll", "auroc"] = "accuracy",
        loss_weights: Literal["none", "balanced"] = "none",
        stack: Positive = 1,
        frame_features: Positive | None = None,
        buckets: Positive = 4,
        samples: Natural = 4,
    ):
        self.form = SignalForm.from_dict(description)
        self.metric = select
        self.direction: Literal["min", "max"] = "min" if select == "nll" else "max"
        self.decode_validation = select == "auroc"
        self.stack, self.buckets, self.shown = stack, buckets, samples
        if select == "auroc" and (count := len(self.form.classes)) != 2:
            raise ConfigError("task.select", select, f"accuracy, macro_f1 or nll for the {count} classes of the data")
        if self.form.irregular and stack > 1:
            raise ConfigError("task.stack", stack, "1 for data with missing values or uneven steps")
        self.frame_features = frame_features
        if frame_features is not None and (self.form.frame is None or self.form.irregular or stack > 1):
            allowed = "null, unless the data is a video without missing values, and task.stack is 1"
            raise ConfigError("task.frame_features", frame_features, allowed)
        counts = np.array(self.form.counts, np.float64)
        balanced = counts.sum() / (len(counts) * np.maximum(counts, 1))
        self._weights = np.float32(balanced if loss_weights == "balanced" else np.ones(len(counts)))

    @property
    def signature(self) -> Signature:
        """Inputs: values; outputs: one score per class."""
        channels = len(self.form.channels) * (3 if self.form.irregular else self.stack)
        outputs = len(self.form.classes)
        frame = {} if self.frame_features is None else {"frame": self.form.frame, "frame_features": self.frame_features}
        return Signature(channels=channels, outputs=outputs, pooled=True, decays=self.form.irregular, **frame)

    def batches(self, examples: Signals, like: Signals, rows: int, **order: Any) -> Batches:
        """Return batches of sequences of similar length."""
        edges = bucket_edges(-(-like.lengths // self.stack), self.buckets)
        return Buckets(self._rows(examples), examples.labels, edges, rows, **order)

    def read(self, path: Path) -> Signals:
        """Return the sequences of a file.

        Raises:
            DataError: the file is missing or broken, or a label is not one of the classes.
        """
        return read_labelled(path, self.form, "path")

    def loss(self, network: Network, batch: Batch, carry: Carry, key: Array | None) -> Loss:
        """Return the summed cross-entropy of a batch, in nats, with the weights of the classes."""
        scores = _log_probabilities(network, batch, key)
        nll = -scores[jnp.arange(scores.shape[0]), batch["labels"]] * jnp.asarray(self._weights)[batch["labels"]]
        mask = batch["mask"]
        return Loss(total=jnp.where(mask, nll, 0.0).sum(), items=mask.sum(dtype=jnp.float32), carry=carry)

    def score(self, network: Network, batch: Batch, carry: Carry) -> tuple[Carry, Sums]:
        """Return the sums of a batch; see `gru_bench.tasks.class_metrics`."""
        return carry, class_sums(_log_probabilities(network, batch, None), batch["labels"], batch["mask"])

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return accuracy, macro F1, nll, expected calibration error and the number of sequences."""
        return class_metrics(sums)

    def decode(self, network: Network, batch: Batch) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return labels of shape (sequences,) and probabilities of shape (sequences, classes)."""
        scores = np.asarray(_compiled(network, {name: batch[name] for name in ("inputs", "padding")}))
        return batch["labels"][batch["mask"]], np.exp(scores[batch["mask"]])

    def decoded_metrics(self, decoded: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        """Return the recall of each class and, with two classes, the areas under both curves."""
        labels, probabilities = (np.concatenate(parts) for parts in zip(*decoded, strict=True))
        metrics = detailed_metrics(labels, probabilities, self.form.classes)
        if self.metric == "auroc" and "auroc" not in metrics:
            only = self.form.classes[labels[0]]
            raise DataError(f"the data to score has the class {only!r} alone, expected two for task.select=auroc.")
        return metrics

    def baselines(self, data: LabelledSequences) -> dict[str, dict[str, float]]:
        """Return metrics of the majority class and of logistic regression on summaries, on the test split."""
        labels = data.test.labels
        predicted = {"majority class": majority(data), "summaries": regression(data)}
        if data.parts > 1:
            predicted[f"summaries of {data.parts} parts"] = regression(data, data.parts)
        return {
            name: score_probabilities(each, labels) | detailed_metrics(labels, each, self.form.classes)
            for name, each in predicted.items()
        }

    def samples(self, network: Network, data: LabelledSequences, seed: int) -> Sequence[Sample]:
        """Return a few test sequences with their prediction."""
        chosen = permutation(seed, 0, len(data.test))[: self.shown]
        if not chosen.size:
            return ()
        signals = data.test.take(chosen)
        classes, rows = self.form.classes, self.classify(network, signals)
        return [
            Sample(
                given=f"test sequence {number + 1}, {signals.lengths[place]} time steps",
                output=f"{classes[row.argmax()]} ({row.max():.2f}); true class: {classes[signals.labels[place]]}",
            )
            for place, (number, row) in enumerate(zip(chosen, rows, strict=True))
        ]

    def figures(
        self, network: Network, data: LabelledSequences, sums: Mapping[str, Any]
    ) -> Mapping[str, Callable[[], Figure]]:
        """Return confusion matrix, reliability diagram, the steps that decide, and accuracy by what was seen."""
        chosen = data.test.take(evenly_spread(len(data.test), min(DRAWN, len(data.test))))
        early = data.test.take(evenly_spread(len(data.test), min(READ_EARLY, len(data.test))))
        return {
            "contributions": lambda: contributions(self._weighed(network, chosen)),
            "earliness": lambda: self._earliness(network, early),
            "confusion_matrix": lambda: confusion_matrix(sums["confusion"], self.form.classes),
            "reliability": lambda: reliability_diagram(sums, self.metrics(sums)["ece"], self.item),
        }

    def _weighed(self, network: Network, signals: Signals) -> list[Weighed]:
        """Return what each stretch of some sequences adds to the log odds of their class, or its attention weight.

        A stretch is left out by the mean of all channels in its place; of irregular data also as unobserved.
        """
        channels = len(self.form.channels)
        hidden = channels * (2 if self.form.irregular else self.stack)
        sequences = []
        for place, row in enumerate(self._rows(signals)):
            edges = np.unique(np.linspace(0, len(row), STRETCHES + 1).astype(np.int64))
            copies = np.repeat(row[None], len(edges), axis=0)  # the first one is whole
            for copy, start, end in zip(copies[1:], edges[:-1], edges[1:], strict=True):
                copy[start:end, :hidden] = 0
            probabilities = self._probabilities(network, list(copies))
            label = int(probabilities[0].argmax())
            odds = _log_odds(probabilities, label)
            weights, meaning = odds[0] - odds[1:], "log odds of the predicted class, minus the same without the stretch"
            attention = _attention(network, row[None])
            if attention is not None:
                edges, weights, meaning = np.arange(len(row) + 1), np.asarray(attention[0], np.float64), "attention"
            sequences.append(
                Weighed(
                    title=f"predicted {self.form.classes[label]} ({probabilities[0, label]:.2f}), "
                    f"true class {self.form.classes[signals.labels[place]]}",
                    values=row[:, : channels * self.stack].reshape(-1, channels),
                    edges=edges * self.stack,
                    weights=weights,
                    meaning=meaning,
                )
            )
        return sequences

    def _earliness(self, network: Network, signals: Signals) -> Figure:
        rows, shares = self.form.encode(signals), np.linspace(0.1, 1, 10)
        beginnings = [self._stacked(row[: max(1, round(share * len(row)))]) for share in shares for row in rows]
        predicted = self._probabilities(network, beginnings).argmax(axis=1).reshape(len(shares), len(rows))
        most_frequent = np.bincount(signals.labels).max() / len(signals)
        accuracies = (predicted == signals.labels).mean(axis=1)
        return earliness(shares.tolist(), accuracies.tolist(), float(most_frequent), len(signals))

    def predict(self, network: Network, *, file: Path, every: Positive | None = None) -> Prediction:
        """Classify sequences: label and probability of each class.

        Args:
            network: the trained network
            file: sequences in a .ts, .npz or .csv file with the channels of the training data; - reads standard input
            every: also predict after each multiple of this many time steps, from the steps up to there

        Raises:
            DataError: the file is missing, broken, or lacks a channel.
        """
        signals = read_unlabelled(file, self.form, "file")
        inputs = self.form.encode(signals)
        ends = [self._ends(int(steps), every) for steps in signals.lengths]
        beginnings = [self._stacked(row[:end]) for row, places in zip(inputs, ends, strict=True) for end in places]
        origins = [(place, end) for place, places in enumerate(ends) for end in places]
        rows, lines = [], []
        for (place, end), shares in zip(origins, self._probabilities(network, beginnings), strict=True):
            best, name = int(shares.argmax()), signals.name(place)
            seen = {} if every is None else {"time_steps": end}
            known = {f"p({label})": float(share) for label, share in zip(self.form.classes, shares, strict=True)}
            label = self.form.classes[best]
            rows.append({"sequence": name, **seen, "label": label, "probability": float(shares[best]), **known})
            lines.append("\t".join([name, *map(str, seen.values()), label, f"{shares[best]:.3f}"]))
        return Prediction("\n".join(lines), rows)

    def classify(self, network: Network, signals: Signals) -> NDArray[np.float32]:
        """Return the probability of each class for each sequence, of shape (sequences, classes)."""
        return self._probabilities(network, self._rows(signals))

    def _probabilities(self, network: Network, rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        labels, lengths = np.zeros(len(rows), np.int32), _lengths(rows)
        probabilities = np.zeros((len(rows), len(self.form.classes)), np.float32)
        batches = Buckets(rows, labels, bucket_edges(lengths, self.buckets), min(AT_ONCE, len(rows)))
        for index in range(len(batches)):
            batch, places = batches[index], batches.places(index)
            scores = np.asarray(_compiled(network, {name: batch[name] for name in ("inputs", "padding")}))
            probabilities[places] = np.exp(scores[: places.size])
        return probabilities

    @staticmethod
    def _ends(steps: int, every: int | None) -> list[int]:
        """Return the numbers of time steps after which to predict: all multiples of `every`, and the last one."""
        return [steps] if every is None else [*range(every, steps, every), steps]

    def _rows(self, signals: Signals) -> list[NDArray[np.float32]]:
        """Return the inputs of each sequence, successive time steps stacked."""
        return [self._stacked(row) for row in self.form.encode(signals)]

    def _stacked(self, row: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return successive time steps of a sequence stacked; zeros, the mean, fill up the last ones."""
        filled = np.pad(row, ((0, -len(row) % self.stack), (0, 0)))
        return filled.reshape(len(filled) // self.stack, -1)


def _log_probabilities(network: Network, batch: Batch, key: Array | None) -> Float[Array, "sequences classes"]:
    carry = network.zero_carry(batch["inputs"].shape[0])
    scores, _ = network(batch["inputs"], carry, padding=batch["padding"], key=key)
    return jax.nn.log_softmax(scores, axis=1)


def _log_odds(probabilities: NDArray[np.float32], label: int) -> NDArray[np.float64]:
    """Return log p(label) - log p(any other class) for each row."""
    known = np.maximum(probabilities.astype(np.float64), LEAST)
    return np.log(known[:, label]) - np.log(np.delete(known, label, axis=1).sum(axis=1))


@jax.jit
def _attention(
    network: Network, inputs: Float[Array, "sequences time inputs"]
) -> Float[Array, "sequences time"] | None:
    return network.attention(inputs, jnp.ones(inputs.shape[:2], bool))


@jax.jit
def _compiled(network: Network, batch: Batch) -> Float[Array, "sequences classes"]:
    return _log_probabilities(network, batch, None)


def _lengths(rows: Sequence[NDArray[np.float32]]) -> NDArray[np.int64]:
    return np.array([len(row) for row in rows], np.int64)
