"""Cut a stream into lanes and lanes into windows for truncated backpropagation through time.

A lane is a contiguous piece of the stream: row b of all batches. With the policy `carry` the carry passes from window
to window, so that only the first time step of an epoch is a reset; with `reset` every window starts from a zero carry.
"""

from __future__ import annotations

from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.batches.base import Batches, pad_axis
from gru_bench.data.random import rotation
from gru_bench.data.tokens.vocabulary import Tokens
from gru_bench.errors import DataError

Policy = Literal["carry", "reset"]


class WindowBatch(TypedDict):
    """One window of every lane.

    Keys:
        inputs: input ids, int32 of shape (lanes, window).
        targets: target ids, int32 of shape (lanes, window).
        mask: True for scored targets, bool of shape (lanes, window).
        reset: True where the input starts a sequence, applied before that time step, bool of shape (lanes, window).
    """

    inputs: NDArray[np.int32]
    targets: NDArray[np.int32]
    mask: NDArray[np.bool_]
    reset: NDArray[np.bool_]


def _inputs(stream: Tokens, begin: int) -> Tokens:
    return np.concatenate([np.array([begin], np.int32), stream[:-1]])


class _Lanes:
    """Lanes of equal length, cut into windows of equal shape."""

    def __init__(
        self,
        inputs: Tokens,
        targets: Tokens,
        mask: NDArray[np.bool_],
        reset: NDArray[np.bool_],
        window: int,
        policy: Policy,
    ):
        self.inputs, self.targets, self.mask, self.reset = inputs, targets, mask, reset
        self.window = window
        self.policy: Policy = policy

    def batch(self, index: int) -> WindowBatch:
        columns = slice(index * self.window, (index + 1) * self.window)
        reset = pad_axis(self.reset[:, columns], self.window)
        if self.policy == "reset":
            reset = reset.copy()
            reset[:, 0] = True
        return WindowBatch(
            inputs=pad_axis(self.inputs[:, columns], self.window),
            targets=pad_axis(self.targets[:, columns], self.window),
            mask=pad_axis(self.mask[:, columns], self.window),
            reset=reset,
        )


class TrainWindows(Batches["WindowBatch"]):
    """The training windows of a stream, random access, in an order that is a pure function of (seed, epoch).

    Each of `batch_size` lanes has floor(N / batch_size) symbols of a stream of length N; the remainder, fewer than
    `batch_size` symbols, is left out of an epoch. The last window of an epoch keeps its shape; its missing columns are
    masked. With `shift` each epoch begins at another place and wraps around the end of the stream.
    """

    def __init__(
        self,
        stream: Tokens,
        begin: int,
        batch_size: int,
        window: int,
        *,
        policy: Policy = "carry",
        shift: bool = False,
        seed: int = 0,
        read: Tokens | None = None,
    ):
        """Cut the stream.

        Args:
            stream: ids, int32 of shape (N,).
            begin: the input id before the stream.
            batch_size: number of lanes.
            window: time steps per window.
            policy: whether the carry passes from window to window (`carry`) or each starts from zero (`reset`).
            shift: whether an epoch begins at a random place, from (seed, epoch); otherwise all epochs are equal.
            seed: the seed of `shift`.
            read: the inputs if they differ from the stream, of its shape; targets are always those of the stream.

        Raises:
            DataError: a lane would be shorter than one window.
        """
        lane = stream.size // batch_size
        if lane < window:
            raise DataError(
                f"the training split has {stream.size} symbols; {batch_size} lanes (training.batch_size) of at least "
                f"one window of {window} time steps (training.bptt_window) need {batch_size * window}. "
                "Lower either of them, or give more data."
            )
        self.stream, self.batch_size, self.window = stream, batch_size, window
        self._read = _inputs(stream if read is None else read, begin)
        self.policy: Policy = policy
        self.shift, self.seed = shift, seed
        self.lane = lane

    def __len__(self) -> int:
        """Number of windows, that is of updates, in an epoch."""
        return -(-self.lane // self.window)

    @property
    def tokens(self) -> int:
        """Number of targets in an epoch."""
        return self.lane * self.batch_size

    def arrange(self, epoch: int) -> _Lanes:
        """Return the lanes of an epoch."""
        return self._cut(rotation(self.seed, epoch, self.stream.size) if self.shift else 0)

    def make(self, epoch: int, index: int) -> WindowBatch:
        """Return window `index` of an epoch."""
        return self.order(epoch if self.shift else 0).batch(index)

    def _cut(self, offset: int) -> _Lanes:
        used, shape = self.tokens, (self.batch_size, self.lane)
        starts = np.zeros(self.stream.size, bool)
        starts[0] = True
        inputs = np.roll(self._read, -offset)[:used].reshape(shape)
        targets = (np.roll(self.stream, -offset) if offset else self.stream)[:used].reshape(shape)
        reset = np.roll(starts, -offset)[:used].reshape(shape)
        reset[:, 0] = True
        return _Lanes(inputs, targets, np.ones(shape, bool), reset, self.window, self.policy)


class EvalWindows(Batches["WindowBatch"]):
    """The evaluation windows of a stream: every symbol is a target exactly once.

    Lanes have ceil(N / batch_size) symbols; there are `lanes` of them, at most `batch_size`. The missing symbols of
    the last lane and the last window are masked.
    """

    def __init__(
        self,
        stream: Tokens,
        begin: int,
        batch_size: int,
        window: int,
        *,
        policy: Policy = "carry",
        read: Tokens | None = None,
    ):
        """Cut the stream.

        Args:
            stream: ids, int32 of shape (N,).
            begin: the input id before the stream.
            batch_size: maximum number of lanes.
            window: time steps per window.
            policy: whether the carry passes from window to window (`carry`) or each starts from zero (`reset`).
            read: the inputs if they differ from the stream, of its shape; targets are always those of the stream.

        Raises:
            DataError: the stream is empty.
        """
        if stream.size == 0:
            raise DataError("the split to evaluate has 0 symbols, expected at least 1")
        self.window, self.tokens = window, int(stream.size)
        self.lane = -(-stream.size // batch_size)
        self.lanes = -(-stream.size // self.lane)
        shape, missing = (self.lanes, self.lane), self.lanes * self.lane - stream.size
        reset = np.zeros(shape, bool)
        reset[:, 0] = True
        self._lanes = _Lanes(
            np.pad(_inputs(stream if read is None else read, begin), (0, missing)).reshape(shape),
            np.pad(stream, (0, missing)).reshape(shape),
            np.pad(np.ones(stream.size, bool), (0, missing)).reshape(shape),
            reset,
            window,
            policy,
        )

    def __len__(self) -> int:
        """Number of windows."""
        return -(-self.lane // self.window)

    def make(self, epoch: int, index: int) -> WindowBatch:
        """Return window `index`."""
        return self._lanes.batch(index)
