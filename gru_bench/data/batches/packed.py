"""Pieces packed one after the other into lanes, and lanes cut into windows.

A piece stays in one lane from its first to its last frame, so that with a carry from window to window the network
reads it whole, from a zero carry. Only gradients stop at the edges of a window.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.batches.base import Batches
from gru_bench.data.pieces.pieces import KEYS, Roll
from gru_bench.data.random import permutation


class PieceBatch(TypedDict):
    """One window of every lane.

    Keys:
        inputs: the previous frame, float32 of shape (lanes, window, 88); silence before the first one of a piece.
        targets: the frame to predict, bool of shape (lanes, window, 88).
        mask: True for frames, False for filling, bool of shape (lanes, window).
        reset: True where a piece starts, applied before that time step, bool of shape (lanes, window).
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.bool_]
    mask: NDArray[np.bool_]
    reset: NDArray[np.bool_]


def share_out(lengths: NDArray[np.int64], lanes: int) -> list[list[int]]:
    """Distribute pieces over lanes of about equal length: the longest first, each to the shortest lane.

    The lengths of the lanes depend only on those of the pieces, not on their order.

    Args:
        lengths: time steps of each piece.
        lanes: number of lanes; with fewer pieces some stay empty.

    Returns:
        The numbers of the pieces of each lane, ascending.
    """
    shared: list[list[int]] = [[] for _ in range(lanes)]
    ends = [(0, lane) for lane in range(lanes)]
    for piece in np.argsort(-lengths, kind="stable").tolist():
        end, lane = heapq.heappop(ends)
        shared[lane].append(piece)
        heapq.heappush(ends, (end + int(lengths[piece]), lane))
    return [sorted(pieces) for pieces in shared]


class PieceWindows(Batches[PieceBatch]):
    """Windows of pieces, random access, in an order that is a pure function of (seed, epoch).

    Each frame of each piece is a target exactly once in an epoch. All epochs have the same number of windows.
    """

    def __init__(self, rolls: Sequence[Roll], lanes: int, window: int, *, shuffle: bool = False, seed: int = 0):
        """Pack the pieces.

        Args:
            rolls: the pieces.
            lanes: number of lanes.
            window: time steps per window.
            shuffle: a new order of the pieces in each epoch; otherwise they keep their order.
            seed: the seed of `shuffle`.
        """
        self._rolls, self._lanes, self._window = rolls, lanes, window
        self._shuffle, self._seed = shuffle, seed
        self._count = self.order(0)["mask"].shape[1] // window

    def __len__(self) -> int:
        """Number of windows, that is of updates, in an epoch."""
        return self._count

    def make(self, epoch: int, index: int) -> PieceBatch:
        """Return window `index` of an epoch."""
        columns = slice(index * self._window, (index + 1) * self._window)
        packed = {name: array[:, columns] for name, array in self.order(epoch if self._shuffle else 0).items()}
        return PieceBatch(
            inputs=packed["before"].astype(np.float32),
            targets=packed["frames"].astype(bool),
            mask=packed["mask"],
            reset=packed["reset"],
        )

    def arrange(self, epoch: int) -> dict[str, NDArray]:
        """Pack the pieces of an epoch."""
        count = len(self._rolls)
        order = permutation(self._seed, epoch, count).tolist() if self._shuffle else range(count)
        rolls = [self._rolls[piece] for piece in order]
        shared = share_out(np.array([len(roll) for roll in rolls], np.int64), self._lanes)
        longest = max(sum(len(rolls[piece]) for piece in pieces) for pieces in shared)
        shape = (self._lanes, -(-longest // self._window) * self._window)
        frames, before = np.zeros((*shape, KEYS), np.uint8), np.zeros((*shape, KEYS), np.uint8)
        mask, reset = np.zeros(shape, bool), np.zeros(shape, bool)
        for lane, pieces in enumerate(shared):
            start = 0
            for piece in pieces:
                end = start + len(rolls[piece])
                frames[lane, start:end], before[lane, start + 1 : end] = rolls[piece], rolls[piece][:-1]
                mask[lane, start:end], reset[lane, start] = True, True
                start = end
        return {"frames": frames, "before": before, "mask": mask, "reset": reset}
