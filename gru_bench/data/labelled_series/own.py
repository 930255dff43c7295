"""The user's own CSV of series with labels, and every file that is scored later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gru_bench.data.files.cells import Cells
from gru_bench.data.files.numbers import numbers
from gru_bench.data.files.tables import Layout, read_table
from gru_bench.data.files.time_formats import EPOCHS
from gru_bench.data.files.time_zones import Times, instants, wall_clock
from gru_bench.data.files.times import Dates, TimeRules, times
from gru_bench.data.labelled_series.labelled_series import LabelledSeries, Labels, make_labelled_series, warmup
from gru_bench.data.series.own import Names, load_series_csv, read_series
from gru_bench.data.series.series import Series, SeriesForm
from gru_bench.data.series.table import SeriesLayout, without_empty_rows
from gru_bench.data.source import gives, with_settings_of
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import Positive

NAME = "anomaly_csv"


@gives("labelled_series")
@with_settings_of(load_series_csv)
def load_anomaly_csv(
    *,
    mirror: Path | None,
    cache: Path,
    path: str,
    covariates: Names | None = None,
    label_column: str | int | None = None,
    windows_path: str | None = None,
    horizon: Positive = 1,
    **reading: Any,
) -> LabelledSeries:
    """Read a CSV of one or more series, a row per time, and the labels of its rows, if there are any.

    Args:
        mirror: unused; the file is the user's.
        cache: unused; nothing is kept.
        path: the file.
        covariates: columns that are known in advance.
        label_column: the column that has 1 in anomalous rows and 0 in the others.
        windows_path: a CSV with the columns `start` and `end`, a row per anomalous window, both included: times, or row
            numbers from 1 on where the series has no times.
        horizon: rows that are forecast.
        reading: as for `load_series_csv`.

    Raises:
        ConfigError: there is no such column, or labels are named twice.
        DataError: a file is missing, unreadable or too short, or a cell, time, label or window of it is wrong.
    """
    if label_column is not None and windows_path is not None:
        raise ConfigError("data.windows_path", windows_path, "null where data.label_column names the labels")
    reading |= {"mirror": mirror, "cache": cache, "path": path, "horizon": horizon}
    inputs = covariates or []
    if label_column is None:
        series = load_series_csv(covariates=inputs, **reading)
        labels = np.zeros(len(series.values), bool) if windows_path is None else read_windows(windows_path, series)
        return make_labelled_series({NAME: series}, {NAME: labels})
    try:
        series = load_series_csv(covariates=[*inputs, label_column], **reading)
    except ConfigError as error:
        if (error.key, error.found) == ("data.covariates", str(label_column)):
            raise ConfigError("data.label_column", label_column, error.allowed, error.hint) from None
        raise
    column = series.form.covariates[-1]
    plain, labels = without_labels(series, column, path)
    return make_labelled_series({NAME: plain}, {NAME: labels}, label_column=column)


def read_windows(path: str, series: Series) -> Labels:
    """Return the labels of all rows of a series from a CSV of anomalous windows.

    Raises:
        DataError: the file is missing or unreadable, or a window ends before it starts or contains no row.
    """
    frame, place = without_empty_rows(read_table(Path(path), Layout(header=True), key="data.windows_path"), path)
    frame = frame.rename(columns=str.casefold)
    if not {"start", "end"} <= set(frame.columns):
        raise DataError(f"{path}: found the columns {', '.join(frame.columns)}, expected start and end.")
    if series.time is None:
        where = np.arange(1.0, len(series.values) + 1)
        starts, ends = (numbers(frame[name], name, ".", (), place, "data.windows_path=") for name in ("start", "end"))
        early = np.flatnonzero(starts < 1)
        if early.size:
            found = place.cell("start", int(early[0]), frame["start"].iloc[early[0]])
            raise DataError(f"{found}, expected a row number from 1 on.")
    else:
        where = series.time
        layout = SeriesLayout.from_dict(series.form.reading)
        form = layout.time_format if len(layout.time_columns) == 1 else None
        rules = TimeRules(form, layout.day_first, series.zone)
        first, last = (times(frame[name], name, rules, place) for name in ("start", "end"))
        starts, ends = first.time, _ends(last, frame["end"])
    labels = np.zeros(len(where), bool)
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        inside = (where >= start) & (where <= end)
        if not inside.any():
            raise DataError(
                f"{path}, line {place.lines[row]}: the window from {frame['start'].iloc[row]} to "
                f"{frame['end'].iloc[row]} contains no row, expected an end not before the start, and both within the "
                f"{len(where):,} rows of the series."
            )
        labels |= inside
    return labels


def _ends(dates: Dates, cells: Cells) -> Times:
    """Return the ends of windows; that of one without a clock time is the end of its day."""
    if dates.form in EPOCHS or "%H" in dates.form or "%I" in dates.form:
        return dates.time
    wall = wall_clock(dates.time, dates.zone)
    days = wall.astype("datetime64[D]")
    whole = (wall == days) & ~cells.str.contains(r":|T\d").to_numpy(bool)
    following = (days + 1).astype("datetime64[ns]")
    return np.where(whole, instants(following, dates.zone) - np.timedelta64(1, "ns"), dates.time)


def read_live(path: Path, form: SeriesForm, setting: str = "file") -> Series:
    """Read the rows of a file in a form; all are in its split `file`.

    Raises:
        DataError: the file is missing, unreadable, too short or in another format, or no row to score has a value.
    """
    series = read_series(path, form, setting=setting)
    need = warmup(form) + 1
    if len(series.values) < need:
        raise DataError(
            f"{path}: found {len(series.values):,} rows, expected at least {need:,}: the model reads "
            f"{need - 1:,} before the first one that it scores."
        )
    if not series.observed[need - 1 :].any():
        raise DataError(f"{path}: none of the rows to score has a known value, expected at least one.")
    return series


def read_labelled(path: Path, form: SeriesForm, label_column: str | None) -> tuple[Series, Labels]:
    """Read the rows of a file and their labels; without a label column all rows count as normal.

    Raises:
        DataError: the file is missing, unreadable, too short or in another format, or a label is neither 0 nor 1.
    """
    if label_column is None:
        series = read_live(path, form, "path")
        return series, np.zeros(len(series.values), bool)
    return without_labels(read_live(path, with_label_column(form, label_column), "path"), label_column, str(path))


def with_label_column(form: SeriesForm, label_column: str) -> SeriesForm:
    """Return a form in which the labels are one more covariate, so that they follow their rows."""
    scaler = form.covariate_scaler
    scaler = replace(scaler, mean=(*scaler.mean, 0.0), deviation=(*scaler.deviation, 1.0))
    return replace(form, covariates=(*form.covariates, label_column), covariate_scaler=scaler)


def without_labels(series: Series, label_column: str, place: str) -> tuple[Series, Labels]:
    """Return a series without the covariate that holds its labels, and these; steps without a row are normal.

    Raises:
        DataError: a label is missing, or neither 0 nor 1.
    """
    form, readings = series.form, series.readings
    assert readings is not None
    assert readings.lines is not None
    column = form.covariates.index(label_column)
    scaler = form.covariate_scaler
    labels = np.where(readings.lines == 0, 0, readings.covariates[:, column])
    wrong = np.flatnonzero(~np.isin(labels, (0, 1)))
    if wrong.size:
        row = wrong[readings.lines[wrong].argmin()]
        found = "nothing" if np.isnan(labels[row]) else f"{labels[row]:g}"
        raise DataError(
            f"{place}: column {label_column!r}, line {readings.lines[row]:,}: found {found} ({wrong.size:,} wrong "
            "labels), expected 0 for a normal row or 1 for an anomalous one."
        )
    scaler = replace(
        scaler, **{name: tuple(np.delete(getattr(scaler, name), column).tolist()) for name in ("mean", "deviation")}
    )
    names = tuple(name for name in form.covariates if name != label_column)
    plain = replace(form, covariates=names, covariate_scaler=scaler)
    return replace(series, form=plain, known=np.delete(series.known, column, axis=1), readings=None), labels == 1
