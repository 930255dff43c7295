"""One or several series of the same columns, with labels of anomalous rows that only metrics read."""

from __future__ import annotations

import base64
import hashlib
import logging
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.changes import fraction_facts, noise_facts
from gru_bench.data.data_set import SPLITS, DataSet
from gru_bench.data.random import Seed, random_words
from gru_bench.data.series.series import Rows, Series, SeriesForm

log = logging.getLogger(__name__)

Labels = NDArray[np.bool_]
"""True for anomalous rows, of shape (rows,)."""

MOST_REFERENCE_SCORES = 5_000  # of each series


@dataclass(frozen=True)
class LabelledSeries(DataSet):
    """Series with anomalies in their test rows.

    Attributes:
        members: the series by name; their columns, context and horizon are the same, their scaling is their own.
        anomalous: the labels of all rows, by name of the series.
        facts: plain values for the run record.
        label_column: the column of labels in a file of this form, or None.
        nab_score: whether metrics include the score of the Numenta Anomaly Benchmark.
        span: rows that have one label and one score, such as those of a heart beat; splits begin with a whole one.
    """

    kind: ClassVar[str] = "labelled_series"

    members: Mapping[str, Series]
    anomalous: Mapping[str, Labels]
    facts: dict[str, Any]
    label_column: str | None = None
    nab_score: bool = False
    span: int = 1

    def describe(self) -> dict[str, Any]:
        """Return the form of each series and its last training rows, by which residuals are judged, JSON-able."""
        members = {
            name: {"form": series.form.to_dict(), "reference": _packed(reference(series, self.span))}
            for name, series in self.members.items()
        }
        return {
            "members": members,
            "label_column": self.label_column,
            "nab_score": self.nab_score,
            "span": self.span,
        }

    def with_train_fraction(self, share: float, seed: int) -> LabelledSeries:
        """Keep the last training rows of each series, next to validation."""
        changed = self._changed(lambda series: series.with_train_fraction(share, seed))
        total, used = (sum(data.facts["rows"]["train"].values()) for data in (self, changed))
        return replace(changed, facts=fraction_facts(changed.facts, share, used, total))

    def with_input_noise(self, level: float, seed: int) -> LabelledSeries:
        """Add normal noise to the values that are read, in standard deviations of their column in train."""
        changed = self._changed(lambda series: series.with_input_noise(level, seed))
        return replace(changed, facts=noise_facts(self.facts, level, seed))

    def _changed(self, change: Callable[[Series], Series]) -> LabelledSeries:
        members = {name: change(series) for name, series in self.members.items()}
        labels = {name: self.anomalous[name][-len(series.values) :] for name, series in members.items()}
        return replace(self, members=members, anomalous=labels, facts=self.facts | _counts(members, labels))


def make_labelled_series(
    members: Mapping[str, Series],
    anomalous: Mapping[str, Labels],
    *,
    label_column: str | None = None,
    nab_score: bool = False,
    span: int = 1,
    facts: Mapping[str, Any] | None = None,
) -> LabelledSeries:
    """Put labelled series together; a label before the test rows is a warning, since training takes all as normal.

    Args:
        members: the series, of the same columns, context and horizon, by name.
        anomalous: the labels of all their rows, by name.
        label_column: the column of labels in a file of this form, or None.
        nab_score: whether metrics include the score of the Numenta Anomaly Benchmark.
        span: rows that have one label and one score.
        facts: what else identifies the data.
    """
    state = hashlib.sha256()
    for name, series in members.items():
        state.update(f"{name} {series.facts['digest']} ".encode())
        state.update(np.packbits(anomalous[name]).tobytes())
        early = int(anomalous[name][: series.splits["test"][0]].sum())
        if early:
            log.warning(
                "%s: %s rows before the test split are labelled as anomalous; training and validation take them as "
                "normal. Cut elsewhere, or remove them",
                name,
                f"{early:,}",
            )
    own = next(iter(members.values())).facts if len(members) == 1 else {}
    known = {**own, "digest": state.hexdigest(), **_counts(members, anomalous), **dict(facts or {})}
    return LabelledSeries(members, anomalous, known, label_column, nab_score, span)


