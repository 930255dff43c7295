from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.batches.forecast import ForecastWindows
from gru_bench.data.batches.streams import EvalWindows, TrainWindows
from gru_bench.data.changes import normal, replace_randomly
from gru_bench.data.factory import check_data
from gru_bench.data.sequences.sequences import Examples
from gru_bench.data.series.baselines import all_origins, errors, make_baselines
from gru_bench.errors import ConfigError
from gru_bench.sections import DataConfig
from tests.data.kinds import digits, load

SPLITS = ("train", "valid", "test")


@given(
    count=st.integers(0, 60),
    kinds=st.integers(2, 9),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    seed=st.integers(0, 50),
)
def test_a_share_is_replaced_by_others_and_less_is_contained_in_more(
    count: int, kinds: int, shares: list[float], seed: int
):
    values = np.random.default_rng(seed).integers(0, kinds, count).astype(np.int32)
    less, more = (replace_randomly(values, share, kinds, (seed, 1)) for share in shares)
    for share, found in zip(shares, (less, more), strict=True):
        assert found.dtype == np.int32
        assert ((found >= 0) & (found < kinds)).all()
        assert (found != values).sum() == int(count * share + 0.5)
    np.testing.assert_array_equal(less[less != values], more[less != values])


def test_each_other_value_is_as_likely():
    values = np.full(40_000, 2, np.int32)
    counts = np.bincount(replace_randomly(values, 1.0, 5, (3,)), minlength=5)
    assert counts[2] == 0
    assert np.abs(counts[[0, 1, 3, 4]] / 10_000 - 1).max() < 0.04


def test_normal_deviates_have_their_moments():
    found = normal((20_000, 2), (7,))
    assert np.abs(found.mean(axis=0)).max() < 0.03
    assert np.abs(found.std(axis=0) - 1).max() < 0.02
    assert abs((found**4).mean() - 3) < 0.2
    assert abs((found[:, 0] * found[:, 1]).mean()) < 0.03


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("texts", {"label_noise": 0.2}),
        ("texts", {"input_noise": 0.2}),
        ("tokens", {"input_noise": 0.2}),
        ("series", {"input_noise": 0.2}),
    ],
)
def test_noise_is_the_same_each_time_and_names_the_data(kind: str, settings: dict[str, Any], tmp_path: Path):
    clean, one, two = load(kind, tmp_path), load(kind, tmp_path, **settings), load(kind, tmp_path, **settings)
    other = load(kind, tmp_path, **settings, draw_seed=1)
    digests = [data.facts["digest"] for data in (clean, one, two, other)]
    assert digests[1] == digests[2]
    assert len(set(digests)) == 3
    assert one.describe() == clean.describe()
    for split in SPLITS:
        np.testing.assert_array_equal(read(one, split), read(two, split))
    changed = "train" if "label_noise" in settings else "test"
    arrays = [part.train.labels if "label_noise" in settings else read(part, changed) for part in (clean, one, other)]
    assert not np.array_equal(arrays[0], arrays[1])
    assert not np.array_equal(arrays[1], arrays[2])


def read(data: Any, split: str) -> np.ndarray:
    """Return what is read of a split."""
    if hasattr(data, "form") and hasattr(data, "splits"):
        return data.read[slice(*data.splits[split])]
    found = getattr(data, split)
    return found.ids if hasattr(found, "ids") else data.read.get(split, found)


def test_labels_of_train_alone_are_replaced(tmp_path: Path):
    clean, noisy = load("texts", tmp_path), load("texts", tmp_path, label_noise=0.3)
    assert (
        (noisy.train.labels != clean.train.labels).sum() == round(0.3 * 300) == noisy.facts["label_noise"]["replaced"]
    )
    assert noisy.facts["classes"]["train"] == dict(
        zip(noisy.classes, np.bincount(noisy.train.labels).tolist(), strict=True)
    )
    for split in ("valid", "test"):
        np.testing.assert_array_equal(getattr(noisy, split).labels, getattr(clean, split).labels)
    np.testing.assert_array_equal(noisy.train.ids, clean.train.ids)


def test_the_share_of_wrong_labels_is_that_of_what_is_learned_from(tmp_path: Path):
    clean = load("texts", tmp_path, train_fraction=0.5)
    noisy = load("texts", tmp_path, train_fraction=0.5, label_noise=0.4)
    assert noisy.train.texts == clean.train.texts
    assert (noisy.train.labels != clean.train.labels).mean() == 0.4


def test_symbols_are_read_wrongly_and_targets_stay(tmp_path: Path):
    clean, noisy = load("tokens", tmp_path), load("tokens", tmp_path, input_noise=0.25)
    begin = clean.vocabulary.begin
    for split in SPLITS:
        stream = getattr(noisy, split)
        np.testing.assert_array_equal(stream, getattr(clean, split))
        assert (noisy.read[split] != stream).sum() == int(0.25 * stream.size + 0.5)
    assert (noisy.floor, clean.floor is None) == (None, False)
    windows = TrainWindows(noisy.train, begin, 4, 10, read=noisy.read["train"])
    plain = TrainWindows(clean.train, begin, 4, 10)
    for ours, theirs in zip(windows, plain, strict=True):
        np.testing.assert_array_equal(ours["targets"], theirs["targets"])
    ours = np.concatenate([batch["inputs"] for batch in windows], axis=1).reshape(-1)
    theirs = np.concatenate([batch["inputs"] for batch in plain], axis=1).reshape(-1)
    assert 0.2 < (ours != theirs).mean() < 0.3
    scored = EvalWindows(noisy.test, begin, 1, noisy.test.size, read=noisy.read["test"])[0]
    np.testing.assert_array_equal(scored["targets"][0], clean.test)
    np.testing.assert_array_equal(scored["inputs"][0], [begin, *noisy.read["test"][:-1]])


