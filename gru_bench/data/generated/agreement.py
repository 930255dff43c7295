"""Generated sentences in which subjects and verbs agree in number, and only one of each pair shows it.

    sentence = clause
    clause   = subject ["near" noun phrase] ["that" clause] [adverb] verb      the clause inside is an embedded one
    subject  = "the" [adjective] noun

A subject and the verb of its clause are two phrases with the tag `one` or `many` (BIO); all other words have the tag O.
Either the noun shows the number (dog, dogs) and the verb does not (can), or the verb shows it (barks, bark) and the
noun does not (sheep). So the tag of a phrase is decided by the other one, before or after it, with whole clauses and
nouns of another number between them. The class of a sentence is the number of its outermost clause. All of it follows
from the words: the optimum is 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from gru_bench.data.data_set import SPLITS
from gru_bench.data.generated.sentiment_grammar import Dice
from gru_bench.data.source import gives
from gru_bench.data.tagged.tagged import Sentence, TaggedTexts, make_tagged
from gru_bench.validation import Natural, Range

Size = Annotated[int, Range(low=50, high=50_000)]
Depth = Annotated[int, Range(low=0, high=8)]

READING = {"word": 1, "tag": 2, "label": "class"}
NUMBERS = ("one", "many")
NOUNS = {
    "one": tuple("dog cat farmer child pilot doctor".split()),
    "many": tuple("dogs cats farmers children pilots doctors".split()),
    "": tuple("sheep deer fish aircraft salmon species".split()),
}
VERBS = {
    "one": tuple("sleeps runs waits barks swims returns".split()),
    "many": tuple("sleep run wait bark swim return".split()),
    "": tuple("slept ran must can waited returned".split()),
}
ADJECTIVES = tuple("old small grey quiet clever".split())
ADVERBS = tuple("often never always rarely".split())
PREPOSITIONS = ("near", "behind", "beside")

Tagged = list[tuple[str, str]]


def clause(dice: Dice, depth: int) -> tuple[Tagged, str]:
    """Draw a clause with `depth` clauses inside, and its number."""
    number = dice.one_of(NUMBERS)
    shown_by_noun = dice.integer(2) == 1
    adjective = [dice.one_of(ADJECTIVES)] * (dice.integer(3) == 0)
    adverb = [dice.one_of(ADVERBS)] * (dice.integer(3) == 0)
    subject = _phrase(["the", *adjective, dice.one_of(NOUNS[number if shown_by_noun else ""])], number)
    verb = _phrase([*adverb, dice.one_of(VERBS["" if shown_by_noun else number])], number)
    between: Tagged = []
    if dice.integer(2):
        noun = dice.one_of(NOUNS[dice.one_of(tuple(NOUNS))])
        between += [(word, "O") for word in (dice.one_of(PREPOSITIONS), "the", noun)]
    if depth:
        between += [("that", "O"), *clause(dice, depth - 1)[0]]
    return [*subject, *between, *verb], number


def _phrase(words: list[str], number: str) -> Tagged:
    return [(word, f"{'I' if place else 'B'}-{number}") for place, word in enumerate(words)]


@gives("tagged_texts")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    train_size: Size = 8_000,
    valid_size: Size = 500,
    test_size: Size = 2_000,
    depth: Depth = 2,
    seed: Natural = 0,
) -> TaggedTexts:
    """Generate sentences without repetitions, so that none of test occurs in train or valid.

    Args:
        mirror: unused.
        cache: unused.
        train_size: number of training sentences.
        valid_size: number of validation sentences.
        test_size: number of test sentences.
        depth: maximum number of clauses inside each other; that of a sentence is uniform from 0.
        seed: seed of the data, independent of the seed of the run.
    """
    sizes = {"train": train_size, "valid": valid_size, "test": test_size}
    seen: set[tuple[str, ...]] = set()
    splits = {split: _generate(Dice((seed, 7, place)), sizes[split], depth, seen) for place, split in enumerate(SPLITS)}
    return make_tagged("agreement", splits, reading=READING, facts={"data_seed": seed, "optimum": 1.0})


def _generate(dice: Dice, size: int, deepest: int, seen: set[tuple[str, ...]]) -> list[Sentence]:
    sentences: list[Sentence] = []
    while len(sentences) < size:
        tagged, number = clause(dice, dice.integer(deepest + 1))
        words, tags = zip(*tagged, strict=True)
        if words not in seen:
            seen.add(words)
            sentences.append(Sentence(words, tags, number))
    return sentences
