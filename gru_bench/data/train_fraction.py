"""A share of the training split, as for a learning curve: less is learned from, all else stays.

Vocabulary, classes and scaling stay those of the whole training split, so that every point of a curve is the same task
in the same units; what a baseline is fitted on shrinks with what the network is trained on. A smaller share is
contained in a larger one.

| kind | what is kept |
| --- | --- |
| tokens | symbols in a row: the first ones with seed 0, those from another place with other seeds |
| texts | the same share of each class, at least one text of it, in an order that is drawn from the seed |
| series | the last rows, next to validation |
| sequences | some of a fixed set, whatever their class, in an order that is drawn from the seed |
| pieces | some, in an order that is drawn from the seed |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.digests import with_change
from gru_bench.data.pieces.pieces import Pieces
from gru_bench.data.random import permutation
from gru_bench.data.sequences.sequences import Examples, Sequences
from gru_bench.data.series.series import Series, row_counts
from gru_bench.data.texts.texts import LabelledTexts, text_counts
from gru_bench.data.tokens.corpus import MINIMUM_SYMBOLS, Corpus
from gru_bench.errors import ConfigError, DataError

KEY = "data.train_fraction"
_SPREAD = (5**0.5 - 1) / 2  # multiples of it, modulo 1, lie evenly between 0 and 1
_STREAM = 3  # of random words, apart from those that splits and noise are drawn from


def check_fraction(kind: str, share: float) -> None:
    """Check without reading anything that data of a kind can be cut down.

    Raises:
        ConfigError: it cannot.
    """
    if share < 1 and kind not in _TAKES:
        raise ConfigError(KEY, share, f"1.0 for {kind}", f"It is for {', '.join(_TAKES)}.")


def take_fraction(data: Any, kind: str, share: float, seed: int) -> Any:
    """Return the data with a share of its training split.

    Args:
        data: of this kind.
        kind: `tokens`, `texts`, `series`, `sequences` or `pieces`.
        share: of the training split, above 0 and at most 1.
        seed: of the place from which symbols, and of the order in which texts, sequences or pieces are taken.

    Raises:
        ConfigError: data of this kind cannot be cut down, or is drawn anew in each epoch.
        DataError: too little is left.
    """
    check_fraction(kind, share)
    return data if share == 1 else _TAKES[kind](data, share, seed)


def _symbols(data: Corpus, share: float, seed: int) -> Corpus:
    total, used = data.train.size, _part(data.train.size, share)
    if used < MINIMUM_SYMBOLS:
        raise DataError(f"{KEY}={share:g} leaves {used} of {total:,} symbols, expected at least {MINIMUM_SYMBOLS}.")
    start = int(seed * _SPREAD % 1 * (total - used))  # a larger share begins before it and ends after it
    facts = data.facts | {"symbols": {**data.facts["symbols"], "train": used}}
    noted = _noted(facts, share, used, total, **({"start": start} if start else {}))
    return replace(data, train=data.train[start : start + used], facts=noted)


def _texts(data: LabelledTexts, share: float, seed: int) -> LabelledTexts:
    kept = []
    for number in np.unique(data.train.labels):
        places = np.flatnonzero(data.train.labels == number)
        kept.append(places[permutation(seed, int(number), places.size, _STREAM)][: max(1, _part(places.size, share))])
    train = data.train.take(np.sort(np.concatenate(kept)))
    counts = text_counts(data.form, {"train": train, "valid": data.valid, "test": data.test})
    facts = _noted(data.facts | counts, share, len(train), len(data.train), draw_seed=seed)
    return replace(data, train=train, facts=facts)


def _rows(data: Series, share: float, seed: int) -> Series:
    start, end = data.splits["train"]
    used, need = _part(end - start, share), data.form.context + data.form.horizon
    if used < need:
        raise DataError(
            f"{KEY}={share:g} leaves {used:,} of {end - start:,} training rows, expected at least {need:,} "
            f"(data.context={data.form.context} + data.horizon={data.form.horizon}). Raise it, or lower them."
        )
    first = end - used
    cut = replace(
        data,
        time=None if data.time is None else data.time[first:],
        values=data.values[first:],
        observed=data.observed[first:],
        known=data.known[first:],
        splits={split: (max(begin, first) - first, stop - first) for split, (begin, stop) in data.splits.items()},
    )
    return replace(cut, facts=_noted(data.facts | row_counts(cut), share, used, end - start))


def _sequences(data: Sequences, share: float, seed: int) -> Sequences:
    if not isinstance(data.train, Examples):
        raise ConfigError(KEY, share, "1.0 for sequences that are drawn anew in each epoch", "There is no end of them.")
    total = len(data.train.mask)
    places = _some(total, share, seed)
    used = len(places)
    facts = data.facts | {"sequences": {**data.facts["sequences"], "train": used}}
    facts = _noted(facts, share, used, total, draw_seed=seed)
    return replace(data, train=data.train.take(places), train_size=used, facts=facts)


def _pieces(data: Pieces, share: float, seed: int) -> Pieces:
    total = len(data.train)
    train = [data.train[place] for place in _some(total, share, seed).tolist()]
    counts = {"pieces": len(train), "steps": sum(map(len, train))}
    facts = data.facts | {name: {**data.facts[name], "train": count} for name, count in counts.items()}
    return replace(data, train=train, facts=_noted(facts, share, len(train), total, draw_seed=seed))


_TAKES: Mapping[str, Callable[[Any, float, int], Any]] = {
    "tokens": _symbols,
    "texts": _texts,
    "series": _rows,
    "sequences": _sequences,
    "pieces": _pieces,
}


def _some(total: int, share: float, seed: int) -> NDArray[np.int64]:
    """Return places that are drawn, at least one, ascending."""
    return np.sort(permutation(seed, 0, total, _STREAM)[: max(1, _part(total, share))])


def _part(count: int, share: float) -> int:
    return int(count * share + 0.5)


def _noted(facts: Mapping[str, Any], share: float, used: int, total: int, **more: int) -> dict[str, Any]:
    return with_change(facts, "train_fraction", {"share": share, "used": used, "of": total, **more})
