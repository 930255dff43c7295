"""A figure of recognised recordings: features, outputs over time, recognised and true text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from gru_bench.plotting import COLOURS, new_figure

MOST_NAMED = 24  # outputs with a name at their row


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A recording as the network hears it.

    Attributes:
        name: of the recording.
        features: scaled, of shape (frames, features).
        probabilities: of each output at each time step, of shape (time steps, outputs).
        symbols: of the most probable alignment.
        steps: the time step at which each of them begins.
        text: the recognised text.
        truth: the transcript, if it is known.
        seconds: of the recording.
    """

    name: str
    features: np.ndarray
    probabilities: np.ndarray
    symbols: Sequence[str]
    steps: Sequence[int]
    text: str
    truth: str | None
    seconds: float


def heard(recordings: Sequence[Heard], outputs: Sequence[str]) -> Figure:
    """Draw recordings below each other: features above, the probabilities of the outputs that occur below.

    Args:
        recordings: some recordings.
        outputs: names of all outputs, the blank first.
    """
    figure, panels = new_figure(rows=2 * len(recordings), width=9.0, height=[1.5, 2.4] * len(recordings))
    for place, one in enumerate(recordings):
        (above,), (below,) = panels[2 * place : 2 * place + 2]
        extent = (0.0, one.seconds, -0.5, one.features.shape[1] - 0.5)
        above.imshow(one.features.T, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=-2.5, vmax=2.5)
        above.set_title(_title(one), loc="left", fontsize=8)
        above.set_ylabel("feature", fontsize=8)
        likely = one.probabilities.max(axis=0)
        shown = np.flatnonzero(likely > 0.1)[:MOST_NAMED] if likely.size > MOST_NAMED else np.arange(likely.size)
        extent = (0.0, one.seconds, len(shown) - 0.5, -0.5)
        below.imshow(one.probabilities[:, shown].T, aspect="auto", extent=extent, cmap="Blues", vmin=0, vmax=1)
        below.set_yticks(range(len(shown)), [_visible(outputs[int(number)]) for number in shown], fontsize=6)
        below.set_xlabel("seconds", fontsize=8)
        per_step = one.seconds / len(one.probabilities)
        for symbol, step in zip(one.symbols, one.steps, strict=True):
            where = (step + 0.5) * per_step
            above.axvline(where, color="white", linewidth=0.5)
            above.text(where, one.features.shape[1] - 0.5, _visible(symbol), fontsize=6, color=COLOURS[1], va="bottom")
        for panel in (above, below):
            panel.grid(visible=False)
            panel.set_xlim(0, one.seconds)
    return figure


def _title(one: Heard) -> str:
    truth = "" if one.truth is None else "   right" if one.truth == one.text else f"   true: {one.truth}"
    return f"{one.name}: {one.text}{truth}\n"


def _visible(symbol: str) -> str:
    return "␣" if symbol == " " else symbol
