"""Generated reviews whose label follows from their structure: negation, contrast, intensifiers, nesting.

    review  = nested | nested ", but" nested
    nested  = leaf
            | negator nested                 "it is not true that ...", "i doubt that ..."
            | report nested                  "my sister says that ..."
            | "although" leaf "," nested
            | nested "even though" leaf
    leaf    = clause | clause "and" clause
    clause  = "the" noun verb ["not"] [intensifier] adjective

The score of a clause is the strength of its intensifier (1 slight, 2 none, 3 strong), negative for a bad adjective, and
`not` changes its sign. The score of a leaf is the sum of its clauses, which is never 0. A negator changes the sign of
its argument, a report keeps it, an `although` or `even though` clause does not count, and only the part after `but`
counts. The label is the sign of the result. Depth is the number of nestings on the deeper side of a review.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np

from gru_bench.data.data_set import SPLITS
from gru_bench.data.random import random_words
from gru_bench.data.source import gives
from gru_bench.data.texts.texts import LabelledTexts, make_texts
from gru_bench.errors import DataError
from gru_bench.validation import Natural, Range

Size = Annotated[int, Range(low=100, high=1_000_000)]
Depth = Annotated[int, Range(low=0, high=12)]

CLASSES = ("negative", "positive")
NOUNS = tuple("acting plot music film cast ending dialogue story script pacing camera humour".split())
VERBS = ("was", "is", "seemed", "felt")
GOOD = tuple("good great charming clever moving funny fresh wonderful warm brilliant".split())
BAD = tuple("bad awful dull clumsy boring tired flat terrible cold weak".split())
INTENSIFIERS = {
    1: ("slightly", "somewhat", "a bit", "fairly"),
    2: ("",),
    3: ("very", "extremely", "truly", "incredibly"),
}
NEGATORS = (
    "it is not true that",
    "i doubt that",
    "nobody would say that",
    "it is wrong that",
    "i never felt that",
)
REPORTS = ("my sister says that", "i think that", "the critics agree that", "it is clear that")


class Review(NamedTuple):
    """Words joined by blanks, and their score: its sign is the label."""

    text: str
    score: int


class Dice:
    """Random choices that depend only on the seed."""

    def __init__(self, seed: tuple[int, ...]):
        self._seed, self._block = seed, 0
        self._words = iter(())

    def integer(self, limit: int) -> int:
        """Return an integer from 0 to limit - 1, uniformly."""
        word = next(self._words, None)
        if word is None:
            self._words = iter(random_words((*self._seed, self._block), 1 << 16).tolist())
            self._block += 1
            word = next(self._words)
        return word % limit

    def one_of(self, choices: tuple[Any, ...]) -> Any:
        """Return one of the choices, uniformly."""
        return choices[self.integer(len(choices))]


def clause(dice: Dice) -> Review:
    """Draw a clause."""
    positive, negated, strength = dice.integer(2) == 1, dice.integer(3) == 0, dice.one_of((1, 2, 2, 3))
    words = ["the", dice.one_of(NOUNS), dice.one_of(VERBS), "not" if negated else ""]
    words += [dice.one_of(INTENSIFIERS[strength]), dice.one_of(GOOD if positive else BAD)]
    return Review(" ".join(filter(None, words)), strength if positive != negated else -strength)


def leaf(dice: Dice) -> Review:
    """Draw one clause, or two whose scores do not cancel."""
    first = clause(dice)
    if dice.integer(3):
        return first
    while True:
        second = clause(dice)
        if first.score + second.score:
            return Review(f"{first.text} and {second.text}", first.score + second.score)


def nested(dice: Dice, depth: int) -> Review:
    """Draw a part of a review with `depth` nestings around its leaf."""
    if depth == 0:
        return leaf(dice)
    kind, inner = dice.integer(20), nested(dice, depth - 1)
    if kind < 10:
        return Review(f"{dice.one_of(NEGATORS)} {inner.text}", -inner.score)
    if kind < 14:
        return Review(f"{dice.one_of(REPORTS)} {inner.text}", inner.score)
    if kind < 17:
        return Review(f"although {leaf(dice).text} , {inner.text}", inner.score)
    return Review(f"{inner.text} even though {leaf(dice).text}", inner.score)


def review(dice: Dice, depth: int) -> Review:
    """Draw a review of a depth."""
    whole = nested(dice, depth)
    if dice.integer(3):
        return whole
    other = nested(dice, dice.integer(depth + 1))
    before, after = (whole, other) if dice.integer(2) else (other, whole)
    return Review(f"{before.text} , but {after.text}", after.score)


@gives("texts")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    train_size: Size = 20_000,
    valid_size: Size = 2_000,
    test_size: Size = 4_000,
    train_depth: Depth = 4,
    test_depth: Depth = 6,
    seed: Natural = 0,
) -> LabelledTexts:
    """Generate reviews without repetitions, so that none of test occurs in train or valid.

    Depths are uniform from 0 to `train_depth` in train and valid, from 0 to `test_depth` in test.

    Args:
        mirror: unused.
        cache: unused.
        train_size: number of training reviews.
        valid_size: number of validation reviews.
        test_size: number of test reviews.
        train_depth: maximum depth in train and valid.
        test_depth: maximum depth in test.
        seed: seed of the data, independent of the seed of the run.

    Raises:
        DataError: `test_depth` is not above `train_depth`.
    """
    if test_depth <= train_depth:
        raise DataError(
            f"data=sentiment_grammar: found data.test_depth={test_depth} and data.train_depth={train_depth}, expected "
            "deeper nestings in test than in train. Raise data.test_depth or lower data.train_depth."
        )
    sizes = {"train": train_size, "valid": valid_size, "test": test_size}
    seen: set[str] = set()
    texts: dict[str, list[str]] = {}
    labels: dict[str, list[int]] = {}
    depths: dict[str, dict[str, int]] = {}
    for index, split in enumerate(SPLITS):
        deepest = test_depth if split == "test" else train_depth
        reviews = _generate(Dice((seed, index)), sizes[split], deepest, seen)
        texts[split] = [one.text for one, _ in reviews]
        labels[split] = [int(one.score > 0) for one, _ in reviews]
        counts = np.bincount([depth for _, depth in reviews], minlength=deepest + 1)
        depths[split] = {str(depth): int(count) for depth, count in enumerate(counts)}
    return make_texts("sentiment_grammar", texts, labels, CLASSES, facts={"data_seed": seed, "depths": depths})


def _generate(dice: Dice, size: int, deepest: int, seen: set[str]) -> list[tuple[Review, int]]:
    reviews: list[tuple[Review, int]] = []
    while len(reviews) < size:
        depth = dice.integer(deepest + 1)
        one = review(dice, depth)
        if one.text not in seen:
            seen.add(one.text)
            reviews.append((one, depth))
    return reviews
