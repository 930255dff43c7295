from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from gru_bench.data.signals.signals import LabelledSequences, SignalForm, Signals, join_signals, make_signals
from gru_bench.data.signals.splits import draw_signal_splits
from gru_bench.data.signals.summaries import cut, summaries
from gru_bench.errors import DataError

CHANNELS = ("a", "b")


def some(count: int, seed: int = 0, missing: float = 0.0, *, times: bool = False) -> Signals:
    draw = np.random.default_rng(seed)
    values = [draw.normal(3, 2, (draw.integers(1, 7), 2)).astype(np.float32) for _ in range(count)]
    for sequence in values:
        sequence[draw.random(sequence.shape) < missing] = np.nan
    stamps = [np.cumsum(draw.uniform(0.1, 2, len(sequence))) for sequence in values] if times else None
    return join_signals(values, np.arange(count, dtype=np.int32) % 3, stamps)


def data_of(**options: Any) -> LabelledSequences:
    splits = {"train": some(30, 0, **options), "valid": some(9, 1, **options), "test": some(12, 2, **options)}
    return make_signals("drawn", splits, ("x", "y", "z"), CHANNELS)


def test_inputs_are_scaled_by_train_alone():
    data = data_of()
    assert not data.form.irregular
    inputs = np.concatenate(data.form.encode(data.train))
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(inputs.std(axis=0), 1, rtol=1e-5)
    test = np.concatenate(data.form.encode(data.test))
    expected = (data.test.values - data.train.values.mean(axis=0)) / data.train.values.std(axis=0)
    np.testing.assert_allclose(test, expected, rtol=1e-4, atol=1e-5)
    assert SignalForm.from_dict(json.loads(json.dumps(data.describe()))) == data.form


def test_bytes_count_as_shares_of_255():
    values = np.array([[[0, 255], [51, 102]]] * 4, np.uint8)
    part = join_signals(list(values), [0, 1, 0, 1])
    data = make_signals("bytes", {"train": part, "valid": part, "test": part}, ("x", "y"), CHANNELS)
    assert data.form.mean == pytest.approx((0.1, 0.7))
    np.testing.assert_allclose(data.form.encode(part)[0], [[-1, 1], [1, -1]], atol=1e-5)


def test_inputs_of_irregular_data_are_those_of_a_loop():
    data = data_of(missing=0.5, times=True)
    form = data.form
    assert form.irregular
    assert form.duration == pytest.approx(np.mean([np.ptp(data.train.times_of(k)) for k in range(30)]))
    for place, inputs in enumerate(form.encode(data.test)):
        values, times = data.test[place], data.test.times_of(place)
        for channel in range(2):
            held, since = 0.0, times[0]
            for step, value in enumerate(values[:, channel]):
                elapsed = (times[step] - since) / form.duration
                if not np.isnan(value):
                    held = (value - form.mean[channel]) / form.deviation[channel]
                expected = [held, not np.isnan(value), elapsed]
                np.testing.assert_allclose(inputs[step, channel::2], expected, rtol=1e-4, atol=1e-5)
                since = since if np.isnan(value) else times[step]


def test_even_times_are_left_out_and_uneven_ones_kept():
    even, parts = some(6), {}
    for split in ("train", "valid", "test"):
        stamps = [10 + 0.5 * np.arange(length) for length in even.lengths]
        parts[split] = join_signals([even[place] for place in range(6)], even.labels, stamps)
    assert not make_signals("even", parts, ("x", "y", "z"), CHANNELS).form.irregular
    longest = int(even.lengths.argmax())
    times = parts["test"].times
    assert times is not None
    times[even.starts[longest + 1] - 1] += 5
    assert make_signals("uneven", parts, ("x", "y", "z"), CHANNELS).form.irregular


def test_shares_and_noise_change_what_they_say():
    data = data_of(missing=0.2)
    part = data.with_train_fraction(0.5, 0)
    assert np.bincount(part.train.labels).tolist() == [5, 5, 5]
    assert part.form == data.form
    wrong = data.with_label_noise(0.2, 0)
    assert int((wrong.train.labels != data.train.labels).sum()) == 6
    noisy = data.with_input_noise(0.5, 0)
    difference = (noisy.train.values - data.train.values) / np.array(data.form.deviation)
    assert np.nanstd(difference) == pytest.approx(0.5, rel=0.2)
    np.testing.assert_array_equal(np.isnan(noisy.test.values), np.isnan(data.test.values))
    assert len({one.facts["digest"] for one in (data, part, wrong, noisy, data_of())}) == 5


