"""Pictures of captioned videos: a strip of frames each, with the output and the reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from gru_bench.data.captions.captions import Video
from gru_bench.data.changes import evenly_spread
from gru_bench.plotting import COLOURS, new_figure

SHOWN = 8
"""Frames of a strip."""
GAP = 1
"""Pixels between two frames."""


def strips(videos: Sequence[Video], outputs: Sequence[str], references: Sequence[str] | None = None) -> Figure:
    """Draw some frames of each video, the first and the last ones among them, and the output below.

    An output that differs from its reference is orange, with the reference beside it.

    Args:
        videos: the videos.
        outputs: a caption for each.
        references: the true captions; None: they are not known.
    """
    figure, panels = new_figure(1, len(videos), width=7.2, height=1.35)
    for place, (video, output) in enumerate(zip(videos, outputs, strict=True)):
        [panel] = panels[place]
        panel.imshow(_strip(video), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        panel.set_xticks([])
        panel.set_yticks([])
        panel.grid(visible=False)
        panel.spines[["top", "right", "bottom", "left"]].set_visible(False)
        right = references is None or output == references[place]
        text = output if references is None or right else f"{output}   (reference: {references[place]})"
        panel.set_xlabel(text, fontsize=8, color="black" if right else COLOURS[1])
    return figure


def _strip(video: Video) -> np.ndarray:
    """Return frames side by side, of shape (height, width, 3); rows of a still picture are put together again."""
    if video.shape[1] == 1:
        video = np.swapaxes(video, 0, 1)
    chosen = video[evenly_spread(len(video), SHOWN)]
    count, height, width, channels = chosen.shape
    canvas = np.full((height, SHOWN * (width + GAP) - GAP, 3), 255, np.uint8)
    for place in range(count):
        left = place * (width + GAP)
        canvas[:, left : left + width] = (
            np.broadcast_to(chosen[place], (height, width, 3)) if channels == 1 else chosen[place]
        )
    return canvas
