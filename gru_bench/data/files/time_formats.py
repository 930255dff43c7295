"""Formats of times: detect the possible formats of text cells, and parse cells in one of them."""

from __future__ import annotations

import calendar
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from gru_bench.data.files.cells import Cells
from gru_bench.data.files.time_zones import DAY, SECOND, Times
from gru_bench.errors import ConfigError

ISO = "ISO8601"
EPOCHS = {"s": SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}
"""Units of times since 1970, in nanoseconds."""
FORMATS = (ISO, "quarter", "week", "excel", *EPOCHS)
"""Named formats; all others are strptime formats."""
EXAMPLES = "2024-03-31 14:00, 31.03.2024, 3/31/2024 2:00 PM, 20240331, 31 Mar 2024, 2024-03, 2024Q1, 1711893600"
EARLIEST, LATEST = np.datetime64("1700-01-01"), np.datetime64("2200-01-01")
EXCEL_DAYS = (20_000, 80_000)
"""Days since 1899-12-30, of the years 1954 to 2119: dates of Excel that were exported as numbers."""

_COMPACT = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_COUNT = r"\d+(?:\.\d*)?(?:[eE]\+?\d{1,2})?"
_LEAST_COUNT = 10**8  # seconds since 1970; smaller numbers may be anything
_MAGNITUDES = ((10**11, "s"), (10**14, "ms"), (10**17, "us"), (10**20, "ns"))
_QUARTERS = (r"(\d{4})[-/. ]?[Qq]([1-4])", r"[Qq]([1-4])[-/. ]?(\d{4})", r"([1-4])[Qq][-/. ]?(\d{4})")
_WEEK = r"(\d{4})[- ]?[Ww](\d{1,2})(?:-?([1-7]))?"
_OFFSET = r"(?:Z|UTC|GMT|[+-]\d{2}:?(?:\d{2})?)"
_BEFORE_OFFSET = r"(.*(?::\d{2}(?:[.,]\d+)?|\dT\d{2,6})(?: ?[AaPp][Mm])?)"
_HALF = r"(?:(?P<gap>[- ]?)[AaPp][Mm])?(?![\d:.])"
_CLOCKS = tuple(
    (re.compile(rf"(?<!\d)\d{{1,2}}{after}{_HALF}"), form)
    for after, form in ((r":\d{2}:\d{2}\.\d{1,9}", ":%M:%S.%f"), (r":\d{2}:\d{2}", ":%M:%S"), (r":\d{2}", ":%M"))
)
_LAST_CLOCKS = tuple(
    (re.compile(rf"(?<=[ T]){digits}{_HALF}$"), form)
    for digits, form in (
        (r"\d{1,2}\.\d{2}\.\d{2}", ".%M.%S"),
        (r"\d{1,2}\.\d{2}", ".%M"),
        (r"\d{1,2}h\d{2}", "h%M"),
        (r"\d{6}", "%M%S"),
        (r"\d{4}", "%M"),
        (r"\d{1,2}", ""),
    )
)
_DAY_END = r"(?<![\d:])24:00(?=$|:00)"
_CLOCK_MARK = "\0"
_NAMES: dict[str, str] = {
    name.casefold(): directive
    for names, directive in (
        (calendar.day_abbr, "%a"),
        (calendar.day_name, "%A"),
        (calendar.month_name[1:], "%B"),
        (calendar.month_abbr[1:], "%b"),  # after the full names: May is also an abbreviation
    )
    for name in names
}
_LITERAL_WORDS = frozenset(("t", "m", "of", "年", "月", "日"))


def check_format(form: str, key: str) -> None:
    """Check a format of times.

    Raises:
        ConfigError: it is neither one of `FORMATS` nor a strptime format.
    """
    import pandas as pd

    if form in FORMATS:
        return
    hint = "" if "%" in form else "It has no directive."
    try:
        pd.to_datetime(pd.Series(["2000"]), format=form, errors="coerce")
    except (ValueError, re.error) as error:  # re.error: pandas makes a pattern, in which a directive may not repeat
        hint = f"{error}."
    if hint:
        raise ConfigError(key, form, f"a strptime format such as '%d.%m.%Y %H:%M', or {', '.join(FORMATS)}", hint)


def day_first(form: str) -> bool | None:
    """Return whether the day comes before the month, both in digits; None if the two cannot be confused."""
    day, month, year = form.find("%d"), form.find("%m"), max(form.find("%y"), form.find("%Y"))
    return None if min(day, month) < 0 or year < max(day, month) else day < month


def offset_within(form: str) -> bool:
    """Return whether a format includes the offset from UTC."""
    return "%z" in form or "%Z" in form


