"""A series: values over time, what is known of them in advance, where it is cut, and how its values are scaled.

Missing values follow one rule. As an input, a missing value is the last known value of its column before it; where
none stands before it, the column's mean over the training rows. As a target, it is neither scored nor trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.sampling import (
    Step,
    Times,
    calendar_features,
    calendar_names,
    future,
    show_time,
    usual_season,
)
from gru_bench.data.series_checks import check_rows, check_scaled
from gru_bench.errors import ConfigError, DataError

SPLITS = ("train", "valid", "test")
MISSING_RULE = (
    "input: last known value before, else the column's mean over train; target: neither scored nor trained on"
)

Values = NDArray[np.float64]
Known = NDArray[np.bool_]
Rows = tuple[int, int]


@dataclass(frozen=True)
class Readings:
    """What a file or a generator gives.

    Attributes:
        time: ascending, of shape (rows,), or None.
        values: in the columns' own units, NaN where missing, of shape (rows, targets).
        covariates: columns known in advance, NaN where missing, of shape (rows, covariates).
    """

    time: Times | None
    values: Values
    covariates: Values

    def rows(self, rows: slice) -> Readings:
        """Return some of the rows."""
        return Readings(None if self.time is None else self.time[rows], self.values[rows], self.covariates[rows])


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each column over the known values of the training rows; 1 for a constant one."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def fit(cls, values: Values, names: Sequence[str]) -> Scaler:
        """Measure the columns of `values`, NaN left out.

        Raises:
            DataError: a column has no value.
        """
        known = ~np.isnan(values)
        for name, column in zip(names, known.T, strict=True):
            if not column.any():
                raise DataError(
                    f"column {name!r} has no value in the {len(values):,} training rows, expected at least one. Leave "
                    "it out (data.targets=, data.covariates=) or cut elsewhere."
                )
        count = known.sum(axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.where(known, values, 0.0).sum(axis=0) / count
            variance = (np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count
        for name, spread in zip(names, variance, strict=True):
            if not np.isfinite(spread):
                raise DataError(f"column {name!r}: the values are too large to be squared. Give them in other units.")
        constant = np.array([np.ptp(column[seen]) == 0 for column, seen in zip(values.T, known.T, strict=True)], bool)
        deviation = np.where(constant | (variance == 0), 1.0, np.sqrt(variance))
        return cls(tuple(map(float, mean)), tuple(map(float, deviation)))

    def scale(self, values: Values) -> Values:
        """Return values in standard deviations from the mean."""
        return (values - np.array(self.mean)) / np.array(self.deviation)

    def unscale(self, values: Values) -> Values:
        """Return scaled values in the columns' own units."""
        return values * np.array(self.deviation) + np.array(self.mean)


@dataclass(frozen=True, kw_only=True)
class SeriesForm:
    """All that a trained model needs of a series beside its rows.

    Attributes:
        name: name of the data set.
        targets: names of the columns to forecast.
        covariates: names of the columns that are known in advance.
        calendar: calendar features that join them.
        context: rows that are read.
        horizon: rows after them that are forecast.
        season: period in rows of the seasonal-naive forecast and of MASE.
        step: the sampling step, or None where times are unknown.
        scaler: of the targets.
        covariate_scaler: of the covariates.
        naive_error: mean absolute error of the seasonal-naive forecast over the training rows, in each target's own
            units; None where it is 0 or unknown.
        reading: how files of this form are read; see `gru_bench.data.series_table.Reading`.
    """

    name: str
    targets: tuple[str, ...]
    covariates: tuple[str, ...]
    calendar: tuple[str, ...]
    context: int
    horizon: int
    season: int
    step: Step | None
    scaler: Scaler
    covariate_scaler: Scaler
    naive_error: tuple[float | None, ...]
    reading: Mapping[str, Any] = field(default_factory=dict)

    @property
    def features(self) -> int:
        """Numbers per row that are known in advance: covariates, sine and cosine of the calendar."""
        return len(self.covariates) + 2 * len(self.calendar)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SeriesForm:
        """Build from what `to_dict` returned, perhaps by way of JSON."""
        plain: dict[str, Any] = {name: tuple(it) if isinstance(it, list) else it for name, it in values.items()}
        plain["step"] = None if plain["step"] is None else Step(**plain["step"])
        for name in ("scaler", "covariate_scaler"):
            plain[name] = Scaler(**{key: tuple(numbers) for key, numbers in plain[name].items()})
        return cls(**plain)


