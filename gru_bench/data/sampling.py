"""The sampling step of a series: found from its times, times put on a grid, the calendar, the season."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import DataError

Times = NDArray[Any]
"""Times in nanoseconds, ascending, of shape (rows,)."""

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
MONTH, YEAR = np.timedelta64(1, "M"), np.timedelta64(1, "Y")
_NAMES = (("d", DAY), ("h", 3600 * SECOND), ("min", 60 * SECOND), ("s", SECOND), ("ms", 1_000_000), ("µs", 1000))
_MOST_SLOTS = 50_000_000
_LEAST_FILLED = 0.4

CALENDAR = ("hour of day", "day of week", "day of year")


@dataclass(frozen=True)
class Step:
    """The time from one row to the next.

    Attributes:
        unit: `time`: nanoseconds; `months`: calendar months, `month ends`: the same, with times at their last days;
            `weekdays`: Monday to Friday.
        count: how many of them.
    """

    unit: Literal["time", "months", "month ends", "weekdays"]
    count: int

    def __str__(self) -> str:
        if self.unit != "time":
            name = "weekday" if self.unit == "weekdays" else "month"
            return name if self.count == 1 else f"{self.count} {name}s"
        name, size = next((pair for pair in _NAMES if self.count % pair[1] == 0), ("ns", 1))
        return f"{self.count // size} {name}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"unit": self.unit, "count": self.count}

    @property
    def nanoseconds(self) -> int:
        """The step's usual length."""
        return self.count * {"time": 1, "weekdays": DAY}.get(self.unit, 30 * DAY)


def find_step(times: Times) -> Step:
    """Return the sampling step.

    It is months where all times stand at the same place of a month, weekdays where daily times leave out each weekend,
    else the most frequent difference (the median one where hardly two are equal).

    Args:
        times: at least two, ascending and different.
    """
    differences = np.diff(times).astype(np.int64)
    values, counts = np.unique(differences, return_counts=True)
    usual = int(values[counts.argmax()])
    if counts.max() < 0.2 * differences.size:
        usual = int(np.median(differences))
    unit = _place_in_month(times)
    if usual >= 28 * DAY and unit is not None:
        months = np.diff(times.astype("datetime64[M]").astype(np.int64))
        kinds, how_often = np.unique(months, return_counts=True)
        return Step(unit, int(kinds[how_often.argmax()]))
    if usual == DAY and times.size >= 6:
        days = times.astype("datetime64[D]")
        if np.is_busday(days).all() and differences.max() > DAY:
            return Step("weekdays", 1)
    return Step("time", usual)


def _place_in_month(times: Times) -> Literal["months", "month ends"] | None:
    """Say whether all times have the same day and time of a month, or are its last day at the same time."""
    months = times.astype("datetime64[M]")
    within = (times - months.astype(times.dtype)).astype(np.int64)
    if (within == within[0]).all():
        return "months"
    before_end = ((months + MONTH).astype(times.dtype) - times).astype(np.int64)
    return "month ends" if (before_end == before_end[0]).all() and before_end[0] <= DAY else None


def future(last: np.datetime64, step: Step, count: int) -> Times:
    """Return the `count` times after `last`, which is one of this step."""
    ahead = np.arange(1, count + 1) * step.count
    last = last.astype("datetime64[ns]")
    if step.unit == "time":
        return last + ahead.astype("timedelta64[ns]")
    if step.unit == "weekdays":
        day = last.astype("datetime64[D]")
        return np.busday_offset(day, ahead, roll="backward").astype("datetime64[ns]") + (last - day)
    first = last.astype("datetime64[M]")
    months = first + ahead.astype("timedelta64[M]")
    ends = (months + MONTH).astype("datetime64[ns]")
    if step.unit == "month ends":
        return ends - ((first + MONTH).astype("datetime64[ns]") - last)
    return np.minimum(months.astype("datetime64[ns]") + (last - first), ends - np.timedelta64(1, "D"))


def onto_grid(times: Times, step: Step, place: str) -> tuple[Times, NDArray[np.int64]]:
    """Put times onto the grid that begins with the first one.

    Args:
        times: ascending and different, of shape (rows,).
        step: the sampling step.
        place: the file, for messages.

    Returns:
        The times of the grid, of shape (slots,), and each row's slot.

    Raises:
        DataError: two rows fall into one slot, or most slots stay empty.
    """
    if step.unit == "time":
        slots = np.rint((times - times[0]).astype(np.int64) / step.count).astype(np.int64)
    elif step.unit == "weekdays":
        days = times.astype("datetime64[D]")
        slots = np.busday_count(days[0], days).astype(np.int64)
    else:
        months = times.astype("datetime64[M]").astype(np.int64)
        slots = (months - months[0]) // step.count
    instead = "data.steps=rows takes each row as one step, whatever its time"
    same = np.flatnonzero(np.diff(slots) == 0)
    if same.size:
        one, other = times[same[0]], times[same[0] + 1]
        raise DataError(
            f"{place}: the times are irregular: the usual step is {step}, but {same.size:,} rows come sooner, "
            f"such as {show_time(other)} after {show_time(one)}. Expected one row per step; {instead}."
        )
    size = int(slots[-1]) + 1
    if size > _MOST_SLOTS or times.size < _LEAST_FILLED * size:
        raise DataError(
            f"{place}: the times are irregular: with the usual step of {step}, {size:,} rows would be expected from "
            f"{show_time(times[0])} to {show_time(times[-1])}, found {times.size:,}. Resample the file; or {instead}."
        )
    if size == times.size and step.unit != "time":
        return times, slots
    return np.concatenate([times[:1], future(times[0], step, size - 1)]), slots


def show_time(time: Any) -> str:
    """Return a time for people: no more digits than it needs."""
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
    """Return the period, in rows, that series of this step usually have; 1 where there is none.

    A day for steps below a day, a week for days, a year for weeks and longer; an hour for steps below a minute.
    """
    if step is None:
        return 1
    if step.unit == "weekdays":
        return 5
    if step.unit != "time":
        return max(1, 12 // step.count)
    for limit, period in ((60 * SECOND, 3600 * SECOND), (DAY, DAY), (7 * DAY, 7 * DAY), (300 * DAY, 364 * DAY)):
        if step.count < limit:
            return max(1, round(period / step.count))
    return 1
