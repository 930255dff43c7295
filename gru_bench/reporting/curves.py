"""Learning curves of a group as pictures for a page: each seed a thin line, the median over seeds a thick one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import BytesIO
from statistics import median
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gru_bench.errors import UserError
from gru_bench.history import METRICS_FILE, read_metrics
from gru_bench.plotting import COLOURS, STYLES, new_figure
from gru_bench.reporting.figures import short_count
from gru_bench.reporting.format import number, unit
from gru_bench.reporting.html import Picture, data_uri
from gru_bench.results.collect import Run
from gru_bench.results.comparison import Group, is_floor

DRAWN_RUNS = 10  # per arm; the median is over these
POINTS = 120  # per line
LARGEST_FILE = 20 * 2**20  # bytes of a metrics file that is still read
FIRST_SHARE = 0.1  # of the curve, which may leave the picture: the steep start would flatten the rest

# Colours of a picture follow the reader's light or dark scheme: name -> (as drawn, on light, on dark).
_INK, _GRID = "#1b1f24", "#e6e6e6"
_DARK = ("#4aa8e6", "#ff8a3d", "#2fc79b", "#e29cc6", "#8fd0f5", "#f2bb3f")
SCHEME = {
    "ink": (_INK, _INK, "#dfe3e8"),
    "grid": (_GRID, _GRID, "#3a4048"),
    **{f"c{index}": (colour.lower(), colour, _DARK[index]) for index, colour in enumerate(COLOURS)},
}


class Point(NamedTuple):
    """One value of a run's history."""

    update: int
    seconds: float
    value: float


Lines = dict[str, list[list[Point]]]  # by arm: one line per run


def learning_curves(group: Group, order: Mapping[str, int], *, seconds: bool = True) -> tuple[list[Picture], list[str]]:
    """Draw training loss and validation metric over updates and over seconds of training.

    Times that other work disturbed are left out where an arm of the group has others.

    Args:
        group: the arms.
        order: a number for each arm's name, which gives its colour and its line style.
        seconds: whether to draw them over seconds as well.

    Returns:
        The pictures, and notes on what they leave out.
    """
    notes: list[str] = []
    rows = {run: _rows(run, notes) for arm in group.arms for run in arm.runs[:DRAWN_RUNS]}
    notes += [
        f"{arm.name}: the curves show {DRAWN_RUNS} of {len(arm.runs)} seeds."
        for arm in group.arms
        if len(arm.runs) > DRAWN_RUNS
    ]
    timed, note = _timed(group) if seconds else (set(), "")
    metric = group.metric.replace("_", " ")
    measure = unit(group.metric, group.first)
    pictures = []
    for split, key, label, of in (
        ("train", "loss", "training loss", ""),
        ("valid", group.metric, f"validation {metric}", f" ({measure})" if measure else ""),
    ):
        lines = {
            arm.name: [points for run in arm.runs[:DRAWN_RUNS] if (points := _points(rows[run], split, key))]
            for arm in group.arms
        }
        clocked = {
            arm.name: [
                points for run in arm.runs[:DRAWN_RUNS] if run in timed if (points := _points(rows[run], split, key))
            ]
            for arm in group.arms
        }
        if not any(lines.values()):
            continue
        floors = _floors(group) if split == "valid" else {}
        limits = _limits(lines, list(floors.values()))
        draw = partial(_picture, y_label=label, order=order, limits=limits, floors=list(floors.values()))
        pictures.append(draw(lines, f"{label}{of} over updates", "updates"))
        if any(clocked.values()):
            pictures.append(draw(clocked, f"{label}{of} over seconds", "seconds of training"))
    return pictures, [*notes, *([note] if note and pictures else [])]


def _rows(run: Run, notes: list[str]) -> list[dict[str, Any]]:
    path = run.directory / METRICS_FILE
    try:
        if path.is_file() and path.stat().st_size > LARGEST_FILE:
            raise UserError(f"{path}: larger than {LARGEST_FILE // 2**20} MiB, so its curve is left out.")
        return read_metrics(path)
    except UserError as error:
        notes.append(f"No curve: {error}")
        return []


def _points(rows: Sequence[Mapping[str, Any]], split: str, key: str) -> list[Point]:
    found = {
        row["update"]: Point(row["update"], float(row["seconds"]), float(row[key]))
        for row in rows
        if row.get("split") == split and all(_finite(row.get(name)) for name in ("update", "seconds", key))
    }
    return [found[update] for update in sorted(found)]


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _timed(group: Group) -> tuple[set[Run], str]:
    """Return the runs that may be drawn over seconds, and what a reader must know of them."""
    if not any(arm.timed_runs for arm in group.arms):
        return set(group.runs), "No time here is undisturbed: over seconds, compare shapes only."
    timed = {run for arm in group.arms for run in arm.timed_runs}
    missing = [arm.name for arm in group.arms if len(arm.timed_runs) < len(arm.runs)]
    note = f"Over seconds, runs with disturbed times or on another device are left out: {', '.join(missing)}."
    return timed, note if missing else ""


