"""A series: values over time, future covariates, splits and scaling.

Missing values follow one rule. As an input, a missing value is replaced by the last known value of its column, or by
the column's mean over the training rows if there is none before it. As a target, it is neither scored nor trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.changes import fraction_facts, input_seeds, noise_facts, normal, rounded_share
from gru_bench.data.data_set import SPLITS, DataSet
from gru_bench.data.files.time_zones import iso_texts, wall_clock
from gru_bench.data.series.checks import check_rows, check_scaled
from gru_bench.data.series.readings import Readings, fill
from gru_bench.data.series.sampling import (
    Step,
    Times,
    calendar_features,
    calendar_names,
    usual_season,
)
from gru_bench.data.series.scaling import Scaler, Values
from gru_bench.errors import ConfigError, DataError

MISSING_RULE = (
    "input: last known value before, else the column's mean over train; target: neither scored nor trained on"
)

Known = NDArray[np.bool_]
Rows = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class SeriesForm:
    """All that a trained model needs to know of its series, apart from the rows.

    Attributes:
        name: name of the data set.
        targets: names of the columns to forecast.
        covariates: names of the future covariates.
        calendar: names of the calendar features, which join the covariates.
        context: rows that the network reads.
        horizon: rows that it forecasts.
        season: period in rows of the seasonal-naive forecast and of MASE.
        step: the sampling step, or None if times are unknown.
        scaler: of the targets.
        covariate_scaler: of the covariates.
        naive_error: mean absolute error of the seasonal-naive forecast over the training rows, in units of each
            target; None if it is 0 or unknown.
        reading: layout of files of this form; see `gru_bench.data.series.table.SeriesLayout`.
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
        """Known values per row: covariates, sine and cosine of the calendar features."""
        return len(self.covariates) + 2 * len(self.calendar)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SeriesForm:
        """Rebuild from `to_dict`, also from JSON."""
        plain: dict[str, Any] = {name: tuple(it) if isinstance(it, list) else it for name, it in values.items()}
        plain["step"] = None if plain["step"] is None else Step(**plain["step"])
        for name in ("scaler", "covariate_scaler"):
            plain[name] = Scaler(**{key: tuple(numbers) for key, numbers in plain[name].items()})
        return cls(**plain)


