from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.batches.examples import train_batches
from gru_bench.data.sequences.sequences import Examples
from gru_bench.data.series.baselines import all_origins
from gru_bench.errors import ConfigError, DataError
from tests.data.kinds import digits, load

CUT = ["tokens", "texts", "series", "pieces"]


@pytest.mark.parametrize("kind", CUT)
def test_it_is_said_how_much_is_used_and_the_rest_stays(kind: str, tmp_path: Path):
    whole, part = load(kind, tmp_path), load(kind, tmp_path, train_fraction=0.3)
    found = part.facts["train_fraction"]
    assert found["share"] == 0.3
    assert abs(found["used"] - 0.3 * found["of"]) <= 1
    counted = {"tokens": "symbols", "texts": "texts", "series": "rows", "pieces": "pieces"}[kind]
    assert whole.facts[counted] == {**part.facts[counted], "train": found["of"]}
    assert part.facts[counted]["train"] == found["used"]
    assert part.facts["digest"] != whole.facts["digest"]
    assert part.facts["digest"] == load(kind, tmp_path, train_fraction=0.3).facts["digest"]
    assert part.describe() == whole.describe()
    assert "train_fraction" not in whole.facts


def test_symbols_are_the_first_ones(tmp_path: Path):
    whole, part = load("tokens", tmp_path), load("tokens", tmp_path, train_fraction=0.25)
    np.testing.assert_array_equal(part.train, whole.train[: part.train.size])
    np.testing.assert_array_equal(part.test, whole.test)


def test_another_seed_takes_other_symbols_and_shares_are_nested(tmp_path: Path):
    whole = load("tokens", tmp_path)
    for seed in (1, 2, 3):
        parts = [load("tokens", tmp_path, train_fraction=share, draw_seed=seed) for share in (0.1, 0.3, 0.9)]
        starts = [part.facts["train_fraction"]["start"] for part in parts]
        assert starts == sorted(starts, reverse=True)
        ends = [start + part.train.size for start, part in zip(starts, parts, strict=True)]
        assert ends == sorted(ends)
        for start, end, part in zip(starts, ends, parts, strict=True):
            np.testing.assert_array_equal(part.train, whole.train[start:end])
            assert part.facts["symbols"]["train"] == part.train.size == end - start


def test_texts_are_nested_and_each_class_has_its_share(tmp_path: Path):
    whole = load("texts", tmp_path)
    sizes = np.bincount(whole.train.labels)
    before: set[str] = set()
    for share in (0.001, 0.1, 0.3, 0.77):
        part = load("texts", tmp_path, train_fraction=share)
        assert before < set(part.train.texts) < set(whole.train.texts)
        before = set(part.train.texts)
        np.testing.assert_array_equal(np.bincount(part.train.labels), np.maximum(np.floor(sizes * share + 0.5), 1))
        for place, text in enumerate(part.train.texts):
            there = whole.train.texts.index(text)
            np.testing.assert_array_equal(part.train[place], whole.train[there])
            assert part.train.labels[place] == whole.train.labels[there]
        assert part.test.texts == whole.test.texts


def test_another_seed_takes_other_texts(tmp_path: Path):
    one, two = (load("texts", tmp_path, train_fraction=0.3, draw_seed=seed).train.texts for seed in (0, 1))
    assert len(one) == len(two)
    assert set(one) != set(two)


def test_rows_are_the_last_ones_and_the_test_windows_the_same(tmp_path: Path):
    whole, part = load("series", tmp_path), load("series", tmp_path, train_fraction=0.1)
    assert part.splits["train"] == (0, 40)
    np.testing.assert_array_equal(part.values, whole.values[360:])
    for split in ("valid", "test"):
        ours, theirs = all_origins(part, split), all_origins(whole, split)
        np.testing.assert_array_equal(part.values[ours], whole.values[theirs])
        assert part.facts["windows"][split] == whole.facts["windows"][split]
    assert part.facts["windows"]["train"] == 40 - 25 + 1


def test_pieces_are_nested(tmp_path: Path):
    less, more, whole = (load("pieces", tmp_path, train_fraction=share).train for share in (0.2, 0.5, 1.0))
    names = [{roll.tobytes() for roll in rolls} for rolls in (less, more, whole)]
    assert names[0] < names[1] < names[2]
    assert [len(rolls) for rolls in (less, more, whole)] == [4, 10, 20]


def test_too_little_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"train_fraction=0.001 leaves \d of 1,\d+ symbols, expected at least 10"):
        load("tokens", tmp_path, train_fraction=0.001)
    with pytest.raises(DataError, match=r"train_fraction=0.06 leaves 24 of 400 training rows, expected at least 25"):
        load("series", tmp_path, train_fraction=0.06)


def test_generated_sequences_are_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"data.train_fraction: found 0.5, allowed: 1.0 for sequences generated"):
        load("sequences", tmp_path, train_fraction=0.5)


def test_a_fixed_set_of_sequences_is_nested():
    data = digits()
    assert isinstance(data.train, Examples)
    parts = [data.with_train_fraction(share, 0) for share in (0.2, 0.5)]
    trains = [part.train for part in parts if isinstance(part.train, Examples)]
    less, more = (set(train.inputs[:, 0, 0].tolist()) for train in trains)
    assert less < more < set(data.train.inputs[:, 0, 0].tolist())
    assert [part.facts["sequences"]["train"] for part in parts] == [8, 20]
    assert len(train_batches(parts[0], 4, 0)) == 2
    for place, first in zip(trains[1].targets[:, 0], trains[1].inputs[:, 0, 0], strict=True):
        assert place == first % 3
