"""Measurements as pictures: ratio to each peer, share of the products, GRU to LSTM over hidden size."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from gru_bench.measurement import PASSES, Measurement, Pass
from gru_bench.plotting import COLOURS, STYLES, legend_above, new_figure, save_figure
from gru_bench.reporting.bench_tables import TITLES
from gru_bench.results.measurements import Ratio, cell_ratios, implementations, peer_ratios, product_ratios

MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def draw_all(rows: Sequence[Measurement], folder: Path) -> list[Path]:
    """Draw what the measurements allow and return the files."""
    pictures: dict[str, Callable[[Sequence[Measurement], Path], bool]] = {
        "peers.png": peers,
        "products.png": products,
        "gru_lstm.png": gru_lstm,
    }
    return [folder / name for name, draw in pictures.items() if draw(rows, folder / name)]


def peers(rows: Sequence[Measurement], path: Path) -> bool:
    """Draw our time over each peer's; below the line ours is faster. Returns whether there was anything to draw."""
    ratios = peer_ratios([row for row in rows if row.what != "step"])
    return _over_work(
        rows, ratios, lambda ratio: ratio.value, lambda ratio: ratio.under, "our time / peer's time", path
    )


def products(rows: Sequence[Measurement], path: Path) -> bool:
    """Draw the share of its time that each implementation would need for the matrix products alone."""
    ratios = product_ratios([row for row in rows if row.what != "step"])
    return _over_work(
        rows, ratios, lambda ratio: 1 / ratio.value, lambda ratio: ratio.over, "products alone / whole layer", path
    )


def gru_lstm(rows: Sequence[Measurement], path: Path) -> bool:
    """Draw the time of a GRU over that of an LSTM within each implementation; lines join medians per hidden size."""
    ratios = cell_ratios(rows)
    passes = _passes(ratios)
    if not ratios:
        return False
    figure, axes = new_figure(len(passes), 1, width=4.2, height=3.6)
    order = implementations(rows)
    for panel, what in zip(axes[0], passes, strict=True):
        for name in order:
            found = sorted(
                (ratio.over.hidden, ratio.value)
                for ratio in ratios
                if ratio.over.what == what and ratio.over.implementation == name
            )
            sizes = list(dict.fromkeys(hidden for hidden, _ in found))
            medians = [statistics.median(value for hidden, value in found if hidden == size) for size in sizes]
            style = _style(order, name)
            panel.scatter(*zip(*found, strict=True), s=14, alpha=0.5, **style) if found else None
            panel.plot(sizes, medians, linestyle=STYLES[order.index(name) % len(STYLES)], label=_title(name), **style)
        panel.set_title(what, fontsize=9)
        panel.set_xlabel("hidden size")
        _log_axes(panel)
        panel.set_xticks(sorted({ratio.over.hidden for ratio in ratios}))
    axes[0][0].set_ylabel("GRU time / LSTM time")
    legend_above(figure, axes[0])
    save_figure(figure, path)
    return True


def _over_work(
    rows: Sequence[Measurement],
    ratios: Sequence[Ratio],
    value: Callable[[Ratio], float],
    shown: Callable[[Ratio], Measurement],
    label: str,
    path: Path,
) -> bool:
    if not ratios:
        return False
    cells, passes = list(dict.fromkeys(ratio.over.cell for ratio in ratios)), _passes(ratios)
    figure, axes = new_figure(len(cells), len(passes), width=4.2, height=3.0)
    order = implementations(rows)
    for line, what in zip(axes, passes, strict=True):
        for panel, cell in zip(line, cells, strict=True):
            here = [ratio for ratio in ratios if (ratio.over.cell, ratio.over.what) == (cell, what)]
            for name in order:
                found = [(shown(r).flops / 1e9, value(r)) for r in here if shown(r).implementation == name]
                if found:
                    panel.scatter(*zip(*found, strict=True), s=22, label=_title(name), **_style(order, name))
            panel.set_title(f"{cell}, {what}", fontsize=9)
            _log_axes(panel)
        line[0].set_ylabel(label)
    for panel in axes[-1]:
        panel.set_xlabel("matrix products, GFLOP")
    legend_above(figure, [panel for line in axes for panel in line])
    save_figure(figure, path)
    return True


def _passes(ratios: Sequence[Ratio]) -> list[Pass]:
    return [what for what in PASSES if any(ratio.over.what == what for ratio in ratios)]


def _style(order: Sequence[str], name: str) -> dict[str, Any]:
    index = order.index(name)
    return {"color": COLOURS[index % len(COLOURS)], "marker": MARKERS[index % len(MARKERS)]}


def _title(name: str) -> str:
    return TITLES[name].replace("\n", " ")


def _log_axes(panel: Axes) -> None:
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.axhline(1.0, color="0.35", linewidth=1.0)
    panel.minorticks_off()
    low, high = panel.get_ylim()
    ticks = [tick for tick in (0.05, 0.1, 0.2, 0.33, 0.5, 0.7, 1, 1.4, 2, 3, 5, 10, 20) if low <= tick <= high]
    panel.set_yticks(ticks)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
        axis.set_minor_formatter(NullFormatter())
