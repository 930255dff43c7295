"""Sequences of real values with a class each: values, times, classes, scaling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.changes import changed_facts, input_seeds, normal, removed
from gru_bench.data.containers import Form, Joined, LabelledData, starts_of
from gru_bench.data.data_set import SPLITS
from gru_bench.data.random import Seed
from gru_bench.data.texts.labels import warn_of_absent
from gru_bench.errors import DataError

UNEVEN = 1.5
"""Longest over shortest step in time above which the steps of a sequence count as uneven."""


@dataclass(frozen=True)
class Signals(Joined):
    """Sequences of a split.

    Attributes:
        values: of all sequences one after the other, of shape (time steps, channels): float32, NaN where a value is
            missing, or uint8.
        starts: where each sequence begins in `values`, and the end of the last one, int64 of shape (sequences + 1,).
        labels: class numbers, int32 of shape (sequences,).
        times: of all time steps, float64 of shape (time steps,); None: steps are even.
        names: of the sequences, in the user's file; empty: they are numbered.
    """

    values: NDArray[Any]
    starts: NDArray[np.int64]
    labels: NDArray[np.int32]
    times: NDArray[np.float64] | None = None
    names: tuple[str, ...] = ()

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Return the values of a sequence, of shape (time steps, channels)."""
        return self.values[self.starts[index] : self.starts[index + 1]]

    @property
    def scale(self) -> np.float32:
        """The unit of the values: 1/255 of bytes, else 1."""
        return np.float32(1 / 255 if self.values.dtype == np.uint8 else 1)

    @property
    def in_units(self) -> NDArray[np.float32]:
        """The values in units of `scale`, of shape (time steps, channels)."""
        return self.values.astype(np.float32) * self.scale

    def name(self, index: int) -> str:
        """Return the name of a sequence."""
        return self.names[index] if self.names else str(index + 1)

    def times_of(self, index: int) -> NDArray[np.float64]:
        """Return the times of the time steps of a sequence; 0, 1, 2, ... if steps are even."""
        if self.times is None:
            return np.arange(self.lengths[index], dtype=np.float64)
        return self.times[self.starts[index] : self.starts[index + 1]]

    def take(self, places: NDArray[np.int64]) -> Signals:
        """Return some of the sequences, in the order of `places`."""
        chosen = places.tolist()
        return join_signals(
            [self[place] for place in chosen],
            self.labels[places],
            None if self.times is None else [self.times_of(place) for place in chosen],
            [self.names[place] for place in chosen] if self.names else (),
        )


def join_signals(
    values: Sequence[NDArray[Any]],
    labels: Sequence[int] | NDArray[np.int32],
    times: Sequence[NDArray[np.float64]] | None = None,
    names: Sequence[str] = (),
) -> Signals:
    """Join sequences of shape (time steps, channels) to those of a split; see `Signals`."""
    joined = np.concatenate(values) if values else np.zeros((0, 0), np.float32)
    known = np.concatenate([np.asarray(part, np.float64) for part in times]) if times else None
    return Signals(joined, starts_of(values), np.asarray(labels, np.int32), known, tuple(names))


def uneven(signals: Signals) -> bool:
    """Return whether the steps between times are uneven or of different sizes."""
    if signals.times is None:
        return False
    steps = np.delete(np.diff(signals.times), signals.starts[1:-1] - 1)
    return bool(steps.size) and bool(steps.max() > UNEVEN * steps.min())