@dataclass(frozen=True)
class Series:
    """Rows of a series in the form of a data set.

    Attributes:
        form: names, context, horizon, scaling.
        time: of shape (rows,), or None.
        values: own units, missing ones filled, of shape (rows, targets).
        observed: False where a value was missing, of shape (rows, targets).
        known: covariates, scaled, and calendar features, of shape (rows, features).
        splits: first row and the row after the last one, by split.
        facts: plain values for the run record; `digest` names times, values and splits.
        noisy: what is read in place of `values`, where inputs are noisy; targets stay.
    """

    form: SeriesForm
    time: Times | None
    values: Values
    observed: Known
    known: Values
    splits: Mapping[str, Rows]
    facts: dict[str, Any] = field(default_factory=dict)
    noisy: Values | None = None

    @property
    def scaled(self) -> Values:
        """The values in standard deviations from the mean of the training rows, as targets."""
        return self.form.scaler.scale(self.values)

    @property
    def read(self) -> Values:
        """The values as they are read, scaled."""
        return self.scaled if self.noisy is None else self.form.scaler.scale(self.noisy)

    def describe(self) -> dict[str, Any]:
        """Return what a trained model needs to be used without the series, JSON-able."""
        return self.form.to_dict()

    def label(self, row: int) -> str:
        """Return the time of a row for people, or its number."""
        return f"row {row:,}" if self.time is None else show_time(self.time[row])


