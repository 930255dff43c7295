"""The sampling step of a series, regular time grids, calendar features and the season."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.files.time_zones import DAY, SECOND, Times, instants, is_named, iso_texts, wall_clock
from gru_bench.errors import DataError

MONTH, YEAR = np.timedelta64(1, "M"), np.timedelta64(1, "Y")
_NAMES = (("d", DAY), ("h", 3600 * SECOND), ("min", 60 * SECOND), ("s", SECOND), ("ms", 1_000_000), ("µs", 1000))
_MOST_SPREAD = 7 * DAY  # within a month, as first trading days have it
_MOST_SLOTS = 50_000_000
_LEAST_FILLED = 0.4

CALENDAR = ("hour of day", "day of week", "day of year")


Unit = Literal["time", "local", "months", "month ends", "business month starts", "business month ends", "weekdays"]


@dataclass(frozen=True)
class Step:
    """The time from one row to the next.

    Attributes:
        unit: `time`: nanoseconds; `local`: nanoseconds on the wall clock of a zone with changing offset; `months`:
            calendar months, `month ends`: the same, with times at their last days, `business month starts` and
            `business month ends`: at their first or last weekday; `weekdays`: Monday to Friday.
        count: number of units.
    """

    unit: Unit
    count: int

    def __str__(self) -> str:
        if self.unit not in ("time", "local"):
            name = "weekday" if self.unit == "weekdays" else "month"
            return name if self.count == 1 else f"{self.count} {name}s"
        name, size = next((pair for pair in _NAMES if self.count % pair[1] == 0), ("ns", 1))
        return f"{self.count // size} {name}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"unit": self.unit, "count": self.count}

    @property
    def nanoseconds(self) -> int:
        """The usual length of the step."""
        return self.count * {"time": 1, "local": 1, "weekdays": DAY}.get(self.unit, 30 * DAY)


def find_step(times: Times, zone: str | None = None) -> Step:
    """Return the sampling step.

    It is months if each row has a month of its own and keeps its position within it, weekdays if daily times
    leave out weekends, otherwise the most frequent difference (the median if hardly two are equal). In a zone
    with changing offset the wall clock counts if it is the more regular one, or for steps of whole days.

    Args:
        times: at least two, ascending and different.
        zone: zone of the times.
    """
    step = _wall_step(times)
    wall = wall_clock(times, zone)
    if zone is None or (np.diff(wall) <= np.timedelta64(0, "ns")).any():
        return step
    local = _wall_step(wall)
    if local.unit != "time" or not is_named(zone):
        return local
    more, less = regularity(wall), regularity(times)
    return Step("local", local.count) if more > less or (more == less and local.count % DAY == 0) else step


def _wall_step(times: Times) -> Step:
    differences = np.diff(times).astype(np.int64)
    values, counts = np.unique(differences, return_counts=True)
    usual = int(values[counts.argmax()])
    if counts.max() < 0.2 * differences.size:
        usual = int(np.median(differences))
    if usual >= 28 * DAY and (unit := _place_in_month(times)) is not None:
        months = np.diff(times.astype("datetime64[M]").astype(np.int64))
        kinds, how_often = np.unique(months, return_counts=True)
        return Step(unit, int(kinds[how_often.argmax()]))
    if usual == DAY and times.size >= 6:
        days = times.astype("datetime64[D]")
        if np.is_busday(days).all() and differences.max() > DAY:
            return Step("weekdays", 1)
    return Step("time", usual)


def regularity(times: Times) -> float:
    """Return the share of the most frequent difference between consecutive rows."""
    if times.size < 3:
        return 0.0
    differences = np.abs(np.diff(times).astype(np.int64))
    return float(np.unique(differences, return_counts=True)[1].max() / differences.size)


def _place_in_month(times: Times) -> Unit | None:
    """Return the unit of monthly times by their position within the month; None if they have no common position."""
    months = times.astype("datetime64[M]")
    within = _since(times, months)
    if (within == within[0]).all():
        return "months"
    before_end = _since((months + MONTH).astype(times.dtype), times)
    if (before_end == before_end[0]).all() and before_end[0] <= DAY:
        return "month ends"
    if (within % DAY == within[0] % DAY).all():
        for unit in ("business month starts", "business month ends"):
            if (_in_month(months, unit, 0).astype("datetime64[D]") == times.astype("datetime64[D]")).all():
                return unit
    if _anchored(times):
        return "months"
    moved, spread = np.diff(months.astype(np.int64)), min(np.ptp(within), np.ptp(before_end))
    unlike = (np.diff(times) != times[1] - times[0]).any()
    regular = moved.min() > 0 and not (moved % moved.min()).any()
    return "months" if unlike and regular and spread <= _MOST_SPREAD else None


def _in_month(months: NDArray[Any], unit: Unit, within: int) -> Times:
    """Return the times at a position within months.

    Args:
        months: of dtype datetime64[M].
        unit: of a step.
        within: nanoseconds: since the beginning of the month, at most until its last day; since that of the last day
            of the month; or since that of the first or last weekday.
    """
    ends = (months + MONTH).astype("datetime64[D]") - np.timedelta64(1, "D")
    size = np.timedelta64(within, "ns")
    if unit == "business month starts":
        return np.busday_offset(months.astype("datetime64[D]"), 0, roll="forward").astype("datetime64[ns]") + size
    if unit == "business month ends":
        return np.busday_offset(ends, 0, roll="backward").astype("datetime64[ns]") + size
    if unit == "month ends":
        return ends.astype("datetime64[ns]") + size
    clock = np.timedelta64(within % DAY, "ns")
    return np.minimum(months.astype("datetime64[ns]") + size, ends.astype("datetime64[ns]") + clock)


def _anchored(times: Times) -> bool:
    """Return whether times have one position within their months, clipped to the last day of short months."""
    months = times.astype("datetime64[M]")
    return bool((_in_month(months, "months", int(_since(times, months).max())) == times).all())


def _since(times: Any, starts: Any) -> Any:
    """Return the nanoseconds from starts, of any precision, to times."""
    return (times - starts.astype("datetime64[ns]")).astype(np.int64)


def future(times: Times, step: Step, count: int, zone: str | None = None) -> Times:
    """Return the next `count` times after the last one of `times`, which have this step."""
    if step.unit == "time":
        return times[-1] + (np.arange(1, count + 1) * step.count).astype("timedelta64[ns]")
    wall = wall_clock(times, zone)
    return instants(_wall_future(wall, wall[-1], step, count), zone)


def _wall_future(wall: Times, last: Any, step: Step, count: int) -> Times:
    """Return the `count` times after `last`, which is one of `wall`."""
    ahead = np.arange(1, count + 1) * step.count
    if step.unit in ("time", "local"):
        return last + ahead.astype("timedelta64[ns]")
    day, month = last.astype("datetime64[D]"), last.astype("datetime64[M]")
    if step.unit == "weekdays":
        return np.busday_offset(day, ahead, roll="backward").astype("datetime64[ns]") + (last - day)
    within = (last - day).astype(np.int64)
    if step.unit == "months":
        places = _since(wall, wall.astype("datetime64[M]"))
        within = int(places.max()) if _anchored(wall) else int(_since(last, month))
    return _in_month(month + ahead.astype("timedelta64[M]"), step.unit, int(within))


def onto_grid(times: Times, step: Step, place: str, zone: str | None = None) -> tuple[Times, NDArray[np.int64]]:
    """Map times to the regular grid that begins with the first one.

    Args:
        times: ascending and different, of shape (rows,).
        step: the sampling step.
        place: the file, for messages.
        zone: zone of the times.

    Returns:
        The times of the grid, of shape (slots,), and each row's slot.

    Raises:
        DataError: two rows fall into one slot, or most slots are empty.
    """
    wall = times if step.unit == "time" else wall_clock(times, zone)
    slots = _slots(wall, step)
    instead = "data.steps=rows takes each row as one step, regardless of its time"
    same = np.flatnonzero(np.diff(slots) <= 0)
    if same.size:
        one, other = times[same[0]], times[same[0] + 1]
        raise DataError(
            f"{place}: the times are irregular: the usual step is {step}, but {same.size:,} rows come sooner, "
            f"such as {show_time(other, zone)} after {show_time(one, zone)}. Expected one row per step; {instead}."
        )
    size = int(slots[-1]) + 1
    if size > _MOST_SLOTS or times.size < _LEAST_FILLED * size:
        raise DataError(
            f"{place}: the times are irregular: with the usual step of {step}, {size:,} rows would be expected from "
            f"{show_time(times[0], zone)} to {show_time(times[-1], zone)}, found {times.size:,}. Resample the file; or "
            f"{instead}."
        )
    if size == times.size and step.unit not in ("time", "local"):
        return times, slots
    grid = np.concatenate([wall[:1], _wall_future(wall, wall[0], step, size - 1)])
    if "month" in step.unit:
        grid[slots] = wall
    return grid if step.unit == "time" else instants(grid, zone), slots


def _slots(wall: Times, step: Step) -> NDArray[np.int64]:
    if step.unit in ("time", "local"):
        return (_since(wall, wall[0]) + step.count // 2) // step.count
    if step.unit == "weekdays":
        days = wall.astype("datetime64[D]")
        return np.busday_count(days[0], days).astype(np.int64)
    months = wall.astype("datetime64[M]").astype(np.int64)
    return (months - months[0]) // step.count


def filled(times: Times) -> float:
    """Return the share of filled slots on the regular grid of the times; 0 if two times share a slot."""
    ordered = np.unique(times)
    if ordered.size < 2:
        return 0.0
    slots = _slots(ordered, _wall_step(ordered))
    return 0.0 if (np.diff(slots) <= 0).any() else ordered.size / (int(slots[-1]) + 1)


def show_time(time: Any, zone: str | None = None) -> str:
    """Return a time for messages: without trailing zeros, or with the offset of its zone."""
    if zone is not None:
        return iso_texts(np.array([time]), zone)[0]
    text = str(time.astype("datetime64[ns]")).replace("T", " ")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.removesuffix(" 00:00:00") if text.endswith(" 00:00:00") else text.removesuffix(":00")


def calendar_names(step: Step) -> tuple[str, ...]:
    """Return the calendar features that vary from row to row with this step."""
    limits = {"hour of day": DAY, "day of week": 7 * DAY, "day of year": 300 * DAY}
    return tuple(name for name in CALENDAR if step.nanoseconds < limits[name])


def calendar_features(times: Times, names: Sequence[str]) -> NDArray[np.float64]:
    """Return sine and cosine of the phase of a day, a week, a year, of shape (rows, 2 * names)."""
    days = times.astype("datetime64[D]")
    hour = (times - days).astype(np.int64) / DAY
    years = times.astype("datetime64[Y]")
    length = ((years + YEAR).astype(times.dtype) - years.astype(times.dtype)).astype(np.int64)
    phases = {
        "hour of day": hour,
        "day of week": ((days.astype(np.int64) + 3) % 7 + hour) / 7,  # 1970-01-01 was a Thursday
        "day of year": (times - years).astype(np.int64) / length,
    }
    columns = [wave(2 * np.pi * phases[name]) for name in names for wave in (np.sin, np.cos)]
    return np.stack(columns, axis=1) if columns else np.zeros((times.size, 0))


def usual_season(step: Step | None) -> int:
    """Return the usual period, in rows, of series with this step; 1 if there is none.

    A day for steps below a day, a week for days, a year for weeks and longer; an hour for steps below a minute.
    """
    if step is None:
        return 1
    if step.unit == "weekdays":
        return 5
    if step.unit not in ("time", "local"):
        return max(1, 12 // step.count)
    for limit, period in ((60 * SECOND, 3600 * SECOND), (DAY, DAY), (7 * DAY, 7 * DAY), (300 * DAY, 364 * DAY)):
        if step.count < limit:
            return max(1, round(period / step.count))
    return 1
