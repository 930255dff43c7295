"""Noise, for claims of robustness: wrong training labels, or inputs that are read wrongly while targets stay.

Noise is drawn once, from the seed of the draw alone: it is the same in every epoch and for every cell and seed of a
run, and less of it is contained in more.

| kind | `label_noise` | `input_noise`, of all splits |
| --- | --- | --- |
| tokens | none: the targets of a stream are its inputs | this share of the symbols is read as another one |
| texts | this share of the training labels is another class | this share of the words is read as another one |
| series | none: targets are values | normal deviates, so many standard deviations of train, are added to what is read |
| sequences | this share of the training labels is another class, where a fixed set has classes | as for series |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.digests import with_change
from gru_bench.data.random import random_words
from gru_bench.data.sequences.sequences import Examples, Sequences
from gru_bench.data.series.series import Series
from gru_bench.data.texts.texts import LabelledTexts, text_counts
from gru_bench.data.tokens.corpus import SPLITS, Corpus
from gru_bench.errors import ConfigError

_LABELS, _INPUTS = 1, 2  # no stream of random words ends in 0, which `SeedSequence` would not tell from nothing
_WHERE, _WHAT = 1, 2
_BLOCK = 1000  # sequences whose noise is drawn at once, for the sake of memory


def check_noise(kind: str, labels: float, inputs: float) -> None:
    """Check without reading anything that data of a kind can be made so noisy.

    Raises:
        ConfigError: it cannot, or a share is above 1.
    """
    for key, level, able in (("data.label_noise", labels, _LABEL_NOISE), ("data.input_noise", inputs, _INPUT_NOISE)):
        if level and kind not in able:
            raise ConfigError(key, level, f"0.0 for {kind}", f"It is for {', '.join(able)}.")
    if kind in ("tokens", "texts") and inputs > 1:
        raise ConfigError("data.input_noise", inputs, f"a share of the symbols, at most 1, for {kind}")


def make_noisy(data: Any, kind: str, labels: float, inputs: float, seed: int) -> Any:
    """Return the data with noise.

    Args:
        data: of this kind.
        kind: `tokens`, `texts`, `series` or `sequences`.
        labels: share of the training labels that are replaced.
        inputs: share of the symbols that are replaced, or standard deviations that are added to values.
        seed: of the noise.

    Raises:
        ConfigError: see `check_noise`; or sequences are drawn anew in each epoch.
    """
    check_noise(kind, labels, inputs)
    if labels:
        data = _LABEL_NOISE[kind](data, labels, seed)
    return _INPUT_NOISE[kind](data, inputs, seed) if inputs else data


def confused(values: NDArray[np.int32], share: float, kinds: int, seed: tuple[int, ...]) -> NDArray[np.int32]:
    """Return values of which a share is replaced by another one, each other one as likely.

    Args:
        values: from 0 to `kinds` - 1, of shape (values,).
        share: how many of them are replaced, rounded to a whole number.
        kinds: how many there are to choose from, at least 2.
        seed: of the draw; with the same one, a larger share replaces the same values by the same others, and more.
    """
    places = np.argsort(random_words((*seed, _WHERE), values.size), kind="stable")[: int(values.size * share + 0.5)]
    away = 1 + random_words((*seed, _WHAT), values.size)[places] % np.uint64(kinds - 1)
    replaced = values.copy()
    replaced[places] = ((values[places] + away.astype(np.int64)) % kinds).astype(np.int32)
    return replaced


def normal(shape: tuple[int, int], seed: tuple[int, ...]) -> NDArray[np.float64]:
    """Return standard normal deviates, by the method of Box and Muller from raw words."""
    count = shape[0] * shape[1]
    uniform = ((random_words(seed, 2 * count) >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53
    radius, angle = np.sqrt(-2 * np.log(uniform[:count])), 2 * np.pi * uniform[count:]
    return (radius * np.cos(angle)).reshape(shape)


def _text_labels(data: LabelledTexts, share: float, seed: int) -> LabelledTexts:
    labels = confused(data.train.labels, share, len(data.classes), (seed, _LABELS))
    train = replace(data.train, labels=labels)
    counts = text_counts(data.form, {"train": train, "valid": data.valid, "test": data.test})
    change = {"share": share, "replaced": int((labels != data.train.labels).sum()), "draw_seed": seed}
    return replace(data, train=train, facts=with_change(data.facts | counts, "label_noise", change))


def _symbols(data: Corpus, share: float, seed: int) -> Corpus:
    streams = {"train": data.train, "valid": data.valid, "test": data.test}
    read = {
        split: confused(streams[split], share, data.vocabulary.size, (seed, _INPUTS, place))
        for place, split in enumerate(SPLITS, 1)
    }
    # a floor is what clean inputs allow
    return replace(data, read=read, floor=None, facts=_noted(data.facts, share, seed))


def _words(data: LabelledTexts, share: float, seed: int) -> LabelledTexts:
    clean = {"train": data.train, "valid": data.valid, "test": data.test}
    splits = {
        split: replace(
            clean[split], ids=confused(clean[split].ids, share, data.vocabulary.size, (seed, _INPUTS, place))
        )
        for place, split in enumerate(SPLITS, 1)
    }
    facts = _noted(data.facts | text_counts(data.form, splits), share, seed)
    return LabelledTexts(data.form, **splits, facts=facts)


def _values(data: Series, level: float, seed: int) -> Series:
    noisy = data.values.copy()
    for place, split in enumerate(SPLITS, 1):
        rows = slice(*data.splits[split])
        deviates = normal(noisy[rows].shape, (seed, _INPUTS, place))
        noisy[rows] += level * np.array(data.form.scaler.deviation) * deviates
    return replace(data, noisy=noisy, facts=_noted(data.facts, level, seed))


def _fixed(data: Sequences, key: str, level: float) -> tuple[Examples, int]:
    """Return the training sequences and the number of their classes."""
    if not isinstance(data.train, Examples) or "classes" not in data.form:
        allowed = "0.0 for sequences that are drawn anew in each epoch"
        raise ConfigError(key, level, allowed, "What they ask follows from what is read.")
    return data.train, len(data.form["classes"])


def _sequence_labels(data: Sequences, share: float, seed: int) -> Sequences:
    train, classes = _fixed(data, "data.label_noise", share)
    clean = train.targets.reshape(-1)
    labels = confused(clean, share, classes, (seed, _LABELS))
    change = {"share": share, "replaced": int((labels != clean).sum()), "draw_seed": seed}
    noisy = train._replace(targets=labels.reshape(train.targets.shape))
    return replace(data, train=noisy, facts=with_change(data.facts, "label_noise", change))


def _sequence_values(data: Sequences, level: float, seed: int) -> Sequences:
    train, _ = _fixed(data, "data.input_noise", level)
    deviation = level * float(train.batch()["inputs"].std(dtype=np.float64))
    clean = {"train": train, "valid": data.valid, "test": data.test}
    splits = {split: _blurred(clean[split], deviation, (seed, _INPUTS, place)) for place, split in enumerate(SPLITS, 1)}
    return replace(data, **splits, facts=_noted(data.facts, level, seed))


def _blurred(examples: Examples, deviation: float, seed: tuple[int, ...]) -> Examples:
    values = examples.batch()["inputs"].copy()
    for first in range(0, len(values), _BLOCK):
        block = values[first : first + _BLOCK]
        deviates = normal((len(block), block[0].size), (*seed, 1 + first)).reshape(block.shape)
        block += (deviation * deviates).astype(np.float32)
    return examples._replace(inputs=values)


_LABEL_NOISE: Mapping[str, Callable[[Any, float, int], Any]] = {"texts": _text_labels, "sequences": _sequence_labels}
_INPUT_NOISE: Mapping[str, Callable[[Any, float, int], Any]] = {
    "tokens": _symbols,
    "texts": _words,
    "series": _values,
    "sequences": _sequence_values,
}


def _noted(facts: Mapping[str, Any], level: float, seed: int) -> dict[str, Any]:
    return with_change(facts, "input_noise", {"level": level, "draw_seed": seed})