def make_series(
    name: str,
    readings: Readings,
    splits: Mapping[str, Rows],
    *,
    targets: Sequence[str],
    covariates: Sequence[str] = (),
    step: Step | None,
    context: int,
    horizon: int,
    season: int | None = None,
    calendar: bool = False,
    reading: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Series:
    """Put a series together; scaling and all else that is measured comes from the training rows.

    Args:
        name: name of the data set.
        readings: all rows.
        splits: first row and the row after the last one, by split; train comes first, then valid, then test.
        targets: names of the value columns.
        covariates: names of the covariate columns.
        step: the sampling step, or None.
        context: rows that are read.
        horizon: rows that are forecast.
        season: period in rows; None derives it from the step.
        calendar: whether calendar features join the covariates.
        reading: how a file of this form is read.
        facts: what else identifies the data.

    Raises:
        ConfigError: calendar features without times, or a season longer than the training rows.
        DataError: too few rows; a column without a value in train; or values beyond all scale.
    """
    check_rows(name, splits, len(readings.values), context, horizon)
    if calendar and (readings.time is None or step is None):
        raise ConfigError("data.calendar", True, "false for a series without times", "Name data.time_column.")
    train = readings.rows(slice(*splits["train"]))
    form = SeriesForm(
        name=name,
        targets=tuple(targets),
        covariates=tuple(covariates),
        calendar=calendar_names(step) if calendar and step is not None else (),
        context=context,
        horizon=horizon,
        season=_season(season, step, len(train.values)),
        step=step,
        scaler=Scaler.fit(train.values, targets),
        covariate_scaler=Scaler.fit(train.covariates, covariates),
        naive_error=(),
        reading=dict(reading or {}),
    )
    form = replace(form, naive_error=_naive_error(train.values, form.season))
    series = arrange(form, readings, splits)
    known: dict[str, Any] = {
        "digest": digest(readings, form, splits),
        "targets": list(form.targets),
        "covariates": [*form.covariates, *form.calendar],
        "step": None if step is None else str(step),
        "season": form.season,
        **row_counts(series),
    }
    if any(known["missing"].values()):
        known["missing_rule"] = MISSING_RULE
    return replace(series, facts=known | dict(facts or {}))


def row_counts(series: Series) -> dict[str, dict[str, int]]:
    """Return the facts that are counted in a series by split."""
    return {
        "rows": {split: end - start for split, (start, end) in series.splits.items()},
        "windows": {split: len(origins(series.form, series.splits[split])) for split in SPLITS},
        "missing": {split: int((~series.observed[slice(*rows)]).sum()) for split, rows in series.splits.items()},
    }


def arrange(form: SeriesForm, readings: Readings, splits: Mapping[str, Rows]) -> Series:
    """Return rows in a form that is settled already: fill missing values, scale covariates, add the calendar.

    Raises:
        DataError: a calendar is asked for and there are no times, or a value lies beyond all scale.
    """
    values = fill(readings.values, form.scaler.mean)
    with np.errstate(over="ignore"):
        known = form.covariate_scaler.scale(fill(readings.covariates, form.covariate_scaler.mean))
        scaled = form.scaler.scale(values)
    check_scaled(known, form.covariates)
    check_scaled(scaled, form.targets)
    if form.calendar:
        if readings.time is None:
            raise DataError(f"the model reads {', '.join(form.calendar)}: expected rows with times, found none.")
        known = np.concatenate([known, calendar_features(readings.time, form.calendar)], axis=1)
    return Series(
        form=form,
        time=readings.time,
        values=values,
        observed=~np.isnan(readings.values),
        known=known,
        splits=splits,
    )


def fill(values: Values, before: Sequence[float]) -> Values:
    """Replace each NaN by the last known value of its column above it.

    Args:
        values: of shape (rows, columns).
        before: what stands above the first row, of shape (columns,).
    """
    padded = np.concatenate([np.array(before, np.float64).reshape(1, -1), values])
    places = np.where(np.isnan(padded), 0, np.arange(len(padded))[:, None])
    return np.take_along_axis(padded, np.maximum.accumulate(places, axis=0), axis=0)[1:]


def with_future(readings: Readings, step: Step | None, count: int) -> Readings:
    """Add `count` rows without values; those that are there already, with covariates, are kept.

    Args:
        readings: rows up to the last known value, and perhaps rows after it whose targets are all missing.
        step: the sampling step.
        count: rows after the last known value.
    """
    last = int(np.flatnonzero(~np.isnan(readings.values).all(axis=1))[-1])
    kept = readings.rows(slice(0, last + 1 + count))
    extra = last + 1 + count - len(kept.values)
    time = kept.time
    if time is not None and extra:
        time = np.concatenate([time, future(time[-1], step or Step("time", 1), extra)])
    return Readings(
        time,
        np.concatenate([kept.values, np.full((extra, kept.values.shape[1]), np.nan)]),
        np.concatenate([kept.covariates, np.full((extra, kept.covariates.shape[1]), np.nan)]),
    )


def cut_rows(rows: int, valid_fraction: float, test_fraction: float) -> dict[str, Rows]:
    """Cut rows in order: train first, then valid, then test, which are whole numbers of rows."""
    train = int(rows * (1 - valid_fraction - test_fraction) + 1e-6)
    test = int(rows * test_fraction + 1e-6)
    return {"train": (0, train), "valid": (train, rows - test), "test": (rows - test, rows)}


def origins(form: SeriesForm, rows: Rows) -> range:
    """Return the first target rows of all windows whose whole horizon lies in `rows`.

    Their contexts may reach back to rows before these, as far as the first row of the series.
    """
    start, end = rows
    return range(max(start, form.context), end - form.horizon + 1)


def digest(readings: Readings, form: SeriesForm, splits: Mapping[str, Rows]) -> str:
    """Return the sha256 of names, times, values and splits."""
    state = hashlib.sha256(repr((form.targets, form.covariates, sorted(splits.items()))).encode())
    if readings.time is not None:
        state.update(np.ascontiguousarray(readings.time.astype("<i8")).data)
    for array in (readings.values, readings.covariates):
        known = ~np.isnan(array)
        state.update(np.packbits(known).data)
        state.update(np.ascontiguousarray(array[known], "<f8").data)
    return state.hexdigest()


def _season(season: int | None, step: Step | None, train_rows: int) -> int:
    if season is None:
        usual = usual_season(step)
        return usual if 2 * usual <= train_rows else 1
    if season >= train_rows:
        raise ConfigError("data.season", season, f"less than the {train_rows:,} training rows")
    return season


def _naive_error(train: Values, season: int) -> tuple[float | None, ...]:
    difference = np.abs(train[season:] - train[:-season])
    errors = [column[~np.isnan(column)] for column in difference.T]
    return tuple(float(column.mean()) if column.size and column.any() else None for column in errors)
