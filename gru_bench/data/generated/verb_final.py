"""Sentences of a small English and their translations into a small German, by one grammar for both.

    sentence = clause | clause joint clause | clause joint clause joint clause ...
    clause   = phrase verb phrase          verb-final in German: phrase phrase verb
    phrase   = article adjective* noun [place phrase]

A German verb comes after both phrases of its clause and agrees in number with the first noun of the clause, which no
English verb shows. Articles and adjectives agree with their noun in gender, number and case: subjects are nominative,
objects accusative, and after a preposition all is dative. A translation follows from the source without any doubt, so
that a perfect translator has an exact match of 100 %. Sentences of test are longer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np

from gru_bench.data.data_set import SPLITS
from gru_bench.data.generated.sentiment_grammar import Dice
from gru_bench.data.pairs.pairs import Pairs, make_pairs
from gru_bench.data.source import gives
from gru_bench.errors import DataError
from gru_bench.validation import Natural, Range

Size = Annotated[int, Range(low=10, high=1_000_000)]
Length = Annotated[int, Range(low=5, high=200)]

NOUNS = tuple(  # English singular and plural, gender, German singular and plural
    tuple(line.split())
    for line in (
        "dog dogs m hund hunde",
        "bird birds m vogel vögel",
        "fish fishes m fisch fische",
        "man men m mann männer",
        "cat cats f katze katzen",
        "bee bees f biene bienen",
        "woman women f frau frauen",
        "snake snakes f schlange schlangen",
        "horse horses n pferd pferde",
        "sheep sheeps n schaf schafe",
        "child children n kind kinder",
        "pig pigs n schwein schweine",
    )
)
VERBS = tuple(  # English, German singular and plural
    tuple(line.split())
    for line in ("saw sah sahen", "found fand fanden", "carried trug trugen", "called rief riefen", "bit biss bissen")
)
ADJECTIVES = (("small", "klein"), ("old", "alt"), ("quiet", "still"), ("wild", "wild"), ("brown", "braun"))
PLACES = (("near", "bei"), ("behind", "hinter"), ("with", "mit"))
JOINTS = (("because", "weil"), ("while", "während"), ("after", "nachdem"))
ARTICLES = {  # by case: masculine, feminine, neuter, plural
    "the": {
        "nominative": ("der", "die", "das", "die"),
        "accusative": ("den", "die", "das", "die"),
        "dative": ("dem", "der", "dem", "den"),
    },
    "some": {
        "nominative": ("ein", "eine", "ein", "einige"),
        "accusative": ("einen", "eine", "ein", "einige"),
        "dative": ("einem", "einer", "einem", "einigen"),
    },
}
ENDINGS = {  # of adjectives, likewise
    "nominative": ("er", "e", "es", "e"),
    "accusative": ("en", "e", "es", "e"),
    "dative": ("em", "er", "em", "en"),
}


class Words(NamedTuple):
    """Words of a source and of its translation, and whether the first noun is in the plural."""

    source: list[str]
    target: list[str]
    plural: bool = False


def phrase(dice: Dice, case: str) -> Words:
    """Draw an article, up to two adjectives and a noun; every fourth time with another phrase behind a preposition."""
    article, plural = dice.one_of(tuple(ARTICLES)), dice.integer(2) == 1
    single, many, gender, one, several = dice.one_of(NOUNS)
    form = 3 if plural else "mfn".index(gender)
    adjectives = [dice.one_of(ADJECTIVES) for _ in range(dice.one_of((0, 0, 1, 1, 2)))]
    source = [article, *(english for english, _ in adjectives), many if plural else single]
    target = [
        ARTICLES[article][case][form],
        *(german + ENDINGS[case][form] for _, german in adjectives),
        several if plural else one,
    ]
    if dice.integer(4) == 0:
        (english, german), inner = dice.one_of(PLACES), phrase(dice, "dative")
        source, target = [*source, english, *inner.source], [*target, german, *inner.target]
    return Words(source, target, plural)


def clause(dice: Dice) -> Words:
    """Draw a subject, a verb and an object; German puts the verb last."""
    subject, object = phrase(dice, "nominative"), phrase(dice, "accusative")
    english, one, several = dice.one_of(VERBS)
    verb = several if subject.plural else one
    return Words([*subject.source, english, *object.source], [*subject.target, *object.target, verb])


def sentence(dice: Dice) -> Words:
    """Draw a clause; every third time another one is joined to it, and so on."""
    source, target, _ = clause(dice)
    while dice.integer(3) == 0:
        (english, german), more = dice.one_of(JOINTS), clause(dice)
        source, target = [*source, english, *more.source], [*target, german, *more.target]
    return Words(source, target)


@gives("pairs")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    train_size: Size = 16_000,
    valid_size: Size = 1_000,
    test_size: Size = 2_000,
    train_length: Length = 18,
    test_length: Length = 20,
    seed: Natural = 0,
) -> Pairs:
    """Generate sentences without repetitions, so that none of test occurs in train or valid.

    Args:
        mirror: unused.
        cache: unused.
        train_size: number of training pairs.
        valid_size: number of validation pairs.
        test_size: number of test pairs.
        train_length: maximum number of words of a source in train and valid; longer sentences are drawn again.
        test_length: maximum number of words of a source in test.
        seed: seed of the data, independent of the seed of the run.

    Raises:
        DataError: `test_length` is not above `train_length`.
    """
    if test_length <= train_length:
        raise DataError(
            f"data=verb_final: found data.test_length={test_length} and data.train_length={train_length}, expected "
            "longer sentences in test than in train. Raise data.test_length or lower data.train_length."
        )
    sizes = {"train": train_size, "valid": valid_size, "test": test_size}
    seen: set[str] = set()
    texts = {}
    for index, split in enumerate(SPLITS):
        longest = test_length if split == "test" else train_length
        texts[split] = _generate(Dice((seed, index)), sizes[split], longest, seen)
    longer = np.mean([len(source.split()) > train_length for source in texts["test"][0]])
    facts = {"data_seed": seed, "longer_than_train": float(longer)}
    return make_pairs("verb_final", texts, facts=facts)


def _generate(dice: Dice, size: int, longest: int, seen: set[str]) -> tuple[list[str], list[str]]:
    sources, targets = [], []
    while len(sources) < size:
        words = sentence(dice)
        source = " ".join(words.source)
        if len(words.source) <= longest and source not in seen:
            seen.add(source)
            sources.append(source)
            targets.append(" ".join(words.target))
    return sources, targets