@dataclass(frozen=True)
class Series(DataSet):
    """Data of a forecasting task: the rows of a series in three splits.

    Attributes:
        form: names, context, horizon, scaling.
        time: of shape (rows,), or None.
        zone: of the times, as in `Readings`.
        values: in their own units, missing ones filled, of shape (rows, targets).
        observed: False where a value was missing, of shape (rows, targets).
        known: covariates, scaled, and calendar features, of shape (rows, features).
        splits: first row and the row after the last one, by split.
        facts: plain values for the run record; `digest` covers times, values and splits.
        noisy: noisy inputs in place of `values`, or None; targets stay the same.
        readings: the rows before missing values were filled; None: they are unknown.
    """

    kind: ClassVar[str] = "series"

    form: SeriesForm
    time: Times | None
    values: Values
    observed: Known
    known: Values
    splits: Mapping[str, Rows]
    facts: dict[str, Any] = field(default_factory=dict)
    noisy: Values | None = None
    zone: str | None = None
    readings: Readings | None = None

    @property
    def scaled(self) -> Values:
        """The values as targets, in standard deviations from the mean of the training rows."""
        return self.form.scaler.scale(self.values)

    @property
    def read(self) -> Values:
        """The values as inputs, scaled."""
        return self.scaled if self.noisy is None else self.form.scaler.scale(self.noisy)

    def describe(self) -> dict[str, Any]:
        """Return all that a trained model needs to be used without the series, JSON-able."""
        return self.form.to_dict()

    @cached_property
    def labels(self) -> Sequence[str]:
        """The time of each row in ISO 8601, all in one form, or the row number."""
        if self.time is None:
            return [f"row {row:,}" for row in range(len(self.values))]
        return iso_texts(self.time, self.zone)

    @property
    def clock(self) -> Times | None:
        """The times on the wall clock of the zone."""
        return None if self.time is None else wall_clock(self.time, self.zone)

    def with_train_fraction(self, share: float, seed: int) -> Series:
        """Keep the last training rows, next to validation."""
        start, end = self.splits["train"]
        used, required = rounded_share(end - start, share), self.form.context + self.form.horizon
        if used < required:
            raise DataError(
                f"data.train_fraction={share:g} leaves {used:,} of {end - start:,} training rows, expected at least "
                f"{required:,} (data.context={self.form.context} + data.horizon={self.form.horizon}). "
                "Increase it, or lower these."
            )
        first = end - used
        cut = replace(
            self,
            time=None if self.time is None else self.time[first:],
            values=self.values[first:],
            observed=self.observed[first:],
            known=self.known[first:],
            readings=None if self.readings is None else self.readings.rows(slice(first, None)),
            splits={split: (max(begin, first) - first, stop - first) for split, (begin, stop) in self.splits.items()},
        )
        return replace(cut, facts=fraction_facts(self.facts | row_counts(cut), share, used, end - start))

    def with_input_noise(self, level: float, seed: int) -> Series:
        """Add normal noise to the inputs, in units of the standard deviation of each column in train."""
        noisy = self.values.copy()
        for split, stream in input_seeds(seed).items():
            rows = slice(*self.splits[split])
            noisy[rows] += level * np.array(self.form.scaler.deviation) * normal(noisy[rows].shape, stream)
        return replace(self, noisy=noisy, facts=noise_facts(self.facts, level, seed))


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
    """Return a series; scaling and all other statistics come from the training rows.

    Args:
        name: name of the data set.
        readings: all rows.
        splits: first row and the row after the last one, by split; train comes first, then valid, then test.
        targets: names of the value columns.
        covariates: names of the covariate columns.
        step: the sampling step, or None.
        context: rows that the network reads.
        horizon: rows that it forecasts.
        season: period in rows; None derives it from the step.
        calendar: whether calendar features join the covariates.
        reading: layout of a file of this form.
        facts: further facts that identify the data.

    Raises:
        ConfigError: calendar features without times, or a season longer than the training rows.
        DataError: too few rows, a column without a value in train, or an extreme value.
    """
    check_rows(splits, len(readings.values), context, horizon)
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
    """Return counts by split, for the facts."""
    return {
        "rows": {split: end - start for split, (start, end) in series.splits.items()},
        "windows": {split: len(origins(series.form, series.splits[split])) for split in SPLITS},
        "missing": {split: int((~series.observed[slice(*rows)]).sum()) for split, rows in series.splits.items()},
    }


def arrange(form: SeriesForm, readings: Readings, splits: Mapping[str, Rows]) -> Series:
    """Return rows in an existing form: fill missing values, scale covariates, add calendar features.

    Raises:
        DataError: the form needs times and there are none, or a value is extreme.
    """
    values = fill(readings.values, form.scaler.mean)
    covariates = fill(readings.covariates, form.covariate_scaler.mean)
    with np.errstate(over="ignore"):
        known = form.covariate_scaler.scale(covariates)
        scaled = form.scaler.scale(values)
    check_scaled(known, covariates, form.covariates)
    check_scaled(scaled, values, form.targets)
    if form.calendar:
        if readings.time is None:
            raise DataError(f"the model reads {', '.join(form.calendar)}: expected rows with times, found none.")
        zone = readings.zone if form.reading.get("time_zone") else None  # runs of earlier versions learned UTC
        clock = wall_clock(readings.time, zone)
        known = np.concatenate([known, calendar_features(clock, form.calendar)], axis=1)
    return Series(
        form=form,
        time=readings.time,
        values=values,
        observed=~np.isnan(readings.values),
        known=known,
        splits=splits,
        zone=readings.zone,
        readings=readings,
    )


def cut_rows(rows: int, valid_fraction: float, test_fraction: float) -> dict[str, Rows]:
    """Split rows in order: train, valid, test."""
    train = int(rows * (1 - valid_fraction - test_fraction) + 1e-6)
    test = int(rows * test_fraction + 1e-6)
    return {"train": (0, train), "valid": (train, rows - test), "test": (rows - test, rows)}


def origins(form: SeriesForm, rows: Rows) -> range:
    """Return the first target rows of all windows whose whole horizon lies in `rows`.

    Their contexts may reach back to earlier rows, as far as the first row of the series.
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
