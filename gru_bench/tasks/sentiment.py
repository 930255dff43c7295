"""Text classification: one class per text, read word by word and pooled over time."""

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
from gru_bench.data.random import permutation
from gru_bench.data.texts.bag_of_words import bag_of_words, majority
from gru_bench.data.texts.own import read_labelled, read_unlabelled
from gru_bench.data.texts.texts import EncodedTexts, LabelledTexts, TextForm
from gru_bench.errors import ConfigError
from gru_bench.models.network import Network, Signature
from gru_bench.tasks.bucketed import Bucketed
from gru_bench.tasks.class_metrics import class_metrics, class_sums, score_probabilities
from gru_bench.tasks.class_pictures import confusion_matrix, reliability_diagram, words_that_count
from gru_bench.tasks.task import Batch, Carry, Loss, Prediction, Sample, Sums
from gru_bench.tasks.word_weights import WordWeights, log_probabilities, rows_at_once, weigh_words
from gru_bench.validation import Natural, Positive

PICTURED = 8  # the first texts of a prediction, for its figure


class Sentiment(Bucketed):
    """Classification of texts.

    Args:
        description: the description of the data, from its `describe`.
        buckets: maximum number of shapes of batches; texts are sorted into this many buckets by length.
        samples: number of test texts to show at the end of a run, each with the weights of its words.
    """

    accepts = "texts"
    causal = False
    pooled = True
    metric = "accuracy"
    direction: Literal["min", "max"] = "max"
    item = "texts"

    def __init__(self, description: Mapping[str, Any], *, buckets: Positive = 4, samples: Natural = 4):
        self.form = TextForm.from_dict(description)
        self.buckets, self.shown = buckets, samples

    @property
    def signature(self) -> Signature:
        """Inputs: words; outputs: one score per class."""
        return Signature(symbols=self.form.vocabulary.size, outputs=len(self.form.classes), pooled=True)

    def batches(self, examples: EncodedTexts, like: EncodedTexts, rows: int, **order: Any) -> Batches:
        """Return batches of texts of similar length."""
        edges = bucket_edges(np.minimum(like.lengths, self.form.max_length or like.ids.size), self.buckets)
        return Buckets(self._rows(examples), examples.labels, edges, rows, **order)

    def read(self, path: Path) -> EncodedTexts:
        """Return the texts of a table.

        Raises:
            ConfigError: the table lacks a column.
            DataError: the file is missing or broken, or a label is not one of the classes.
        """
        return self.form.encode(*read_labelled(path, self.form, "path"))

    def loss(self, network: Network, batch: Batch, carry: Carry, key: Array | None) -> Loss:
        """Return the summed cross-entropy of a batch, in nats."""
        scores = _log_probabilities(network, batch, key)
        nll = -scores[jnp.arange(scores.shape[0]), batch["labels"]]
        mask = batch["mask"]
        return Loss(total=jnp.where(mask, nll, 0.0).sum(), items=mask.sum(dtype=jnp.float32), carry=carry)

    def score(self, network: Network, batch: Batch, carry: Carry) -> tuple[Carry, Sums]:
        """Return the sums of a batch; see `gru_bench.tasks.class_metrics`."""
        return carry, class_sums(_log_probabilities(network, batch, None), batch["labels"], batch["mask"])

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return accuracy, macro F1, nll, expected calibration error and the number of texts."""
        return class_metrics(sums)

    def baselines(self, data: LabelledTexts) -> dict[str, dict[str, float]]:
        """Return metrics of the majority class and of the bag of words, on the test split."""
        predictions = {"majority class": majority(data), "bag of words": bag_of_words(data)}
        return {name: score_probabilities(each, data.test.labels) for name, each in predictions.items()}

    def samples(self, network: Network, data: LabelledTexts, seed: int) -> Sequence[Sample]:
        """Return a few of the shorter test texts with their prediction and the words of the largest weights."""
        samples = []
        for place in self._chosen(data, seed):
            weighed = self._weigh(network, data.test.texts[place])
            truth = data.classes[data.test.labels[place]]
            verdict = f"{weighed.label} ({weighed.probability:.2f}); true class: {truth}"
            output = f"{verdict}\n{weighed.strongest()}\n({weighed.meaning})"
            samples.append(Sample(given=data.test.texts[place], output=output))
        return samples

    def figures(
        self, network: Network, data: LabelledTexts, sums: Mapping[str, Any]
    ) -> Mapping[str, Callable[[], Figure]]:
        """Return confusion matrix, reliability diagram and some test texts with coloured words."""
        pictures: dict[str, Callable[[], Figure]] = {
            "confusion_matrix": lambda: confusion_matrix(sums["confusion"], data.classes),
            "reliability": lambda: reliability_diagram(sums, self.metrics(sums)["ece"]),
        }
        chosen = self._chosen(data, 0)
        if chosen:
            pictures["words"] = lambda: self._draw_words(network, data, chosen)
        return pictures

    def _draw_words(self, network: Network, data: LabelledTexts, chosen: Sequence[int]) -> Figure:
        weighed = [self._weigh(network, data.test.texts[place]) for place in chosen]
        truths = [data.classes[data.test.labels[place]] for place in chosen]
        titles = [f"{_verdict(text)}; true class: {truth}" for text, truth in zip(weighed, truths, strict=True)]
        return words_that_count(weighed, titles)

    def predict(
        self, network: Network, *texts: str, file: Path | None = None, column: str | None = None, words: bool = False
    ) -> Prediction:
        """Classify texts: label and probability of each class.

        Args:
            network: the trained network
            texts: one text per argument; start a text that looks like key=value with a blank
            file: one text per line, or a table (.csv, .tsv, or any with column=); - reads standard input
            column: the column of texts in a table, by name or number
            words: also show the words of the largest weights

        Raises:
            ConfigError: there is no text, or no such column.
            DataError: the file is missing or broken.
        """
        if not texts and file is None:
            raise ConfigError("texts", None, "texts as arguments, or file=FILE with one per line or a table")
        inputs = [*texts, *([] if file is None else read_unlabelled(file, column, self.form, "file"))]
        rows, lines = [], []
        for text, row in zip(inputs, self.classify(network, inputs), strict=True):
            best = int(row.argmax())
            shares = {f"p({name})": float(share) for name, share in zip(self.form.classes, row, strict=True)}
            rows.append({"text": text, "label": self.form.classes[best], "probability": float(row[best]), **shares})
            lines.append(f"{self.form.classes[best]}\t{row[best]:.3f}\t{' '.join(text.split())}")
            if words:
                rows[-1]["words"] = self._weigh(network, text).strongest()
                lines.append(f"\t\t{rows[-1]['words']}")

        def draw() -> Figure:
            weighed = [self._weigh(network, text) for text in inputs[:PICTURED]]
            return words_that_count(weighed, [_verdict(text) for text in weighed])

        return Prediction("\n".join(lines), rows, draw if inputs else None)

    def classify(self, network: Network, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the probability of each class for each text, of shape (texts, classes)."""
        examples = self.form.encode(texts, np.zeros(len(texts), np.int32))
        rows = self._rows(examples)
        probabilities = np.zeros((len(texts), len(self.form.classes)), np.float32)
        lengths = _lengths(rows)
        at_once = min(rows_at_once(int(lengths.max())), len(texts))
        batches = Buckets(rows, examples.labels, bucket_edges(lengths, self.buckets), at_once)
        for index in range(len(batches)):
            batch, places = batches[index], batches.places(index)
            scores = log_probabilities(network, jnp.asarray(batch["inputs"]), jnp.asarray(batch["padding"]))
            probabilities[places] = np.exp(np.asarray(scores)[: places.size])
        return probabilities

    def _rows(self, examples: EncodedTexts) -> list[NDArray[np.int32]]:
        return [self.form.cut(examples[place]) for place in range(len(examples))]

    def _weigh(self, network: Network, text: str) -> WordWeights:
        ids = self.form.cut(self.form.encode([text], [0])[0])
        words = [self.form.vocabulary.symbols[number] for number in ids]
        return weigh_words(network, ids, words, self.form.classes)

    def _chosen(self, data: LabelledTexts, seed: int) -> list[int]:
        """Choose test texts to show, from the shorter half."""
        lengths = data.test.lengths
        short = np.flatnonzero(lengths <= np.median(lengths))
        return [int(short[place]) for place in permutation(seed, 0, short.size)[: self.shown]]


def _log_probabilities(network: Network, batch: Batch, key: Array | None) -> Float[Array, "texts classes"]:
    carry = network.zero_carry(batch["inputs"].shape[0])
    scores, _ = network(batch["inputs"], carry, padding=batch["padding"], key=key)
    return jax.nn.log_softmax(scores, axis=1)


def _lengths(rows: Sequence[NDArray[np.int32]]) -> NDArray[np.int64]:
    return np.array([row.size for row in rows], np.int64)


def _verdict(text: WordWeights) -> str:
    return f"{text.label} ({text.probability:.2f})"