def _floors(group: Group) -> dict[str, float]:
    values = {name: metrics.get(group.metric) for name, metrics in group.baselines.items() if is_floor(name)}
    return {name: value for name, value in values.items() if value is not None}


def _picture(
    lines: Lines,
    title: str,
    x_label: str,
    *,
    y_label: str,
    order: Mapping[str, int],
    limits: tuple[float, float],
    floors: Sequence[float],
) -> Picture:
    by_update = x_label == "updates"

    def x_of(point: Point) -> float:
        return float(point.update) if by_update else point.seconds

    figure, [[panel]] = new_figure(width=4.3, height=2.8)
    for name, runs in lines.items():
        colour, style = COLOURS[order[name] % len(COLOURS)], STYLES[order[name] % len(STYLES)]
        middle = _median(runs)
        for points in runs if len(runs) > 1 else []:
            _draw(panel, points, x_of, color=colour, linewidth=0.6, alpha=0.45)
        marker = {"marker": "o", "markersize": 3} if len(middle) <= 12 else {}
        _draw(panel, middle, x_of, color=colour, linewidth=1.9, linestyle=style, **marker)
    for value in floors:
        if limits[0] <= value <= limits[1]:
            panel.axhline(value, color=_INK, linewidth=1.0, linestyle=":")
    panel.set_ylim(*limits)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=by_update, steps=[1, 2, 5, 10]))
    panel.xaxis.set_major_formatter(FuncFormatter(short_count) if by_update else FuncFormatter(lambda x, _: f"{x:g}"))
    panel.set_xlabel(x_label, color=_INK)
    panel.set_ylabel(y_label, color=_INK)
    panel.tick_params(labelsize=9, colors=_INK)
    panel.grid(visible=True, color=_GRID, linewidth=0.6)
    panel.spines[:].set_color(_INK)
    ends = [f"{name} {number(_median(runs)[-1].value)}" for name, runs in lines.items() if _median(runs)]
    return Picture(svg(figure), title, f"{title}; where the medians end: {', '.join(ends)}.")


def _draw(panel: Axes, points: Sequence[Point], x_of: Callable[[Point], float], **look: Any) -> None:
    step = max(1, math.ceil(len(points) / POINTS))
    shown = [*points[:-1:step], *points[-1:]]
    panel.plot([x_of(point) for point in shown], [point.value for point in shown], **look)


def _median(runs: Sequence[Sequence[Point]]) -> list[Point]:
    """Return the median value and time at each update that all runs have."""
    if not runs:
        return []
    by_update = [{point.update: point for point in points} for points in runs]
    shared = sorted(set.intersection(*(set(points) for points in by_update)))
    at = {update: [points[update] for points in by_update] for update in shared}
    return [
        Point(update, median(point.seconds for point in points), median(point.value for point in points))
        for update, points in at.items()
    ]


def _limits(lines: Lines, floors: Sequence[float]) -> tuple[float, float]:
    """Return the range of the values after the steep start, of all where it is not steep, with a floor that is near."""
    points = [point for runs in lines.values() for run in runs for point in run]
    end = max(point.update for point in points)
    late = [point.value for point in points if point.update >= FIRST_SHARE * end]
    everything = [point.value for point in points]
    low, high = min(late), max(late)
    if max(everything) - min(everything) <= 2.5 * (high - low):
        low, high = min(everything), max(everything)
    low = min([low, *(value for value in floors if low - 0.5 * (high - low) <= value)])
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def svg(figure: Figure) -> str:
    """Return a figure as a data URI; its colours follow the reader's scheme, its text is text."""
    file = BytesIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "gru_bench"}):
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    text = file.getvalue().decode()
    text = text[text.index("<svg") :]
    text = re.sub(r' d="[^"]*"', lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found[0]), text)
    for name, (drawn, _, _) in SCHEME.items():
        text = text.replace(drawn, f"var(--{name})")
    text = text.replace(">", f"><style>{scheme_css()}</style>", 1)
    return data_uri(text.encode(), "image/svg+xml")


def scheme_css() -> str:
    """Return the colours of pictures and their legends as CSS variables, for light and for dark."""
    light = ";".join(f"--{name}:{colour}" for name, (_, colour, _) in SCHEME.items())
    dark = ";".join(f"--{name}:{colour}" for name, (_, _, colour) in SCHEME.items())
    return f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
