"""Numbers as people read them: significant digits, intervals, units."""

from __future__ import annotations

import math
from collections.abc import Mapping

from gru_bench.record import RunRecord
from gru_bench.results.statistics import Estimate

MEBIBYTE = 2**20

_UNITS = {
    "nll": "nats per {item}",
    "nll_after_first": "nats per {item}",
    "bits_per_character": "bits",
    "accuracy": "share of {item}s",
    "bleu": "points of 100",
    "long_bleu": "points of 100",
    "greedy_bleu": "points of 100",
    "chrf": "points of 100",
    "exact": "share of outputs",
    "mse": "scaled values",
    "mae": "scaled values",
    "mse_units": "squared units of the data",
    "mae_units": "units of the data",
    "mase": "seasonal naive = 1",
    "correct": "share of sequences",
    "recalled": "share of remembered symbols",
    "longest": "n",
    "strings_right": "share of strings",
}


def number(value: float | int | None, digits: int = 4) -> str:
    """Write a number with `digits` significant digits, thousands separated; nothing for None."""
    if value is None:
        return ""
    value = float(value)
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])  # after rounding: 0.0999996 counts as 0.1
    if not -4 <= exponent < 12:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - exponent)}f}"


def count(value: float | int | None) -> str:
    """Write a whole number with thousands separated; nothing for None."""
    return "" if value is None else f"{round(value):,}"


def estimate(found: Estimate | None, signed: bool = False) -> str:
    """Write `mean ± half width of the interval`, rounded to two digits of the half width; one seed has no interval."""
    if found is None:
        return ""
    sign = "+" if signed and found.mean > 0 else ""
    if found.half_width is None:
        return sign + number(found.mean)
    if found.half_width <= 1e-9 * abs(found.mean):  # equal values, up to the rounding of their mean
        return f"{sign}{number(found.mean)} ± 0"
    decimals = max(0, 1 - math.floor(math.log10(found.half_width)))
    return f"{sign}{found.mean:,.{decimals}f} ± {found.half_width:,.{decimals}f}"


def mebibytes(value: float | int | None) -> str:
    """Write bytes in MiB; nothing for None."""
    return "" if value is None else number(value / MEBIBYTE, 3 if value < 1000 * MEBIBYTE else 4)


def milliseconds(seconds: float | int | None) -> str:
    """Write seconds in ms; nothing for None."""
    return "" if seconds is None else number(seconds * 1000, 3 if seconds < 1 else 4)


def times(value: float | int | None) -> str:
    """Write a ratio as in `0.76×`; nothing for None."""
    return "" if value is None else f"{number(value, 3)}×"


def duration(seconds: float | int) -> str:
    """Write a time span as in `12.3 s`, `4 min 5 s` or `2 h 3 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def heading(metric: str) -> str:
    """Write a metric's name over two lines where it has several words."""
    return "\n".join(metric.rsplit("_", 1)).replace("_", " ")


def setting(value: object) -> str:
    """Write a setting's value as the command line takes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def assignments(settings: Mapping[str, object]) -> str:
    """Write settings as the command line takes them: `layers=2, rule=adam`."""
    return ", ".join(f"{name}={setting(value)}" for name, value in settings.items())


def item(record: RunRecord) -> str:
    """Return what one scored item is called, such as `token`."""
    name = str(record.speed.get("item", "items"))
    return name[:-1] if name.endswith("s") else name


def metric_signatures(record: RunRecord) -> list[str]:
    """Return the metrics that a library computes with their signatures, which name all that decides them."""
    return [f"{name}: {signature}" for name, signature in record.data_facts.get("signatures", {}).items()]


def unit(metric: str, record: RunRecord) -> str:
    """Return the unit of a metric, or an empty string where it has none."""
    return _UNITS.get(metric, "").format(item=item(record))