@dataclass(frozen=True, kw_only=True)
class SignalForm(Form):
    """What a trained model needs of its data beside the sequences.

    Attributes:
        classes: names of the classes; a label is a place in it.
        channels: names of the values of a time step.
        counts: training sequences of each class.
        mean: mean of each channel in train.
        deviation: standard deviation of each channel in train; 1 where it is 0.
        irregular: whether inputs tell which values are observed, and the time since the last observation.
        duration: mean time of a training sequence, the unit of that time.
        frame: rows, columns and colours of a frame whose pixels are the channels, row by row; None: they are no pixels.
    """

    not_in_digest = frozenset({"reading", "frame"})

    classes: tuple[str, ...]
    channels: tuple[str, ...]
    counts: tuple[int, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    irregular: bool = False
    duration: float = 1.0
    frame: tuple[int, int, int] | None = None

    def encode(self, signals: Signals) -> list[NDArray[np.float32]]:
        """Return the inputs of each sequence, of shape (time steps, inputs).

        They are the scaled values. Irregular data has three inputs per channel, one after the other for all channels:
        the last observed scaled value (0, the mean, before the first one); 1 where there is a value at this time step,
        else 0; and the time since the last observation before this time step, in mean durations of a sequence.

        References: Che et al. 2018, Recurrent neural networks for multivariate time series with missing values,
        arXiv:1606.01865, equation 2.
        """
        mean, deviation = np.array(self.mean, np.float32), np.array(self.deviation, np.float32)
        scaled = (signals.in_units - mean) / deviation
        rows = [scaled[start:end] for start, end in zip(signals.starts[:-1], signals.starts[1:], strict=True)]
        if not self.irregular:
            return rows
        return [self._observations(row, signals.times_of(place)) for place, row in enumerate(rows)]

    def _observations(self, values: NDArray[np.float32], times: NDArray[np.float64]) -> NDArray[np.float32]:
        observed = ~np.isnan(values)
        steps = np.arange(len(values))[:, None]
        latest = np.maximum.accumulate(np.where(observed, steps, -1), axis=0)  # -1: none so far
        held = np.take_along_axis(values, np.maximum(latest, 0), axis=0)
        before = np.maximum(np.vstack([np.full((1, values.shape[1]), -1), latest[:-1]]), 0)
        elapsed = (times[:, None] - times[before]) / self.duration
        return np.hstack([np.where(latest < 0, 0, held), observed, elapsed]).astype(np.float32)


@dataclass(frozen=True)
class LabelledSequences(LabelledData[SignalForm, Signals]):
    """Labelled sequences in three splits.

    Attributes:
        form: classes, channels, scaling.
        parts: in how many parts a baseline summarises each sequence, beside the summaries of the whole; 1: there is
            none.
    """

    kind: ClassVar[str] = "labelled_sequences"

    parts: int = 1

    def noisy(self, part: Signals, level: float, seed: Seed) -> Signals:
        """Return the sequences of a split with normal noise, in standard deviations of a channel in train."""
        values = part.in_units
        deviates = normal(values.shape, seed).astype(np.float32)
        deviation = np.float32(level) * np.array(self.form.deviation, np.float32)
        return replace(part, values=values + deviation * deviates)

    def with_missing_rate(self, rate: float, seed: int) -> LabelledSequences:
        """Remove values at random in all splits, which makes the data irregular."""
        streams = input_seeds(seed)
        splits = {split: _without(part, rate, streams[split]) for split, part in self.by_split.items()}
        sparse = replace(self, form=replace(self.form, irregular=True))._with(**splits)
        return replace(sparse, facts=changed_facts(sparse.facts, "missing_rate", {"rate": rate, "draw_seed": seed}))

    def counts(self) -> dict[str, Any]:
        """Return the facts that change with the sequences."""
        return {
            "sequences": self.each(len),
            "classes": self.class_counts(),
            "time_steps": self.each(lambda part: len(part.values)),
            "longest": self.each(lambda part: int(part.lengths.max())),
            "irregular": self.form.irregular,
        }

    def content(self, part: Signals) -> Iterator[Any]:
        """Yield values, labels and, if steps are uneven, times."""
        for array in (part.values, part.starts, part.labels, part.times):
            yield b"" if array is None else np.ascontiguousarray(array).data


def _without(part: Signals, rate: float, seed: Seed) -> Signals:
    gaps = removed(part.values.shape, rate, seed)
    return replace(part, values=np.where(gaps, np.float32(np.nan), part.in_units))


def make_signals(
    name: str,
    splits: Mapping[str, Signals],
    classes: Sequence[str],
    channels: Sequence[str],
    *,
    reading: Mapping[str, Any] = MappingProxyType({}),
    frame: tuple[int, int, int] | None = None,
    parts: int = 1,
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> LabelledSequences:
    """Put labelled sequences together; the scaling comes from the training split alone.

    Args:
        name: name of the data set.
        splits: train, valid and test.
        classes: names of the classes.
        channels: names of the values of a time step.
        reading: how a file of this form is read.
        frame: see `SignalForm`.
        parts: see `LabelledSequences`.
        facts: what else identifies the data.

    Raises:
        DataError: a split is empty, train has sequences of fewer than two classes, or a channel has no values.
    """
    for split in SPLITS:
        if not len(splits[split]):
            raise DataError(f"data={name}: the {split} split has 0 sequences, expected at least 1. Give more of them.")
    train = splits["train"]
    counts = np.bincount(train.labels, minlength=len(classes))
    if (counts > 0).sum() < 2:
        only = classes[int(counts.argmax())]
        raise DataError(f"data={name}: found the class {only!r} alone in train, expected at least two classes.")
    known = ~np.isnan(train.values)
    observed = known.sum(axis=0).tolist()
    silent = [channel for channel, count in zip(channels, observed, strict=True) if not count]
    if silent:
        raise DataError(f"data={name}: found no value of {', '.join(silent)} in train. Leave the channel out.")
    mean = train.scale * np.asarray(np.mean(train.values, axis=0, dtype=np.float64, where=known))
    deviation = train.scale * np.asarray(np.std(train.values, axis=0, dtype=np.float64, where=known))
    irregular = any(uneven(part) or bool(np.isnan(part.values).any()) for part in splits.values())
    if not irregular:
        splits = {split: replace(part, times=None) for split, part in splits.items()}
    durations = [times[-1] - times[0] for times in map(train.times_of, range(len(train)))]
    form = SignalForm(
        name=name,
        classes=tuple(classes),
        channels=tuple(channels),
        counts=tuple(counts.tolist()),
        mean=tuple(mean.tolist()),
        deviation=tuple(np.where(deviation > 0, deviation, 1.0).tolist()),
        irregular=irregular,
        duration=float(np.mean(durations)) or 1.0,
        reading=dict(reading),
        frame=frame,
    )
    data = LabelledSequences.of(form, splits, {"channels": len(channels), **facts}, parts=parts)
    warn_of_absent(classes, data.facts["classes"], "sequence")
    return data
