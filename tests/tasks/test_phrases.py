"""Phrases by the rules of the CoNLL evaluation, against cases by hand and against its rules word by word."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.tasks.phrases import Scheme, f1_by_type, phrase_metrics

TAGS = ("O", *(f"{prefix}-{kind}" for kind in "ab" for prefix in "BIES"))
Phrases = set[tuple[str, int, int]]


def phrases(tags: list[str]) -> Phrases:
    """Collect phrases word by word, as conlleval does."""
    found: Phrases = set()
    first, before = 0, "O"
    for place, tag in enumerate([*tags, "O"]):
        (old, old_kind), (new, kind) = (text.partition("-")[::2] for text in (before, tag))
        ends = old != "O" and (old in "ES" or new in "BSO" or kind != old_kind)
        begins = new != "O" and (new in "BS" or old in "ESO" or kind != old_kind)
        if ends:
            found.add((old_kind, first, place - 1))
        first, before = place if begins else first, tag
    return found


def sums(scheme: Scheme, true: list[list[str]], predicted: list[list[str]]) -> np.ndarray:
    length = max(map(len, true)) + 2
    ids = [np.zeros((len(true), length), np.int32) for _ in range(2)]
    padding = np.zeros((len(true), length), bool)
    for row, pair in enumerate(zip(true, predicted, strict=True)):
        padding[row, : len(pair[0])] = True
        for rows, tags in zip(ids, pair, strict=True):
            rows[row, : len(tags)] = [TAGS.index(tag) for tag in tags]
            rows[row, len(tags) :] = TAGS.index("B-a")  # padding holds anything
    return np.asarray(scheme.sums(jnp.asarray(ids[0]), jnp.asarray(ids[1]), jnp.asarray(padding)))


@pytest.mark.parametrize(
    ("true", "predicted", "counts"),
    [
        ("B-a I-a O B-b", "B-a I-a O B-b", [[1, 1, 1], [1, 1, 1]]),
        ("B-a I-a O", "B-a O O", [[0, 1, 1], [0, 0, 0]]),  # too short
        ("B-a I-a", "B-a B-a", [[0, 2, 1], [0, 0, 0]]),  # split in two
        ("B-a I-a", "I-a I-a", [[1, 1, 1], [0, 0, 0]]),  # I begins a phrase after O
        ("B-a I-a", "B-a I-b", [[0, 1, 1], [0, 1, 0]]),  # another type begins a phrase
        ("O S-b", "B-a B-b", [[0, 1, 0], [1, 1, 1]]),
    ],
)
@pytest.mark.usefixtures("strict")
def test_phrases_by_hand(true: str, predicted: str, counts: list[list[int]]):
    assert sums(Scheme(TAGS), [true.split()], [predicted.split()]).tolist() == counts


def test_random_tags_are_counted_as_word_by_word():
    draw = np.random.default_rng(0)
    true = [[TAGS[number] for number in draw.integers(len(TAGS), size=draw.integers(1, 12))] for _ in range(400)]
    predicted = [[tag if draw.random() < 0.7 else TAGS[draw.integers(len(TAGS))] for tag in row] for row in true]
    pairs = [(phrases(one), phrases(other)) for one, other in zip(true, predicted, strict=True)]
    expected = [
        [sum(kind == name for phrase in pairs for kind, *_ in pick(*phrase)) for pick in (set.__and__, _second, _first)]
        for name in "ab"
    ]
    scheme = Scheme(TAGS)
    counts = sums(scheme, true, predicted)
    assert counts.tolist() == expected
    right, found, known = counts.sum(axis=0)
    metrics = phrase_metrics(counts)
    assert metrics == pytest.approx(
        {"phrase_f1": 2 * right / (found + known), "precision": right / found, "recall": right / known}
    )
    assert f1_by_type(counts, scheme.types)["b"] == pytest.approx(2 * counts[1, 0] / counts[1, 1:].sum())


def _first(one: Phrases, other: Phrases) -> Phrases:
    return one


def _second(one: Phrases, other: Phrases) -> Phrases:
    return other


def test_tags_without_prefixes_are_no_phrases():
    assert not Scheme(("NOUN", "VERB")).of_phrases
    assert not Scheme(("O", "B-a", "NOUN")).of_phrases
    assert Scheme(("O", "B-a-b")).types == ("a-b",)
    assert phrase_metrics([[0, 0, 0]])["phrase_f1"] == 0.0
