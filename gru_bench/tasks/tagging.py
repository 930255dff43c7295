"""Tagging: a tag per word, and a class per sentence if the data has it, from one network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gru_bench.data.batches.base import Batches
from gru_bench.data.batches.buckets import bucket_edges
from gru_bench.data.batches.tagged import TaggedBuckets
from gru_bench.data.files.tables import place_name, read_unpacked
from gru_bench.data.files.text import decode
from gru_bench.data.random import permutation
from gru_bench.data.tagged.baselines import bag_of_words, most_frequent_tags, tag_bigram
from gru_bench.data.tagged.conll import Columns, read_conll
from gru_bench.data.tagged.tagged import Sentence, TagForm, TaggedSentences, TaggedTexts
from gru_bench.data.tokens.vocabulary import UNKNOWN
from gru_bench.errors import ConfigError, DataError
from gru_bench.models.builder import Cells
from gru_bench.models.tagger import Tagger
from gru_bench.tasks.bucketed import Bucketed
from gru_bench.tasks.class_pictures import confusion_matrix
from gru_bench.tasks.phrases import Scheme, f1_by_type, phrase_metrics
from gru_bench.tasks.tagging_pictures import phrase_bars, tagged_words
from gru_bench.tasks.task import Batch, Carry, Loss, Prediction, Sample, Sums
from gru_bench.validation import Natural, NonNegativeFloat, Positive, Rate

AT_ONCE = 64  # sentences per batch of a prediction
PICTURED = 8  # the first sentences of a prediction, for its figure
MOST_CONFUSED = 20  # tags in a picture of confusions


class Scores(NamedTuple):
    """Log probabilities of the tags of each word, and of the classes of each sentence, if there are any."""

    tags: Float[Array, "sentences time tags"]
    classes: Float[Array, "sentences classes"] | None


class Tagging(Bucketed):
    """Tagging of sentences.

    Args:
        description: the description of the data, from its `describe`.
        select: the metric of validation that selects the weights; null: phrase_f1 if tags mark phrases, else
            tag_accuracy.
        class_weight: weight of the loss of a sentence's class, beside the sum of the losses of its tags.
        word_dropout: share of the training words that are read as `<unk>`.
        buckets: maximum number of shapes of batches; sentences are sorted into this many buckets by length.
        samples: number of test sentences to show at the end of a run.
    """

    accepts = "tagged_texts"
    causal = False
    pooled = True
    item = "words"

    def __init__(
        self,
        description: Mapping[str, Any],
        *,
        select: Literal["phrase_f1", "tag_accuracy", "class_accuracy", "exact", "nll"] | None = None,
        class_weight: NonNegativeFloat = 1.0,
        word_dropout: Rate = 0.0,
        buckets: Positive = 4,
        samples: Natural = 4,
    ):
        self.form = TagForm.from_dict(description)
        self.scheme = Scheme(self.form.tags)
        self.metric = select or ("phrase_f1" if self.scheme.of_phrases else "tag_accuracy")
        self.direction: Literal["min", "max"] = "min" if select == "nll" else "max"
        self.class_weight, self.word_dropout = class_weight, word_dropout
        self.buckets, self.shown = buckets, samples
        if self.metric == "phrase_f1" and not self.scheme.of_phrases:
            raise ConfigError(
                "task.select", select, "another metric: the tags mark no phrases (O, B-type, I-type, ...)"
            )
        if self.metric == "class_accuracy" and not self.form.classes:
            raise ConfigError("task.select", select, "another metric: the sentences of the data have no classes")

    def build(self, cells: Cells, key: Array) -> Tagger:
        """Build a network with a head over words and, if there are classes, one over sentences."""
        return Tagger(cells, key, self.form.vocabulary.size, len(self.form.tags), len(self.form.classes))

    def batches(self, examples: TaggedSentences, like: TaggedSentences, rows: int, **order: Any) -> Batches:
        """Return batches of sentences of similar length."""
        return TaggedBuckets(examples, bucket_edges(like.lengths, self.buckets), rows, **order)

    def read(self, path: Path) -> TaggedSentences:
        """Return the sentences of a file in CoNLL columns.

        Raises:
            ConfigError: the file lacks a column.
            DataError: the file is missing or malformed, or a tag or class is none of the training data.
        """
        sentences, _ = read_conll(path, Columns(**self.form.reading), "path", prefix="")
        try:
            return self.form.encode(sentences)
        except DataError as error:
            raise DataError(f"path: {place_name(path)} has {error}") from error

    def loss(self, network: Tagger, batch: Batch, carry: Carry, key: Array | None) -> Loss:
        """Return the summed cross-entropy of tags and classes, in nats; its items are words."""
        inputs = batch["inputs"]
        if key is not None and self.word_dropout:
            key, dropped = jax.random.split(key)
            hidden = jax.random.bernoulli(dropped, self.word_dropout, inputs.shape)
            inputs = jnp.where(hidden, self.form.vocabulary.ids[UNKNOWN], inputs)
        scores = _scores(network, {**batch, "inputs": inputs}, key)
        of_tags, of_classes = _nll(scores, batch)
        items = batch["padding"].sum(dtype=jnp.float32)
        return Loss(of_tags.sum() + self.class_weight * of_classes.sum(), items, carry)

    def score(self, network: Tagger, batch: Batch, carry: Carry) -> tuple[Carry, Sums]:
        """Return counts of right tags, classes, sentences and phrases, and confusions of the tags."""
        scores = _scores(network, batch, None)
        of_tags, of_classes = _nll(scores, batch)
        predicted = jnp.argmax(scores.tags, axis=2).astype(jnp.int32)
        return carry, self._sums(batch, predicted, _classes(scores)) | {"nll": of_tags.sum() + of_classes.sum()}

    def _sums(self, batch: Batch, tags: Array, classes: Array | None) -> Sums:
        padding, mask = batch["padding"], batch["mask"]
        counted = padding.astype(jnp.int32)
        right = (tags == batch["tags"]) | ~padding
        exact = right.all(axis=1) & mask
        size = len(self.form.tags)
        sums = {
            "confusion": jnp.zeros((size, size), jnp.int32).at[batch["tags"], tags].add(counted),
            "sentences": mask.sum(dtype=jnp.int32),
        }
        if self.scheme.of_phrases:
            sums["phrases"] = self.scheme.sums(batch["tags"], tags, padding)
        if classes is not None:
            known = (classes == batch["labels"]) & mask
            shape = (len(self.form.classes),) * 2
            sums["classes"] = jnp.zeros(shape, jnp.int32).at[batch["labels"], classes].add(mask.astype(jnp.int32))
            exact &= known
        return sums | {"exact": exact.sum(dtype=jnp.int32)}

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return F1 of phrases, accuracy of tags and classes, sentences without an error, nll per word, words."""
        confusion = np.asarray(sums["confusion"], np.int64)
        items, sentences = int(confusion.sum()), int(sums["sentences"])
        metrics = phrase_metrics(sums["phrases"]) if "phrases" in sums else {}
        metrics["tag_accuracy"] = float(np.trace(confusion) / items)
        if "classes" in sums:
            metrics["class_accuracy"] = float(np.trace(np.asarray(sums["classes"], np.int64)) / sentences)
        metrics["exact"] = int(sums["exact"]) / sentences
        return metrics | ({"nll": float(sums["nll"]) / items} if "nll" in sums else {}) | {"items": items}

    def baselines(self, data: TaggedTexts) -> dict[str, dict[str, float]]:
        """Return metrics of words alone, of a bigram of tags, both with a bag of words for the class, on test."""
        classes = jnp.asarray(bag_of_words(data)) if len(self.form.classes) > 1 else None
        whole = TaggedBuckets(data.test, [int(data.test.lengths.max())], len(data.test))[0]
        results = {}
        for name, tags in {"words alone": most_frequent_tags(data), "tag bigram": tag_bigram(data)}.items():
            alone = replace(data.test, tags=tags)
            predicted = TaggedBuckets(alone, [int(data.test.lengths.max())], len(data.test))[0]["tags"]
            batch = {part: jnp.asarray(array) for part, array in whole.items()}
            results[name] = self.metrics(jax.device_get(self._sums(batch, jnp.asarray(predicted), classes)))
            del results[name]["items"]
        return results

    def samples(self, network: Tagger, data: TaggedTexts, seed: int) -> Sequence[Sample]:
        """Return a few test sentences with predicted tags, the true ones beside wrong ones."""
        chosen = data.test.take(permutation(seed, 0, len(data.test))[: self.shown]) if self.shown else None
        if chosen is None:
            return ()
        samples = []
        for place, sentence in enumerate(self.tag(network, chosen)):
            truth = self._truth(chosen, place)
            wrong = [
                f"{tag} (true: {true})" if tag != true else tag
                for tag, true in zip(sentence.tags, truth.tags, strict=True)
            ]
            marked = " ".join(f"{word}/{tag}" for word, tag in zip(sentence.words, wrong, strict=True))
            verdict = f"{sentence.label}; true class: {truth.label}\n" if sentence.label else ""
            samples.append(Sample(" ".join(sentence.words), f"{verdict}{marked}"))
        return samples

    def figures(
        self, network: Tagger, data: TaggedTexts, sums: Mapping[str, Any]
    ) -> Mapping[str, Callable[[], Figure]]:
        """Return F1 by type of phrase, confusions of the frequent tags and of the classes, and tagged sentences."""
        confusion = np.asarray(sums["confusion"])
        frequent = np.sort(np.argsort(-confusion.sum(axis=1), kind="stable")[:MOST_CONFUSED])
        names = [self.form.tags[place] for place in frequent]
        pictures: dict[str, Callable[[], Figure]] = {
            "tags": lambda: confusion_matrix(confusion[np.ix_(frequent, frequent)], names)
        }
        if "phrases" in sums:
            counts = np.asarray(sums["phrases"])
            pictures["phrases"] = lambda: phrase_bars(f1_by_type(counts, self.scheme.types), counts, self.scheme.types)
        if "classes" in sums:
            pictures["classes"] = lambda: confusion_matrix(np.asarray(sums["classes"]), self.form.classes)
        chosen = permutation(0, 0, len(data.test))[: self.shown]
        if chosen.size:
            pictures["sentences"] = lambda: self._draw(network, data.test.take(chosen))
        return pictures

    def _draw(self, network: Tagger, sentences: TaggedSentences) -> Figure:
        truths = [self._truth(sentences, place) for place in range(len(sentences))]
        return tagged_words(self.tag(network, sentences), truths)

    def _truth(self, sentences: TaggedSentences, place: int) -> Sentence:
        tags = tuple(self.form.tags[number] for number in sentences.rows(sentences.tags)[place])
        label = self.form.classes[sentences.labels[place]] if self.form.classes else ""
        return Sentence(sentences.words[place], tags, label)

    def predict(self, network: Tagger, *texts: str, file: Path | None = None) -> Prediction:
        """Tag sentences: a tag for each word, and the class if the data has it.

        Args:
            network: the trained network
            texts: one sentence per argument, words separated by blanks
            file: one sentence per line; - reads standard input

        Raises:
            ConfigError: there is no sentence.
            DataError: the file is missing or no text.
        """
        lines = list(texts)
        if file is not None:
            text, _ = decode(read_unpacked(file, "file"), "auto", place_name(file), "file")
            lines += text.removesuffix("\n").split("\n")
        words = {number: each for number, each in enumerate(map(self.form.split, lines), 1) if each}
        if not words:
            raise ConfigError("texts", None, "sentences as arguments, or file=FILE with one per line")
        tagged = self.tag(network, self.form.encode([Sentence(each, ()) for each in words.values()]))
        rows = [
            {"sentence": number, "word": word, "tag": tag} | ({"class": one.label} if one.label else {})
            for number, one in zip(words, tagged, strict=True)
            for word, tag in zip(one.words, one.tags, strict=True)
        ]
        shown = dict.fromkeys(range(1, len(lines) + 1), "")
        for number, one in zip(words, tagged, strict=True):
            marked = map("/".join, zip(one.words, one.tags, strict=True))
            shown[number] = "\t".join([*([one.label] if one.label else []), *marked])
        return Prediction("\n".join(shown.values()), rows, lambda: tagged_words(tagged[:PICTURED]))

    def tag(self, network: Tagger, sentences: TaggedSentences) -> list[Sentence]:
        """Return sentences with their predicted tags and class."""
        batches = TaggedBuckets(sentences, bucket_edges(sentences.lengths, self.buckets), min(AT_ONCE, len(sentences)))
        tagged: dict[int, Sentence] = {}
        for index in range(len(batches)):
            batch = batches[index]
            tags, classes = jax.device_get(_best(network, {name: batch[name] for name in ("inputs", "padding")}))
            for row, place in enumerate(batches.places(index).tolist()):
                words = sentences.words[place]
                label = "" if classes is None else self.form.classes[classes[row]]
                tagged[place] = Sentence(words, self._names(tags[row, : len(words)]), label)
        return [tagged[place] for place in range(len(sentences))]

    def _names(self, numbers: NDArray[np.int32]) -> tuple[str, ...]:
        return tuple(self.form.tags[number] for number in numbers)


