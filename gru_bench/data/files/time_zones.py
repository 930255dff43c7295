"""Time zones: instants in UTC, wall-clock times of a zone, and times as text.

A zone is the name of an IANA zone, such as `Europe/Berlin`, or an offset from UTC, such as `-04:00`; None stands for an
unknown zone, of which only wall-clock times are known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta, timezone, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import ConfigError, nearest

Times = NDArray[Any]
"""Times in nanoseconds, of shape (rows,)."""

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
_Unit = Literal["s", "ms", "us", "ns"]
_UNITS: tuple[tuple[_Unit, int], ...] = (("s", SECOND), ("ms", 1_000_000), ("us", 1_000), ("ns", 1))
CLOCK_CHANGES = "If the clocks change then, name the time zone, as in data.time_zone=Europe/Berlin."
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")


def check_zone(zone: str, key: str) -> None:
    """Check a time zone.

    Raises:
        ConfigError: it is neither the name of a zone nor an offset.
    """
    if not _OFFSET.fullmatch(zone) and zone not in (names := available_timezones()):
        allowed = "a name of the IANA time zone database such as Europe/Berlin, or an offset such as +02:00"
        raise ConfigError(key, zone, allowed, nearest(zone, sorted(names)))


def offset_name(nanoseconds: int) -> str:
    """Return the zone of an offset."""
    minutes = abs(nanoseconds) // (60 * SECOND)
    return f"{'-' if nanoseconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def is_named(zone: str | None) -> bool:
    """Return whether a zone's offset may change."""
    return zone is not None and not _OFFSET.fullmatch(zone)


def wall_clock(times: Times, zone: str | None) -> Times:
    """Return the wall-clock times of a zone at instants."""
    return times if zone is None else times + offsets(times, zone)


def offsets(times: Times, zone: str) -> np.ndarray:
    """Return the zone's offset from UTC at instants."""
    import pandas as pd

    local = pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(_tzinfo(zone)).tz_localize(None)
    return local.to_numpy().astype("datetime64[ns]") - times


def instants(wall: Times, zone: str | None) -> Times:
    """Return the instants of wall-clock times in a zone.

    Of an hour that occurs twice, the first instant is returned; a time that the clock skips is moved to the end of the
    gap.
    """
    import pandas as pd

    if zone is None:
        return wall
    first = np.ones(len(wall), bool)
    local = pd.DatetimeIndex(wall).tz_localize(_tzinfo(zone), ambiguous=first, nonexistent="shift_forward")
    return local.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ns]")


def both_instants(wall: Times, zone: str) -> tuple[Times, Times]:
    """Return the first and the second instant of wall-clock times in a zone; NaT for times that the clock skips."""
    import pandas as pd

    index, both = pd.DatetimeIndex(wall), []
    for first in (True, False):
        local = index.tz_localize(_tzinfo(zone), ambiguous=np.full(len(wall), first), nonexistent="NaT")
        both.append(local.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ns]"))
    return both[0], both[1]


def iso_texts(times: Times, zone: str | None) -> Sequence[str]:
    """Return times in ISO 8601, all in one format: only dates if the zone is unknown and all times are midnights.

    Args:
        times: in UTC, or of an unknown zone.
        zone: of the texts.
    """
    wall = wall_clock(times, zone)
    if zone is None and not (wall.astype(np.int64) % DAY).any():
        return wall.astype("datetime64[D]").astype(str).tolist()
    within = wall.astype(np.int64) % SECOND
    fitting: list[_Unit] = [unit for unit, size in _UNITS if not (within % size).any()]
    texts = np.datetime_as_string(wall, unit=fitting[0]).tolist()
    if zone is None:
        return texts
    sizes = offsets(times, zone).astype(np.int64).tolist()
    return [text + offset_name(size) for text, size in zip(texts, sizes, strict=True)]


def at_clock_changes(times: Times) -> bool:
    """Return whether repeated or skipped times may be changes of the clock: in one night a year."""
    days = np.unique(times.astype("datetime64[D]"))
    years = np.unique(days.astype("datetime64[Y]"))
    hours = (times - times.astype("datetime64[D]")).astype(np.int64) // (3600 * SECOND)
    return bool(0 < days.size == years.size and (hours == hours[0]).all() and 0 < hours[0] < 4)


def _tzinfo(zone: str) -> tzinfo:
    if match := _OFFSET.fullmatch(zone):
        sign, hours, minutes = match.groups()
        size = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-size if sign == "-" else size)
    return ZoneInfo(zone)
