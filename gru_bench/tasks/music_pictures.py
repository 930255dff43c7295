"""Figures of music: piano rolls, pitch over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gru_bench.data.pieces.pieces import LOWEST, Roll, note_name
from gru_bench.plotting import COLOURS, STYLES, new_figure

MOST_STEPS = 128  # time steps in a figure
MOST_PIECES = 3
_OCTAVE = 12


def truth_and_prediction(roll: Roll, probability: NDArray[np.floating]) -> Figure:
    """Draw the beginning of a piece above the predictions of its frames.

    Args:
        roll: the piece.
        probability: of each key at each time step, of shape (steps, 88).
    """
    steps = slice(0, MOST_STEPS)
    keys = _used(np.maximum(roll[steps], probability[steps] > 0.5))
    figure, axes = new_figure(1, 2, width=8.0, height=2.6, share_x=True)
    for (panel,), frames, title in zip(
        axes, (roll, probability), ("played", "probability, predicted one time step before"), strict=True
    ):
        _draw(panel, frames[steps], keys, 1)
        panel.set_title(title, fontsize=9)
    axes[-1][0].set_xlabel("time step")
    figure.colorbar(axes[0][0].images[0], ax=[panel for row in axes for panel in row], shrink=0.6, pad=0.01)
    return figure


def continuations(prompts: Sequence[Roll], continuations: Sequence[Roll]) -> Figure:
    """Draw the ends of the first few prompts and their continuations."""
    pairs = list(zip(prompts, continuations, strict=True))[:MOST_PIECES]
    figure, axes = new_figure(1, len(pairs), width=8.0, height=2.6)
    for (panel,), (before, after) in zip(axes, pairs, strict=True):
        before, after = before[-MOST_STEPS // 2 :], after[:MOST_STEPS]
        frames = np.concatenate([before, after])
        _draw(panel, frames, _used(frames), 1 - len(before))
        if len(before):
            panel.axvline(0.5, color=COLOURS[1], linestyle=STYLES[1])
        panel.set_xlabel("generated time steps" if not len(before) else "prompt, and generated time steps")
    return figure


def _used(frames: NDArray) -> slice:
    """Return the range of the sounding keys in whole octaves from C to B; without any, the octave of middle C."""
    sounding = np.flatnonzero(frames.any(axis=0)) + LOWEST
    low, high = (sounding.min(), sounding.max()) if sounding.size else (60, 60)
    first, last = low // _OCTAVE * _OCTAVE, high // _OCTAVE * _OCTAVE + _OCTAVE
    return slice(max(first - LOWEST, 0), min(last - LOWEST, frames.shape[1]))


def _draw(panel: Axes, frames: NDArray, keys: slice, first_step: int) -> None:
    low, high = keys.start + LOWEST, keys.stop + LOWEST
    across = (first_step - 0.5, first_step - 0.5 + len(frames))
    panel.imshow(
        frames[:, keys].T,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="Blues",
        vmin=0,
        vmax=1,
        extent=(*across, low - 0.5, high - 0.5),
    )
    octaves = [pitch for pitch in range(low, high) if pitch % _OCTAVE == 0]
    panel.set_yticks(octaves, [note_name(pitch) for pitch in octaves])
    panel.grid(visible=False)
    for pitch in octaves:
        panel.axhline(pitch - 0.5, color="0.8", linewidth=0.6)