def test_missing_values_are_nested_paired_and_make_the_data_irregular():
    data = data_of()
    little, much = data.with_missing_rate(0.2, 0), data.with_missing_rate(0.6, 0)
    assert [one.form.irregular for one in (data, little)] == [False, True]
    assert little.facts["irregular"]
    assert (little.form.mean, little.form.deviation) == (data.form.mean, data.form.deviation)
    for split in ("train", "valid", "test"):
        before, gaps = data.by_split[split].values, np.isnan(little.by_split[split].values)
        assert gaps.mean() == pytest.approx(0.2, abs=0.12)
        assert np.isnan(much.by_split[split].values)[gaps].all()
        np.testing.assert_array_equal(little.by_split[split].values[~gaps], before[~gaps])
    again = data.with_missing_rate(0.2, 0)
    assert again.facts == little.facts
    assert again.facts["missing_rate"] == {"rate": 0.2, "draw_seed": 0}
    assert data.with_missing_rate(0.2, 1).facts["digest"] != little.facts["digest"]


def test_bytes_with_gaps_are_shares_of_255():
    pixels = join_signals([np.full((5, 2), 51, np.uint8)] * 4, [0, 1, 0, 1])
    data = make_signals("pixels", dict.fromkeys(("train", "valid", "test"), pixels), ("x", "y"), CHANNELS)
    values = data.with_missing_rate(0.5, 0).train.values
    np.testing.assert_allclose(values[~np.isnan(values)], 0.2, rtol=1e-6)
    assert np.isnan(values).any()


def test_summaries_are_those_of_a_loop():
    signals = some(20, 3, missing=0.5)
    rows = summaries(signals)
    for place in range(20):
        for channel in range(2):
            known = signals[place][:, channel].astype(np.float64)
            known = known[~np.isnan(known)]
            parts = [known[-1:], known.mean(keepdims=True), known.std(keepdims=True)] if known.size else []
            parts += [known.min(keepdims=True), known.max(keepdims=True)] if known.size else []
            expected = [*np.concatenate(parts), known.size] if known.size else [*[np.nan] * 5, 0]
            np.testing.assert_allclose(rows[place, channel::2], expected, rtol=1e-6)


def test_parts_are_cut_in_order_and_never_empty():
    signals = join_signals([np.arange(7.0)[:, None], np.arange(2.0)[:, None]], [1, 0])
    parts = cut(signals, 3)
    assert [parts[place][:, 0].tolist() for place in range(6)] == [[0, 1], [2, 3], [4, 5, 6], [0], [0], [1]]
    assert parts.labels.tolist() == [1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("mixed", [True, False])
def test_no_group_is_in_two_splits(mixed: bool):
    signals = some(60)
    groups = [f"g{place % 12}" if mixed else f"g{place % 3}.{place % 12}" for place in range(60)]
    splits = draw_signal_splits(signals, {"valid": 0.2, "test": 0.2}, 1, groups)
    of = {signals[place].tobytes(): group for place, group in enumerate(groups)}
    members = {name: {of[part[place].tobytes()] for place in range(len(part))} for name, part in splits.items()}
    assert all(members.values())
    assert sum(map(len, members.values())) == len(set(groups))
    assert sum(map(len, splits.values())) == 60


def test_what_cannot_be_trained_on_is_refused():
    good = some(12)
    splits = {"train": good, "valid": good, "test": good}
    none, one = good.take(np.array([], np.int64)), good.take(np.flatnonzero(good.labels == 0))
    silent = Signals(good.values * np.array([1, np.nan], np.float32), good.starts, good.labels)
    for wrong, message in (
        ({"valid": none}, "valid split has 0 sequences"),
        ({"train": one}, "class 'x' alone"),
        ({"train": silent}, "no value of b"),
    ):
        with pytest.raises(DataError, match=message):
            make_signals("drawn", splits | wrong, ("x", "y", "z"), CHANNELS)
    with pytest.raises(DataError, match="found 2 groups, expected at least 3"):
        draw_signal_splits(good, {"valid": 0.2, "test": 0.2}, 0, ["a", "b"] * 6)
