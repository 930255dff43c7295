"""The house style of pictures: drawn without a display, told apart without colour vision, texts taken literally."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.ticker import LogFormatterMathtext
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gru_bench.files import write_atomically
from gru_bench.replacing import GENERATOR

# Okabe and Ito's palette, which colour-blind readers tell apart; line styles repeat the distinction.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
STYLES = ("-", "--", "-.", ":")
DOTS_PER_INCH = 150

_NO_GLYPH = "Glyph .* missing from font"


class LiteralFigure(Figure):
    """A figure that draws each text as it is, whoever named it: `Price ($) of ($)` is no formula.

    A character that the font lacks becomes an empty box, without a warning. Only the powers of ten that Matplotlib
    writes at the ticks of a logarithmic axis are formulas.
    """

    def draw(self, renderer: Any) -> None:  # of SVG it is a proxy, no RendererBase
        """Draw all that was added to the figure."""
        axes = [axis for panel in self.axes for axis in (panel.xaxis, panel.yaxis)]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", _NO_GLYPH, UserWarning)
            labels = {axis: axis.get_ticklabels(which="both") for axis in axes}  # asked for, since ticks are made late
            powers = {
                label
                for axis in axes
                if isinstance(axis.get_major_formatter(), LogFormatterMathtext)
                for label in labels[axis]
            }
            for text in self.findobj(Text):
                if isinstance(text, Text) and text not in powers:
                    text.set_parse_math(False)
            super().draw(renderer)


def new_figure(
    columns: int = 1,
    rows: int = 1,
    *,
    width: float = 5.6,
    height: float | Sequence[float] = 3.5,
    share_x: bool = False,
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure and its panels by row and column.

    Args:
        columns: panels side by side.
        rows: panels above each other.
        width: of one panel, inches.
        height: of one panel, or of the panels of each row, inches.
        share_x: whether the panels have one x-axis.
    """
    heights = [height] * rows if isinstance(height, int | float) else list(height)
    figure = LiteralFigure(figsize=(width * columns, sum(heights)), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=share_x, height_ratios=heights)
    for panel in axes.flat:
        panel.grid(visible=True, color="0.9", linewidth=0.6)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
    return figure, axes.tolist()


def legend_above(figure: Figure, panels: Sequence[Axes], letters: float | None = None) -> None:
    """Put one legend for some panels above them all, where it covers nothing, in as few rows as the figure is wide.

    Args:
        figure: the figure.
        panels: its panels.
        letters: their size in points; None: the usual one.
    """
    handles = dict[str, Artist]()
    for panel in panels:
        handles |= {label: line for line, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    look = {"loc": "outside upper center", "frameon": False, "fontsize": letters}
    for in_row in range(len(handles), 0, -1):
        legend = figure.legend(list(handles.values()), list(handles), ncols=in_row, **look)
        if _width(legend) <= figure.bbox.width or in_row == 1:
            return
        legend.remove()


def _width(legend: Legend) -> float:
    for text in legend.get_texts():
        text.set_parse_math(False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", _NO_GLYPH, UserWarning)
        return legend.get_window_extent().width


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG file; its folder is made.

    Raises:
        UserError: it cannot be written.
    """
    write_atomically(path, _drawn(figure))


def save_small_figure(figure: Figure, path: Path, colours: int = 128) -> None:
    """Write a PNG file of few colours, a third as large and hardly different from the whole; its folder is made.

    Raises:
        UserError: it cannot be written.
    """
    small = io.BytesIO()
    with Image.open(io.BytesIO(_drawn(figure))) as picture:
        few = picture.convert("RGB").quantize(colours, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        facts = PngInfo()
        facts.add_text("Software", GENERATOR)
        few.save(small, format="PNG", optimize=True, pnginfo=facts)
    write_atomically(path, small.getvalue())


def _drawn(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": GENERATOR})
    return content.getvalue()