def _scores(network: Tagger, batch: Batch, key: Array | None) -> Scores:
    tags, classes = network(batch["inputs"], batch["padding"], key)
    return Scores(jax.nn.log_softmax(tags), None if classes is None else jax.nn.log_softmax(classes))


def _classes(scores: Scores) -> Array | None:
    return None if scores.classes is None else jnp.argmax(scores.classes, axis=1).astype(jnp.int32)


@jax.jit
def _best(network: Tagger, batch: Batch) -> tuple[Array, Array | None]:
    scores = _scores(network, batch, None)
    return jnp.argmax(scores.tags, axis=2), _classes(scores)


def _nll(scores: Scores, batch: Batch) -> tuple[Float[Array, "sentences time"], Float[Array, " sentences"]]:
    """Return the nll of each tag and of each class, in nats; 0 where there is none."""
    of_tags = -jnp.take_along_axis(scores.tags, batch["tags"][..., None], axis=2)[..., 0]
    of_tags = jnp.where(batch["padding"], of_tags, 0.0)
    if scores.classes is None:
        return of_tags, jnp.zeros(of_tags.shape[0])
    of_classes = -jnp.take_along_axis(scores.classes, batch["labels"][:, None], axis=1)[:, 0]
    return of_tags, jnp.where(batch["mask"], of_classes, 0.0)
