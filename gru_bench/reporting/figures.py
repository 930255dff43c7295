"""Pictures of one run, drawn from the rows of its `metrics.jsonl` without a display."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gru_bench.plotting import COLOURS, STYLES, legend_above, new_figure, save_figure

Row = Mapping[str, Any]

LOSS_LIKE = ("nll", "loss")  # metrics on the scale of the training loss: one panel shows both

_GATE_KEY = re.compile(r"gates/(?P<place>.+)/(?P<gate>[^/]+)/(?P<measure>mean|saturated)")


def learning_curve(rows: Sequence[Row], metric: str, floor: float | None, path: Path, unit: str = "") -> bool:
    """Draw the training loss and a validation metric against updates.

    Args:
        rows: training rows hold `loss`, validation rows hold `metric`; each names its `split` and `update`.
        metric: the metric that decides. A loss on another scale gets its own panel.
        floor: the value of `metric` that no model can pass, or None.
        path: the PNG file; its folder is made.
        unit: the unit of `metric`, such as `nats per token`.

    Returns:
        Whether there was anything to draw.
    """
    loss = _series(rows, "train", "loss")
    valid = _series(rows, "valid", metric)
    if not loss[0] and not valid[0]:
        return False
    together = metric in LOSS_LIKE or not loss[0]
    figure, axes = _figure(columns=1 if together else 2, rows=1, width=5.6 if together else 4.0, height=3.5)
    scored = axes[0][-1]
    axes[0][0].plot(*loss, color=COLOURS[0], linewidth=1.0, alpha=0.75, label="training loss")
    scored.plot(*valid, color=COLOURS[1], linewidth=1.8, marker="o", markersize=3.5, label=f"validation {metric}")
    if floor is not None:
        scored.axhline(floor, color="0.35", linewidth=1.2, linestyle="--", label=f"floor {floor:.4g}")
    scored.set_ylabel(f"{metric.replace('_', ' ')}" + (f" ({unit})" if unit else ""))
    if not together:
        axes[0][0].set_ylabel("training loss")
    for panel in axes[0]:
        _limit(panel, valid[1] if panel is scored else [], floor)
        panel.set_xlabel("updates")
        panel.legend(frameon=False)
    save_figure(figure, path)
    return True


def gate_activity(rows: Sequence[Row], path: Path) -> bool:
    """Draw each gate's mean and saturated share per layer and direction against updates.

    Args:
        rows: validation rows with keys such as `gates/layer0/forward/update/mean` and `.../saturated`, in [0, 1].
        path: the PNG file; its folder is made.

    Returns:
        Whether there was anything to draw: a cell without gates gets no picture.
    """
    places: dict[str, dict[str, None]] = {}
    for row in rows:
        for key in row:
            if found := _GATE_KEY.fullmatch(key):
                places.setdefault(found["place"], {})[found["gate"]] = None
    if not places:
        return False
    figure, axes = _figure(columns=len(places), rows=2, width=max(2.6, 5.6 / len(places)), height=2.2)
    order = list(dict.fromkeys(gate for gates in places.values() for gate in gates))
    for column, (place, gates) in enumerate(places.items()):
        for line, (measure, label) in enumerate((("mean", "mean gate value"), ("saturated", "saturated share"))):
            panel = axes[line][column]
            for gate in gates:
                panel.plot(
                    *_series(rows, "valid", f"gates/{place}/{gate}/{measure}"),
                    color=COLOURS[order.index(gate) % len(COLOURS)],
                    linestyle=STYLES[order.index(gate) % len(STYLES)],
                    marker="o",
                    markersize=3,
                    linewidth=1.5,
                    label=gate,
                )
            panel.set_ylim(-0.03, 1.03)
            if column == 0:
                panel.set_ylabel(label)
            if line == 0:
                panel.set_title(place.replace("/", ", ").replace("layer", "layer "), fontsize=9)
            else:
                panel.set_xlabel("updates")
    legend_above(figure, axes[0])
    save_figure(figure, path)
    return True


def _series(rows: Sequence[Row], split: str, key: str) -> tuple[list[int], list[float]]:
    points = {
        row["update"]: float(row[key])
        for row in rows
        if row.get("split") == split and isinstance(row.get(key), int | float) and math.isfinite(row[key])
    }
    return sorted(points), [points[update] for update in sorted(points)]


def _figure(columns: int, rows: int, width: float, height: float) -> tuple[Figure, list[list[Axes]]]:
    figure, axes = new_figure(columns, rows, width=width, height=height, share_x=True)
    for panel in (panel for line in axes for panel in line):
        panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=[1, 2, 5, 10]))
        panel.xaxis.set_major_formatter(FuncFormatter(short_count))
    return figure, axes


def _limit(panel: Axes, valid: Sequence[float], floor: float | None) -> None:
    """Keep the first steep losses from flattening what matters: the range that validation covers and its floor."""
    values = [*valid, *([] if floor is None else [floor])]
    if len(valid) < 2 or max(values) == min(values):
        return
    span = max(values) - min(values)
    low, high = panel.get_ylim()
    if high > max(values) + 2 * span:
        high = max(values) + 0.6 * span
    panel.set_ylim(max(low, min(values) - 0.4 * span), high)


def short_count(value: float, _: int | None) -> str:
    """Write a tick so that neighbours do not touch: 1,500, 20k, 1.5M."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:g}k"
    return f"{value:,.0f}"