def test_words_are_read_wrongly_in_all_splits(tmp_path: Path):
    clean, noisy = load("texts", tmp_path), load("texts", tmp_path, input_noise=0.1)
    for split in SPLITS:
        ours, theirs = getattr(noisy, split), getattr(clean, split)
        assert (ours.ids != theirs.ids).sum() == int(0.1 * theirs.ids.size + 0.5)
        np.testing.assert_array_equal(ours.starts, theirs.starts)
        np.testing.assert_array_equal(ours.labels, theirs.labels)


@pytest.mark.parametrize("normalise", ["none", "last", "instance"])
def test_contexts_are_noisy_and_targets_stay(normalise: Any, tmp_path: Path):
    clean, noisy = load("series", tmp_path), load("series", tmp_path, input_noise=0.5)
    away = (noisy.read - clean.read)[: clean.splits["test"][1]]
    assert abs(away.mean()) < 0.08
    assert abs(away.std() - 0.5) < 0.05
    chosen = all_origins(clean, "test")
    ours, theirs = (ForecastWindows(data, "joint", normalise) for data in (noisy, clean))
    one, two = (windows.batch(windows.items(chosen), chosen.size) for windows in (ours, theirs))
    np.testing.assert_array_equal(one["targets"], two["targets"])
    back = one["inputs"] * one["scale"] + one["location"]
    rows = chosen[:, None] + np.arange(-noisy.form.context, 0)
    np.testing.assert_allclose(back, noisy.read[rows], atol=1e-5)


def test_baselines_read_what_the_network_reads(tmp_path: Path):
    clean, noisy = load("series", tmp_path), load("series", tmp_path, input_noise=0.3)
    chosen = all_origins(clean, "test")
    for name, forecast in make_baselines(noisy).items():
        worse = errors(noisy, chosen, forecast)["squared"].sum()
        assert worse > errors(clean, chosen, make_baselines(clean)[name])["squared"].sum()
    last = make_baselines(noisy)["last value"](chosen)
    np.testing.assert_array_equal(last[:, 0], noisy.read[chosen - 1])


def test_the_test_split_is_as_noisy_whatever_is_learned_from(tmp_path: Path):
    for kind in ("tokens", "texts", "series"):
        whole, part = (load(kind, tmp_path, input_noise=0.2, train_fraction=share) for share in (1.0, 0.4))
        np.testing.assert_array_equal(read(part, "test"), read(whole, "test"))


@pytest.mark.parametrize(
    ("source", "kind", "settings", "message"),
    [
        (
            "ptb",
            "tokens",
            {"label_noise": 0.1},
            r"data.label_noise: found 0.1, allowed: 0.0 for tokens\. It is for labelled_sequences, .*texts",
        ),
        ("etth1", "series", {"label_noise": 0.1}, r"data.label_noise: .* for series"),
        ("canon", "pieces", {"input_noise": 0.1}, r"data.input_noise: .* for pieces"),
        ("ptb", "tokens", {"input_noise": 1.5}, r"data.input_noise: found 1.5, allowed: a share of the symbols"),
        ("sst2", "texts", {"input_noise": 1.5}, r"data.input_noise: found 1.5, allowed: a share of the symbols"),
    ],
)
def test_noise_that_a_kind_cannot_have_is_refused_without_reading(
    source: str, kind: str, settings: dict[str, Any], message: str
):
    with pytest.raises(ConfigError, match=message):
        check_data(DataConfig(source=source, **settings), "any", kind)
    check_data(DataConfig(source="etth1", input_noise=1.5), "any", "series")


@pytest.mark.parametrize("kind", ["tokens", "texts", "series", "sequences", "pieces"])
def test_no_change_is_asked_for_by_default(kind: str, tmp_path: Path):
    plain = load(kind, tmp_path)
    named = load(kind, tmp_path, train_fraction=1.0, label_noise=0.0, input_noise=0.0, draw_seed=5)
    assert plain.facts == named.facts
    assert not {"train_fraction", "label_noise", "input_noise"} & set(plain.facts)


def test_a_fixed_set_of_sequences_gets_wrong_labels_and_noisy_values():
    clean = digits()
    assert isinstance(clean.train, Examples)
    labelled = clean.with_label_noise(0.25, 0)
    assert isinstance(labelled.train, Examples)
    assert (labelled.train.targets != clean.train.targets).sum() == 10 == labelled.facts["label_noise"]["replaced"]
    np.testing.assert_array_equal(labelled.test.targets, clean.test.targets)
    noisy = clean.with_input_noise(0.5, 0)
    spread = clean.train.batch()["inputs"].std()
    for split in SPLITS:
        before, after = getattr(clean, split), getattr(noisy, split)
        np.testing.assert_array_equal(after.targets, before.targets)
        away = after.batch()["inputs"] - before.batch()["inputs"]
        assert 0.35 * spread < away.std() < 0.65 * spread
    assert len({data.facts["digest"] for data in (clean, labelled, noisy)}) == 3


@pytest.mark.parametrize("settings", [{"label_noise": 0.1}, {"input_noise": 0.1}])
def test_sequences_that_are_drawn_anew_are_refused(settings: dict[str, Any], tmp_path: Path):
    with pytest.raises(ConfigError, match=r"_noise: found 0.1, allowed: 0.0 for sequences generated in each epoch"):
        load("sequences", tmp_path, **settings)