def scored_rows(series: Series, split: str) -> Rows:
    """Return the rows of a split with a score: those with a whole context before each of their forecasts."""
    start, end = series.splits[split]
    return max(start, warmup(series.form)), end


def warmup(form: SeriesForm) -> int:
    """Return how many rows are only read before the first one with a score."""
    return form.context + form.horizon - 1


def reference(series: Series, span: int = 1) -> Series:
    """Return the last training rows as a series of its own, all of them in its split `train`."""
    start, end = series.splits["train"]
    rows = slice(max(start, end - MOST_REFERENCE_SCORES * span), end)
    return Series(
        form=series.form,
        time=None,
        values=series.values[rows],
        observed=series.observed[rows],
        known=series.known[rows],
        splits={"train": (0, rows.stop - rows.start)},
        noisy=None if series.noisy is None else series.noisy[rows],
    )


def reference_from_dict(form: SeriesForm, packed: Mapping[str, Any]) -> Series:
    """Build what `reference` returned from its packed arrays."""
    values = _unpack(packed["values"])
    return Series(
        form=form,
        time=None,
        values=values,
        observed=_unpack(packed["observed"]).astype(bool),
        known=_unpack(packed["known"]),
        splits={"train": (0, len(values))},
        noisy=None if packed["noisy"] is None else _unpack(packed["noisy"]),
    )


def _packed(series: Series) -> dict[str, Any]:
    arrays = {name: getattr(series, name) for name in ("values", "observed", "known", "noisy")}
    return {name: None if array is None else _pack(array) for name, array in arrays.items()}


def _pack(array: NDArray[Any]) -> dict[str, Any]:
    content = zlib.compress(np.ascontiguousarray(array, "<f8").tobytes())
    return {"shape": list(array.shape), "float64": base64.b64encode(content).decode()}


def _unpack(packed: Mapping[str, Any]) -> NDArray[Any]:
    content = zlib.decompress(base64.b64decode(packed["float64"]))
    return np.frombuffer(content, "<f8").reshape(packed["shape"]).astype(np.float64)


def _counts(members: Mapping[str, Series], anomalous: Mapping[str, Labels]) -> dict[str, Any]:
    def rows(split: str) -> dict[str, int]:
        return {name: series.splits[split][1] - series.splits[split][0] for name, series in members.items()}

    def labelled(name: str, series: Series) -> Labels:
        return anomalous[name][slice(*scored_rows(series, "test"))]

    return {
        "series": len(members),
        "rows": {split: rows(split) for split in SPLITS},
        "anomalous_rows": {name: int(labelled(name, series).sum()) for name, series in members.items()},
        "anomalous_windows": {name: len(windows(labelled(name, series))) for name, series in members.items()},
    }


def windows(anomalous: Labels) -> list[Rows]:
    """Return each run of anomalous rows: its first row and the row after its last one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], anomalous, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def random_windows(rows: int, lengths: tuple[int, int], gaps: tuple[int, int], seed: Seed) -> Labels:
    """Return labels with windows of random length at random distances, none of them cut at the end.

    Args:
        rows: how many rows there are.
        lengths: rows of a window, at least and less than.
        gaps: normal rows before a window, likewise.
        seed: of the draws.
    """
    anomalous = np.zeros(rows, bool)
    draws = iter(random_words(seed, 2 * rows // gaps[0] + 2).tolist())
    end = 0
    while True:
        start = end + gaps[0] + next(draws) % (gaps[1] - gaps[0])
        end = start + lengths[0] + next(draws) % (lengths[1] - lengths[0])
        if end > rows:
            return anomalous
        anomalous[start:end] = True
