"""Containers of examples: forms survive JSON, digests cover examples and form but no layout, counts follow changes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from gru_bench.data.containers import starts_of
from gru_bench.data.pairs.pairs import PairForm, Pairs, make_pairs
from gru_bench.data.tagged.tagged import Sentence, TaggedTexts, make_tagged

WORDS = tuple("abcdefghij")
SIDES = (WORDS, tuple(2 * word for word in WORDS))
SENTENCES = [Sentence((word,), ("O" if place % 2 else "X",), "ab"[place % 5 == 0]) for place, word in enumerate(WORDS)]


def pairs(sides: tuple[tuple[str, ...], tuple[str, ...]] = SIDES, **options: Any) -> Pairs:
    return make_pairs("made", dict.fromkeys(("train", "valid", "test"), sides), **options)


def tagged() -> TaggedTexts:
    return make_tagged("made", dict.fromkeys(("train", "valid", "test"), SENTENCES))


def test_a_form_survives_json():
    form = pairs(reading={"columns": ["a", "b"]}).form
    again = PairForm.from_dict(json.loads(json.dumps(form.to_dict())))
    assert again == form
    assert again.source.encode("c").tolist() == form.source.encode("c").tolist()


def test_a_digest_covers_examples_and_form_but_not_the_layout_of_a_file():
    plain = pairs().facts["digest"]
    assert pairs(reading={"delimiter": ";"}).facts["digest"] == plain
    others = [pairs(level="char"), pairs((SIDES[0], SIDES[0])), pairs((SIDES[0][::-1], SIDES[1][::-1]))]
    assert len({plain, *(other.facts["digest"] for other in others)}) == 4


def test_counts_follow_a_share_of_train():
    part = pairs().with_train_fraction(0.3, 1)
    assert part.facts["pairs"] == {"train": 3, "valid": 10, "test": 10}
    assert part.train.targets == tuple(2 * word for word in part.train.sources)
    assert [part.form.source.decode(ids) for ids in part.train.source_ids] == list(part.train.sources)


def test_a_share_keeps_each_class_and_noise_replaces_tags_but_no_classes():
    data = tagged()
    assert data.facts["classes"]["train"] == {"a": 8, "b": 2}
    assert data.with_train_fraction(0.1, 0).facts["classes"]["train"] == {"a": 1, "b": 1}
    noisy = data.with_label_noise(0.5, 0)
    assert (noisy.train.tags != data.train.tags).sum() == 5
    np.testing.assert_array_equal(noisy.train.labels, data.train.labels)
    unknown = data.form.vocabulary.ids["<unk>"]
    read = data.with_input_noise(1.0, 0)
    assert read.facts["unknown"] == {split: int((part.ids == unknown).sum()) for split, part in read.by_split.items()}
    assert (read.test.ids != data.test.ids).all()


def test_rows_of_other_lengths_have_their_starts():
    assert starts_of([[1, 2], [], [3]]).tolist() == [0, 2, 2, 3]
    assert starts_of([]).tolist() == [0]
