"""Tables and figures of anomaly scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gru_bench.data.labelled_series.labelled_series import Labels, windows
from gru_bench.data.series.series import Rows, Series
from gru_bench.plotting import COLOURS, legend_above, new_figure
from gru_bench.tasks.task import Prediction, Sample

TABLE_ROWS = 24
DRAWN_SERIES, DRAWN_COLUMNS = 4, 3
TRUTH = "0.25"


@dataclass(frozen=True)
class Detection:
    """Scores of some rows of a series.

    Attributes:
        series: all rows.
        rows: first scored row and the row after the last one.
        scores: of shape (scored rows,).
        threshold: above which a row is flagged.
        anomalous: the labels of the scored rows, or None.
    """

    series: Series
    rows: Rows
    scores: np.ndarray
    threshold: float
    anomalous: Labels | None = None

    @property
    def flagged(self) -> Labels:
        """Which of the scored rows are flagged."""
        return self.scores > self.threshold

    def label(self, place: int) -> str:
        """Return the time of a scored row, or its number from 1 on."""
        row = self.rows[0] + place
        return f"row {row + 1:,}" if self.series.time is None else self.series.labels[row]


def sample(detection: Detection) -> Sample:
    """Return the true windows, and the runs of flagged rows."""
    labels = np.zeros(len(detection.scores), bool) if detection.anomalous is None else detection.anomalous
    given = f"{len(detection.scores):,} rows from {detection.label(0)}; anomalous: {_listed(detection, labels)}"
    return Sample(given, f"flagged: {_listed(detection, detection.flagged)}")


def prediction(detection: Detection) -> Prediction:
    """Return score, threshold and flag of each row, and a picture."""
    series, first = detection.series, detection.rows[0]
    key = "row" if series.time is None else "time"
    rows: list[dict[str, Any]] = []
    for place, (score, flag) in enumerate(zip(detection.scores, detection.flagged, strict=True)):
        row = first + place
        rows.append(
            {
                key: row + 1 if series.time is None else series.labels[row],
                "score": float(score),
                "threshold": detection.threshold,
                "flag": int(flag),
            }
        )
    flagged = [row for row in rows if row["flag"]]
    text = (
        f"{len(rows):,} rows scored, the first {first:,} are only read; {len(flagged):,} flagged with a score above "
        f"{detection.threshold:.4g}"
    )
    if flagged:
        text += f": {_listed(detection, detection.flagged)}"
    return Prediction(text, rows, lambda: draw(detection))


def figures(members: Mapping[str, Series], detection: Callable[[str], Detection]) -> Mapping[str, Callable[[], Figure]]:
    """Return what draws the test rows of the first series, a file for each."""
    if len(members) == 1:
        return {"anomalies": lambda: draw(detection(next(iter(members))))}
    names = list(members)[:DRAWN_SERIES]
    return {f"anomalies_{place}": lambda name=name: draw(detection(name), name) for place, name in enumerate(names, 1)}


def draw(detection: Detection, title: str = "") -> Figure:
    """Draw columns above the score, with the threshold; true windows are shaded, flagged rows are marked below."""
    series, (first, end) = detection.series, detection.rows
    columns = list(range(min(len(series.form.targets), DRAWN_COLUMNS)))
    figure, axes = new_figure(1, len(columns) + 1, width=9.0, height=1.9, share_x=True)
    when = np.arange(first, end) + 1 if series.clock is None else series.clock[first:end]
    for (panel,), column in zip(axes[:-1], columns, strict=True):
        values = np.where(series.observed[first:end, column], series.values[first:end, column], np.nan)
        panel.plot(when, values, color=TRUTH, linewidth=0.7)
        panel.set_ylabel(series.form.targets[column], fontsize=8)
    score = axes[-1][0]
    score.plot(when, detection.scores, color=COLOURS[0], linewidth=0.9, label="score")
    score.axhline(detection.threshold, color=COLOURS[1], linestyle="--", linewidth=1.0, label="threshold")
    if (detection.scores > 0).any():
        score.set_yscale("log")
    score.set_ylabel("score", fontsize=8)
    score.set_xlabel("row" if series.clock is None else "time", fontsize=8)
    for row, (panel,) in enumerate(axes):
        if detection.anomalous is not None:
            _shade(panel, when, detection.anomalous, 0.0, 1.0, COLOURS[5], 0.3, "anomalous" if row == 0 else None)
        _shade(panel, when, detection.flagged, 0.0, 0.05, COLOURS[1], 0.9, "flagged" if row == 0 else None)
    if title:
        axes[0][0].set_title(title, fontsize=9)
    legend_above(figure, [axes[0][0], score])
    return figure


def _shade(
    panel: Axes, when: np.ndarray, marked: Labels, low: float, high: float, colour: str, alpha: float, label: str | None
) -> None:
    """Fill the runs of marked rows between two heights of the panel, from 0 to 1."""
    for number, (start, end) in enumerate(windows(marked)):
        last = when[min(end, len(when) - 1)]
        panel.axvspan(
            when[start], last, low, high, color=colour, alpha=alpha, linewidth=0, label=label if number == 0 else None
        )


def _listed(detection: Detection, marked: Labels) -> str:
    """Return the runs of marked rows with their first and last row, some of them if there are many."""
    runs = windows(marked)
    texts = [f"{detection.label(start)} to {detection.label(end - 1)}" for start, end in runs[:TABLE_ROWS]]
    more = f"; {len(runs) - TABLE_ROWS:,} more" if len(runs) > TABLE_ROWS else ""
    return ("; ".join(texts) + more) or "none"
