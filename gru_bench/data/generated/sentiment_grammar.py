"""Generated reviews whose label follows from their structure: negation, contrast, intensifiers, nesting.

    review  = nested | nested ", but" nested
    nested  = leaf
            | negator nested                 "it is not true that ...", "i doubt that ..."
            | report nested                  "my sister says that ..."
            | "although" leaf "," nested
            | nested "even though" leaf
    leaf    = clause | clause "and" clause
    clause  = "the" noun verb ["not"] [intensifier] adjective

A clause is worth the strength of its intensifier (1 slight, 2 none, 3 strong), negative for a bad adjective, and `not`
turns its sign. A leaf is worth the sum of its clauses, which is never 0. A negator turns the sign of what it governs,
a report keeps it, what stands under `although` or `even though` does not count, and after `but` all before it does not
count. The label is the sign of what is left. Depth counts the nestings of a review's deeper side.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np

from gru_bench.data.random import random_words
from gru_bench.data.source import gives
from gru_bench.data.texts.texts import SPLITS, LabelledTexts, make_texts
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
    """Words joined by blanks, and what they are worth: its sign is the label."""

    text: str
    worth: int


class Dice:
    """Draws that depend on nothing but their seed."""

    def __init__(self, seed: tuple[int, ...]):
        self._seed, self._block = seed, 0
        self._words = iter(())

    def below(self, limit: int) -> int:
        """Return 0 .. limit - 1, all equally likely."""
        word = next(self._words, None)
        if word is None:
            self._words = iter(random_words((*self._seed, self._block), 1 << 16).tolist())
            self._block += 1
            word = next(self._words)
        return word % limit

    def one_of(self, choices: tuple[Any, ...]) -> Any:
        """Return one of the choices."""
        return choices[self.below(len(choices))]


def clause(dice: Dice) -> Review:
    """Draw a clause."""
    positive, negated, strength = dice.below(2) == 1, dice.below(3) == 0, dice.one_of((1, 2, 2, 3))
    words = ["the", dice.one_of(NOUNS), dice.one_of(VERBS), "not" if negated else ""]
    words += [dice.one_of(INTENSIFIERS[strength]), dice.one_of(GOOD if positive else BAD)]
    return Review(" ".join(filter(None, words)), strength if positive != negated else -strength)


def leaf(dice: Dice) -> Review:
    """Draw one clause or two whose worths do not cancel."""
    first = clause(dice)
    if dice.below(3):
        return first
    while True:
        second = clause(dice)
        if first.worth + second.worth:
            return Review(f"{first.text} and {second.text}", first.worth + second.worth)


def nested(dice: Dice, depth: int) -> Review:
    """Draw a part of a review with so many nestings around its leaf."""
    if depth == 0:
        return leaf(dice)
    kind, inner = dice.below(20), nested(dice, depth - 1)
    if kind < 10:
        return Review(f"{dice.one_of(NEGATORS)} {inner.text}", -inner.worth)
    if kind < 14:
        return Review(f"{dice.one_of(REPORTS)} {inner.text}", inner.worth)
    if kind < 17:
        return Review(f"although {leaf(dice).text} , {inner.text}", inner.worth)
    return Review(f"{inner.text} even though {leaf(dice).text}", inner.worth)


def review(dice: Dice, depth: int) -> Review:
    """Draw a review of a depth."""
    whole = nested(dice, depth)
    if dice.below(3):
        return whole
    other = nested(dice, dice.below(depth + 1))
    before, after = (whole, other) if dice.below(2) else (other, whole)
    return Review(f"{before.text} , but {after.text}", after.worth)


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
    """Generate reviews; no sentence comes twice, so that none of test occurs in train or valid.

    Depths are equally likely from 0 to `train_depth` in train and valid, from 0 to `test_depth` in test.

    Args:
        mirror: unused; nothing is read.
        cache: unused; nothing is kept.
        train_size: number of training reviews.
        valid_size: number of validation reviews.
        test_size: number of test reviews.
        train_depth: the greatest depth in train and valid.
        test_depth: the greatest depth in test.
        seed: seed of the data, independent of the seed of the run.

    Raises:
        DataError: test would not be nested more deeply than train.
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
        drawn = _draw(Dice((seed, index)), sizes[split], deepest, seen)
        texts[split] = [found.text for found, _ in drawn]
        labels[split] = [int(found.worth > 0) for found, _ in drawn]
        counts = np.bincount([depth for _, depth in drawn], minlength=deepest + 1)
        depths[split] = {str(depth): int(count) for depth, count in enumerate(counts)}
    return make_texts("sentiment_grammar", texts, labels, CLASSES, facts={"data_seed": seed, "depths": depths})


def _draw(dice: Dice, size: int, deepest: int, seen: set[str]) -> list[tuple[Review, int]]:
    drawn: list[tuple[Review, int]] = []
    while len(drawn) < size:
        depth = dice.below(deepest + 1)
        found = review(dice, depth)
        if found.text not in seen:
            seen.add(found.text)
            drawn.append((found, depth))
    return drawn