def split_offsets(cells: Cells) -> tuple[Cells, Cells]:
    """Split cells into times and UTC offsets, which are empty for cells without one."""
    if not cells.str.contains(rf"{_OFFSET}$").any():
        return cells, cells.str[:0]
    parts = cells.str.extract(rf"^{_BEFORE_OFFSET} ?({_OFFSET})$")
    return parts[0].fillna(cells), parts[1].fillna("")


def offset_nanoseconds(offsets: Cells) -> np.ndarray:
    """Convert offsets such as `Z`, `+02`, `-04:00` and `+0530` to nanoseconds."""
    sizes = {text: _offset(text) for text in offsets.unique()}
    return np.array([sizes[text] for text in offsets], np.int64)


def _offset(text: str) -> int:
    digits = re.sub(r"\D", "", text).ljust(4, "0")
    size = (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * SECOND
    return -size if text.startswith("-") else size


def suggested_formats(cells: Cells) -> list[str]:
    """Return the possible formats of cells without UTC offsets, from a sample of them."""
    if cells.str.fullmatch(_COUNT).mean() > 0.9:
        return _number_formats(cells)
    if any(cells.str.fullmatch(pattern).mean() > 0.5 for pattern in _QUARTERS):
        return ["quarter"]
    if cells.str.fullmatch(_WEEK).mean() > 0.5:
        return ["week"]
    samples = cells.iloc[np.unique(np.linspace(0, len(cells) - 1, 5).round().astype(int))]
    forms = dict.fromkeys(form for sample in _plain(samples) for form in _text_formats(sample))
    iso = samples.str.match(r"\d{4}[-/. ]\d|\d{8}T").any() and not np.isnat(parse(cells, ISO)).any()
    return [ISO] if iso else list(forms)


def parse(cells: Cells, form: str) -> Times:
    """Parse cells without UTC offsets in a format, NaT for cells that do not fit it."""
    if form in EPOCHS:
        counts = _scaled(cells, EPOCHS[form])
        other = _unit(max(counts.max().item() // EPOCHS[form], 0))
        return _within(np.full(len(cells), "NaT", "datetime64[ns]") if other not in (None, form) else _moments(counts))
    if form == "excel":
        days = _moments(_scaled(cells, 86_400_000), "ms")
        return _within(days - (np.datetime64(0, "ms") - np.datetime64("1899-12-30", "ms")))
    if form == "quarter":
        parts = [cells.str.extract(f"^{pattern}$") for pattern in _QUARTERS]
        year = parts[0][0].fillna(parts[1][1]).fillna(parts[2][1])
        quarter = parts[0][1].fillna(parts[1][0]).fillna(parts[2][0])
        known = year.notna().to_numpy(bool)
        months = (year.fillna("0").astype(int) - 1970) * 12 + (quarter.fillna("1").astype(int) - 1) * 3
        return _within(np.where(known, months.to_numpy(np.int64).astype("datetime64[M]"), np.datetime64("NaT", "M")))
    if form == "week":
        parts = cells.str.extract(f"^{_WEEK}$")
        return _parsed(parts[0] + "-" + parts[1] + "-" + parts[2].fillna("1"), "%G-%V-%u")
    if form == ISO:
        cells = cells.str.replace(r"(:\d{2}),(\d+)$", r"\1.\2", regex=True)
    else:
        cells = _plain(cells)
    if offset_within(form) and cells.str.fullmatch(r".*\d(?: ?[AaPp][Mm])?").all():  # without their offsets
        form = re.sub(" ?%[zZ]$", "", form)
    ends = cells.str.contains(_DAY_END).to_numpy(bool)
    if ends.any():
        cells = cells.str.replace(_DAY_END, "00:00", regex=True)
    times = _parsed(cells, form)
    for shorter in _shorter(form):
        if 0 < (left := np.isnat(times)).mean() < 0.5:
            times[left] = _parsed(cells[left], shorter)
    return times + ends * np.timedelta64(DAY, "ns")


def _parsed(cells: Cells, form: str) -> Times:
    import pandas as pd

    moments = pd.to_datetime(cells, format=form, errors="coerce", utc=True)
    return _within(moments.dt.tz_localize(None).to_numpy())


def _shorter(form: str) -> list[str]:
    """Return the formats of times without a fraction or a clock, which some files omit if they are zero."""
    date = re.sub(r"[ T]%[HI].*$", "", form)
    return [shorter for shorter in (form.replace(".%f", ""), date) if shorter != form and "%d" in date]


def _within(times: np.ndarray) -> Times:
    """Return times in nanoseconds, NaT outside `EARLIEST` to `LATEST`."""
    possible = (times >= EARLIEST) & (times < LATEST)
    return np.where(possible, times, np.array("NaT", times.dtype)).astype("datetime64[ns]")


def _plain(cells: Cells) -> Cells:
    """Replace notations that strptime does not know by equivalent ones."""
    cells = cells.str.replace(r"(:\d{2}),(\d+)$|^(\d{4,14})\.0+$", r"\1.\2\3", regex=True).str.strip(".")
    if cells.str.contains(r"[A-Za-z]{2}").any():
        cells = cells.str.replace(r"(\d)(?:st|nd|rd|th)\b", r"\1", regex=True)
        cells = cells.str.replace(r"\b([AaPp])\.[Mm]\.?(?=$|\s)", r"\1M", regex=True)
        cells = cells.str.replace(r"\b([Ss]ep)t\b", r"\1", regex=True).str.replace(r"\s+", " ", regex=True)
    return cells


def _number_formats(cells: Cells) -> list[str]:
    """Return the possible formats of numbers: dates without separators, else counts since 1970."""
    plain = _plain(cells)
    lengths = set(plain.str.len())
    if len(lengths) == 1 and (form := _COMPACT.get(lengths.pop())) and not np.isnat(parse(plain, form)).any():
        return [form]
    unit = _unit(int(_scaled(cells, 1).max()))
    return [] if unit is None else [unit]


def _unit(count: int) -> str | None:
    """Return the unit of a time since 1970, from the magnitude of the number."""
    return next((unit for limit, unit in _MAGNITUDES if _LEAST_COUNT <= count < limit), None)


_NO_NUMBER = -(2**62)


def _scaled(cells: Cells, size: int) -> np.ndarray:
    """Return decimal numbers times `size`, rounded exactly; `_NO_NUMBER` for other cells and huge numbers."""
    return np.array([_exact(text, size) for text in cells], np.int64)


def _exact(text: str, size: int) -> int:
    try:
        number = round(Decimal(text) * size)
    except (InvalidOperation, ValueError, OverflowError):
        return _NO_NUMBER
    return number if 0 <= number < 2**63 else _NO_NUMBER


def _moments(counts: np.ndarray, unit: Any = "ns") -> np.ndarray:
    return np.where(counts == _NO_NUMBER, np.iinfo(np.int64).min, counts).astype(f"datetime64[{unit}]")


def _text_formats(text: str) -> list[str]:
    """Return the possible strptime formats of a text."""
    for pattern, form in _CLOCKS:
        if match := pattern.search(text):
            return _with_clock(text, match, form)
    forms = _date_formats(text)
    for pattern, form in () if forms else _LAST_CLOCKS:
        if match := pattern.search(text):
            return _with_clock(text, match, form)
    return forms


def _with_clock(text: str, match: re.Match[str], form: str) -> list[str]:
    halved = match["gap"] is not None
    clock = f"%I{form}{match['gap']}%p" if halved else f"%H{form}"
    dates = _date_formats(text[: match.start()] + _CLOCK_MARK + text[match.end() :])
    return [date.replace(_CLOCK_MARK, clock) for date in dates if "%d" in date or "%j" in date]


def _date_formats(text: str) -> list[str]:
    tokens: list[str] = re.findall(r"\d+|[^\W\d_]+|[\W_]+", text)
    words = [token.casefold() for token in tokens if token.isalpha()]
    if "%" in text or any(word not in _NAMES and word not in _LITERAL_WORDS for word in words):
        return []
    by_name = any(_NAMES.get(word) in ("%b", "%B") for word in words)
    widths = tuple(len(token) for token in tokens if token.isdecimal())
    forms = []
    for directives in _directives(widths, by_name):
        numbers = iter(directives)
        parts = [next(numbers) if token.isdecimal() else _NAMES.get(token.casefold(), token) for token in tokens]
        if len(set(names := [part for part in parts if part.startswith("%")])) == len(names):
            forms.append("".join(parts))
    if by_name and "may" in words:  # also a full name
        forms += [form.replace("%b", "%B") for form in forms]
    return forms


def _directives(widths: tuple[int, ...], by_name: bool) -> list[tuple[str, ...]]:
    """Return the possible directives of numbers of these widths in a date, whose month may be a name."""
    short = tuple("d" if width <= 2 else str(width) for width in widths)
    if by_name:
        known = {("d", "4"): ["dY"], ("4", "d"): ["Yd"], ("d", "d"): ["dy"], ("4",): ["Y"], ("d",): ["y"]}
    else:
        known = {
            ("4", "d", "d"): ["Ymd"],
            ("d", "d", "4"): ["dmY", "mdY"],
            ("d", "d", "d"): ["dmy", "mdy", "ymd"],
            ("4", "d"): ["Ym"],
            ("4", "3"): ["Yj"],
            ("d", "4"): ["mY"],
            ("8",): ["Y%m%d"],
            ("4",): ["Y"],
        }
    return [tuple(f"%{letter}" for letter in ([form] if "%" in form else form)) for form in known.get(short, [])]
