"""Cut a stream into lanes and lanes into windows for truncated backpropagation through time.

A lane is a contiguous piece of the stream; row b of all batches together is lane b. With the policy `carry` the
carry passes from a window to the next one, so that only the first time step of an epoch is a reset; with `reset`
every window starts anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.batching import Batch, pad_window, rotation
from gru_bench.data.vocabulary import Tokens
from gru_bench.errors import DataError

Policy = Literal["carry", "reset"]


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

    def batch(self, index: int) -> Batch:
        columns = slice(index * self.window, (index + 1) * self.window)
        reset = pad_window(self.reset[:, columns], self.window)
        if self.policy == "reset":
            reset = reset.copy()
            reset[:, 0] = True
        return Batch(
            inputs=pad_window(self.inputs[:, columns], self.window),
            targets=pad_window(self.targets[:, columns], self.window),
            mask=pad_window(self.mask[:, columns], self.window),
            reset=reset,
        )


class TrainWindows:
    """The training windows of a stream, random access, in an order that is a pure function of (seed, epoch).

    Each of `batch_size` lanes has floor(N / batch_size) symbols, N being the length of the stream; the fewer than
    `batch_size` symbols beyond the lanes are left out of an epoch. The last window of an epoch keeps its shape; its
    missing columns are masked. With `shift` each epoch begins elsewhere in the stream and goes on at its start.
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
            begin: the id that stands before the stream.
            batch_size: number of lanes.
            window: time steps per window.
            policy: whether the carry passes on between windows (`carry`) or each window starts anew (`reset`).
            shift: whether an epoch begins at a place drawn from (seed, epoch); otherwise all epochs are equal.
            seed: the seed of `shift`.
            read: what is read in place of the stream, of its shape; the stream still holds the targets.

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
        self._epoch, self._lanes = -1, self._cut(0)

    def __len__(self) -> int:
        """Number of windows, that is of updates, in an epoch."""
        return -(-self.lane // self.window)

    @property
    def lengths(self) -> tuple[int, ...]:
        """The time steps of a window."""
        return (self.window,)

    @property
    def time_steps(self) -> float:
        """Time steps of all lanes of a window together."""
        return float(self.batch_size * self.window)

    @property
    def outputs(self) -> float:
        """Outputs of a window: one per time step."""
        return self.time_steps

    @property
    def tokens(self) -> int:
        """Number of targets in an epoch."""
        return self.lane * self.batch_size

    def __getitem__(self, index: int) -> Batch:
        """Return window `index` of epoch 0.

        Raises:
            IndexError: `index` lies outside the epoch.
        """
        return self.at(0, index)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the windows of epoch 0."""
        return (self.at(0, index) for index in range(len(self)))

    def update(self, number: int) -> Batch:
        """Return the batch of an update, counted from 0 over all epochs."""
        return self.at(*divmod(number, len(self)))

    def at(self, epoch: int, index: int) -> Batch:
        """Return window `index` of an epoch.

        Raises:
            IndexError: `index` lies outside the epoch.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"window {index} of {len(self)}")
        if self.shift and epoch != self._epoch:
            self._epoch, self._lanes = epoch, self._cut(rotation(self.seed, epoch, self.stream.size))
        return self._lanes.batch(index)

    def _cut(self, offset: int) -> _Lanes:
        used, shape = self.tokens, (self.batch_size, self.lane)
        starts = np.zeros(self.stream.size, bool)
        starts[0] = True
        inputs = np.roll(self._read, -offset)[:used].reshape(shape)
        targets = (np.roll(self.stream, -offset) if offset else self.stream)[:used].reshape(shape)
        reset = np.roll(starts, -offset)[:used].reshape(shape)
        reset[:, 0] = True
        return _Lanes(inputs, targets, np.ones(shape, bool), reset, self.window, self.policy)


class EvalWindows:
    """The evaluation windows of a stream: every symbol is a target exactly once.

    Lanes have ceil(N / batch_size) symbols; `lanes` of them are needed, at most `batch_size`. What the last lane
    and the last window miss is masked.
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
            begin: the id that stands before the stream.
            batch_size: greatest number of lanes.
            window: time steps per window.
            policy: whether the carry passes on between windows (`carry`) or each window starts anew (`reset`).
            read: what is read in place of the stream, of its shape; the stream still holds the targets.

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

    def __getitem__(self, index: int) -> Batch:
        """Return window `index`.

        Raises:
            IndexError: there is no such window.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"window {index} of {len(self)}")
        return self._lanes.batch(index)

    def __iter__(self) -> Iterator[Batch]:
        """Yield all windows in order."""
        return (self[index] for index in range(len(self)))
