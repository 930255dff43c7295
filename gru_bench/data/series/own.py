"""Read a user's CSV of series, and further files of the same form."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from gru_bench.data.files.decimal_marks import describe_marks
from gru_bench.data.files.headers import names_all
from gru_bench.data.files.known_tables import read_known_table
from gru_bench.data.files.numbers import Decimal
from gru_bench.data.files.tables import Layout, SkippedRows, layout_of, place_name, read_table, skipped_rows
from gru_bench.data.files.time_columns import guess_times
from gru_bench.data.files.time_formats import check_format
from gru_bench.data.files.time_zones import check_zone
from gru_bench.data.series.checks import check_known
from gru_bench.data.series.columns import guess_targets, named, refuse_blanks, refuse_twice, rename
from gru_bench.data.series.readings import Readings, with_future
from gru_bench.data.series.sampling import Step, show_time
from gru_bench.data.series.series import Series, SeriesForm, arrange, cut_rows, make_series
from gru_bench.data.series.table import SeriesLayout, Steps, regular, to_readings, without_empty_rows
from gru_bench.data.source import gives
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import HeldOutFraction, Positive

log = logging.getLogger(__name__)

Names = list[str | int]
Markers = list[str | int | float] | int | float

USUAL_CONTEXT, USUAL_HORIZON = 96, 24


@gives("series")
def load_series_csv(
    *,
    mirror: Path | None,
    cache: Path,
    path: str,
    time_column: str | int | Names | None = None,
    targets: Names | None = None,
    covariates: Names | None = None,
    context: Positive | None = None,
    horizon: Positive | None = None,
    season: Positive | None = None,
    calendar: bool = False,
    steps: Steps = "time",
    valid_fraction: HeldOutFraction = 0.1,
    test_fraction: HeldOutFraction = 0.2,
    day_first: bool | None = None,
    time_format: str | None = None,
    time_zone: str | None = None,
    decimal: Decimal | None = None,
    missing: Markers | None = None,
    delimiter: str | None = None,
    encoding: str = "auto",
    header: bool | None = None,
    skip_rows: SkippedRows | None = None,
) -> Series:
    """Read a CSV of one or more series, one row per time, and split it in order: train, valid, test.

    Args:
        mirror: unused.
        cache: unused.
        path: the file, relative to the working directory; `~` is the home folder.
        time_column: the column of times, or a list, such as a date and a clock time; null detects it; [] means none.
        targets: the columns to forecast; null takes all numeric columns.
        covariates: future covariates, known in advance, such as prices or holidays.
        context: rows that the network reads; null is 96, or less for a short file.
        horizon: rows that it forecasts; null is 24, or less for a short file.
        season: period in rows of the seasonal-naive forecast and of MASE; null derives it from the times.
        calendar: whether calendar features join the covariates.
        steps: `time` puts rows on the grid of the most frequent step, and absent rows count as missing;
            `rows` takes each row as one step.
        valid_fraction: share of the rows for validation.
        test_fraction: share of the rows for test.
        day_first: whether dates such as 1/2/2024 begin with the day; null detects it.
        time_format: of the times, as for strptime, or one of `time_formats.FORMATS`; null detects it.
        time_zone: zone of times without an offset, as in Europe/Berlin; null: no zone.
        decimal: decimal mark; null detects it for each column.
        missing: missing-value markers beside the usual ones, such as -999.
        delimiter: of the table; null detects it.
        encoding: of the table; `auto` detects it.
        header: whether the first row names the columns; null detects it.
        skip_rows: number of lines to skip at the top, or a list of line numbers to skip, from 1; null
            skips titles and comments above a header, and units below it.

    Raises:
        ConfigError: there is no such column, or a column is named twice.
        DataError: the file is missing, unreadable or too short, or has an invalid cell, time or step.
    """
    if time_format is not None:
        check_format(time_format, "data.time_format")
    if time_zone is not None:
        check_zone(time_zone, "data.time_zone")
    layout = Layout(delimiter=delimiter, encoding=encoding, header=header, skip_rows=skipped_rows(skip_rows))
    frame = read_table(Path(path), layout)
    markers = missing if isinstance(missing, list) else [] if missing is None else [missing]
    layout = SeriesLayout(
        **layout_of(frame),
        steps=steps,
        day_first=day_first,
        time_format=time_format,
        time_zone=time_zone,
        decimal=decimal,
        missing=tuple(map(str, markers)),
    )
    frame, place = without_empty_rows(frame, place_name(Path(path)))
    refuse_blanks(frame, place)
    wanted = [time_column] if isinstance(time_column, str | int) else time_column
    if wanted is None:
        time_columns = guess_times(frame, layout.missing, time_format, place)
    else:
        time_columns = named(frame, wanted, "data.time_column")
    for key, value in (("data.time_format", time_format), ("data.time_zone", time_zone)):
        if value is not None and not time_columns:
            raise ConfigError(key, value, "null for a series without times", "Name data.time_column.")
    inputs = named(frame, covariates or [], "data.covariates")
    outputs = named(frame, targets, "data.targets") if targets else ()
    refuse_twice(time_columns, outputs, inputs)
    outputs = outputs or guess_targets(frame, (*time_columns, *inputs), layout, place)
    layout = replace(layout, time_columns=time_columns)
    readings, step, layout = to_readings(frame, layout, outputs, inputs, place)
    if step is not None and steps == "time":
        readings = regular(readings, step, place)
    splits = cut_rows(len(readings.values), valid_fraction, test_fraction)
    check_known(place.name, outputs, splits, readings.values)
    sizes = {split: end - start for split, (start, end) in splits.items()}
    if horizon is None:
        horizon = max(1, min(USUAL_HORIZON, sizes["valid"] // 2, sizes["test"] // 2))
    if context is None:
        context = max(2, min(USUAL_CONTEXT, (sizes["train"] - horizon) // 3))
    log.info(
        "%s: forecasting %s; times %s; %s; context %s, horizon %s",
        place.name,
        ", ".join(outputs),
        _describe_times(readings, layout, step),
        describe_marks(layout.decimals, layout.thousands),
        context,
        horizon,
    )
    return make_series(
        "series_csv",
        readings,
        splits,
        targets=outputs,
        covariates=inputs,
        step=step,
        context=context,
        horizon=horizon,
        season=season,
        calendar=calendar,
        reading=asdict(layout),
        facts={"encoding": frame.attrs["encoding"], "delimiter": frame.attrs["delimiter"]},
    )


def _describe_times(readings: Readings, layout: SeriesLayout, step: Step | None) -> str:
    time, zone = readings.time, readings.zone
    if time is None:
        return "none, one step per row"
    parts = [f"from {' + '.join(layout.time_columns)}", f"read as {layout.time_format}"]
    if "%y" in (layout.time_format or ""):
        parts.append("years of two digits are 1969 to 2068")
    parts.append(f"{show_time(time[0], zone)} to {show_time(time[-1], zone)}")
    parts.append("no zone" if zone is None else f"zone {zone}")
    return ", ".join([*parts, f"step {step}"])


def read_series(path: Path, form: SeriesForm, *, setting: str = "file", ahead: bool = False) -> Series:
    """Read another file of a form.

    Args:
        path: the file; `-` is standard input.
        form: the form of the training data.
        setting: the argument that named the file, for messages.
        ahead: if true, the `horizon` rows after the last row with a target are the only split, `ahead`; otherwise all
            rows are the split `file`.

    Raises:
        DataError: the file is missing, unreadable or too short, lacks a column, or has an invalid cell or time; or
            covariates of the rows ahead are missing.
    """
    layout = SeriesLayout.from_dict(form.reading)
    if layout.columns:
        wanted = (*form.targets, *form.covariates)
        frame = read_known_table(path, layout, lambda row: names_all(row, wanted), key=setting)
    else:
        frame = read_table(path, layout, key=setting)
    frame, place = without_empty_rows(frame, place_name(path))
    place = place._replace(known=True)
    frame = rename(frame, form, layout, place)
    readings, step, _ = to_readings(frame, layout, form.targets, form.covariates, place, decided=True)
    step = form.step or step
    if readings.time is not None and step is not None and layout.steps == "time" and len(readings.values) > 1:
        readings = regular(readings, step, place)
    if not ahead:
        return arrange(form, readings, {"file": (0, len(readings.values))})
    seen = np.flatnonzero(~np.isnan(readings.values).all(axis=1))
    rows = int(seen[-1]) + 1 if seen.size else 0
    if rows < form.context:
        raise DataError(
            f"{place.name}: found {rows:,} rows with a value of {', '.join(form.targets)}, expected at least the "
            f"{form.context} rows that the model reads."
        )
    readings = with_future(readings, step, form.horizon)
    unknown = np.isnan(readings.covariates[rows:]).any(axis=1)
    if unknown.any():
        raise DataError(
            f"{place.name}: the model reads {', '.join(form.covariates)} in advance. Expected {form.horizon} rows with "
            f"them, and with empty cells for {', '.join(form.targets)}, after the last row with a target; found "
            f"{int((~unknown).sum())}."
        )
    return arrange(form, readings, {"ahead": (rows, rows + form.horizon)})
