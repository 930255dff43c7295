"""The embedded Reber grammar, with its exact entropy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np

from gru_bench.data.data_set import SPLITS
from gru_bench.data.random import random_bits
from gru_bench.data.source import gives
from gru_bench.data.tokens.corpus import Corpus, make_corpus
from gru_bench.data.tokens.vocabulary import Tokens, Vocabulary
from gru_bench.validation import Natural, Range

Size = Annotated[int, Range(low=100, high=50_000_000)]

# state -> (symbol, next state) of each branch; two branches are equally likely.
Grammar = Mapping[str, tuple[tuple[str, str], ...]]


def _reber(prefix: str, after: str) -> Grammar:
    """Return one Reber grammar whose final E leads to the state `after`."""
    inner: dict[str, tuple[tuple[str, str], ...]] = {
        "begin": (("B", "first"),),
        "first": (("T", "s loop"), ("P", "t loop")),
        "s loop": (("S", "s loop"), ("X", "upper")),
        "t loop": (("T", "t loop"), ("V", "lower")),
        "upper": (("X", "t loop"), ("S", "end")),
        "lower": (("P", "upper"), ("V", "end")),
        "end": (("E", after),),
    }
    return {
        prefix + state: tuple((symbol, target if target == after else prefix + target) for symbol, target in branches)
        for state, branches in inner.items()
    }


START = "start"
EMBEDDED_REBER: Grammar = {
    START: (("B", "choice"),),
    "choice": (("T", "T:begin"), ("P", "P:begin")),
    **_reber("T:", "recall T"),
    **_reber("P:", "recall P"),
    "recall T": (("T", "finish"),),
    "recall P": (("P", "finish"),),
    "finish": (("E", START),),
}
ALPHABET = ("B", "E", "P", "S", "T", "V", "X")
END = "E"


def generate(grammar: Grammar, start: str, size: int, bits: np.ndarray) -> list[str]:
    """Generate complete strings from `start`, until there are at least `size` symbols.

    Args:
        grammar: branches by state.
        start: the state between two strings.
        size: minimum number of symbols.
        bits: fair coin flips, one per binary choice; `size` + 1000 of them are enough.
    """
    symbols: list[str] = []
    state = start
    flips = iter(bits.tolist())
    while len(symbols) < size or state != start:
        branches = grammar[state]
        symbol, state = branches[next(flips) if len(branches) > 1 else 0]
        symbols.append(symbol)
    return symbols


def log_probability(grammar: Grammar, start: str, symbols: list[str]) -> float:
    """Return the exact log-probability, in nats, of symbols from `start`.

    The branches of a state have different symbols, so the past of the stream determines the state.
    """
    state, total = start, 0.0
    for symbol in symbols:
        branches = dict(grammar[state])
        state = branches[symbol]
        total -= math.log(len(branches))
    return total


def closed_form(grammar: Grammar, start: str) -> float:
    """Return the entropy rate of strings joined to one stream, nats per symbol.

    The expected visits v of the states within one string solve v = e_start + P' v, with P without the return to
    `start`; every visit emits one symbol, a visit with two branches costs ln 2. The rate is expected cost / expected
    length.
    """
    states = list(grammar)
    place = {state: index for index, state in enumerate(states)}
    transition = np.zeros((len(states), len(states)))
    for state, branches in grammar.items():
        for _, target in branches:
            if target != start:
                transition[place[state], place[target]] += 1 / len(branches)
    entry = np.zeros(len(states))
    entry[place[start]] = 1.0
    visits = np.linalg.solve(np.eye(len(states)) - transition.T, entry)
    cost = np.array([math.log(len(grammar[state])) for state in states])
    return float(visits @ cost / visits.sum())


@gives("tokens")
def load_reber(
    *,
    mirror: Path | None,
    cache: Path,
    train_size: Size = 200_000,
    valid_size: Size = 20_000,
    test_size: Size = 50_000,
    seed: Natural = 0,
) -> Corpus:
    """Generate the embedded Reber grammar: B (T|P) reber (same T|P) E, strings joined to one stream.

    The second T or P repeats the first after a whole inner string: predicting it needs a memory of about ten time
    steps. A split ends with a complete string, so it may be a few symbols longer than its size.

    Args:
        mirror: unused.
        cache: unused.
        train_size: minimum number of training symbols.
        valid_size: minimum number of validation symbols.
        test_size: minimum number of test symbols.
        seed: seed of the data, independent of the seed of the run.

    References: Hochreiter & Schmidhuber 1997, experiment 1; Reber 1967.
    """
    sizes = {"train": train_size, "valid": valid_size, "test": test_size}
    strings = {
        split: generate(EMBEDDED_REBER, START, size, random_bits((seed, index), size + 1000))
        for index, (split, size) in enumerate(sizes.items())
    }
    vocabulary = Vocabulary(ALPHABET, "symbol", ALPHABET.index(END))
    tokens: dict[str, Tokens] = {split: vocabulary.encode_symbols(strings[split]) for split in SPLITS}
    floor = {
        "floor": -log_probability(EMBEDDED_REBER, START, strings["test"]) / len(strings["test"]),
        "closed-form floor": closed_form(EMBEDDED_REBER, START),
    }
    return make_corpus("reber", vocabulary, tokens, {"data_seed": seed}, floor)
