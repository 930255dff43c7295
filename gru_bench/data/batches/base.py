"""The base class of batches: length, range check, the order of an epoch, named time axes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Lengths = Mapping[str, int]
"""Time steps along each named axis."""

Batch = TypeVar("Batch", bound=Mapping[str, Any])


class Batches(ABC, Generic[Batch]):
    """The batches of a split, by random access: batch `index` of an epoch is a pure function of seed, epoch and index.

    A batch is a mapping of arrays whose first axis is the batch axis. `mask` is True for scored targets; all other
    names are an agreement between the batches and their task.

    Attributes:
        axes: the time axis of each array that has one, its second axis, by name: parallel sequences of different
            lengths, such as a source and its translation, have different axes.
    """

    axes: ClassVar[Mapping[str, str]] = MappingProxyType({"inputs": "time", "padding": "time"})

    _epoch: int = -1
    _order: Any = None

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of batches, that is of updates, in an epoch."""

    @abstractmethod
    def make(self, epoch: int, index: int) -> Batch:
        """Return batch `index` of an epoch; `at` checks the index."""

    def arrange(self, epoch: int) -> Any:
        """Return an object that decides the order of an epoch; `order` keeps that of the latest epoch."""

    def order(self, epoch: int) -> Any:
        """Return the result of `arrange` for an epoch."""
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self.arrange(epoch)
        return self._order

    def at(self, epoch: int, index: int) -> Batch:
        """Return batch `index` of an epoch.

        Raises:
            IndexError: there is no such batch.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        return self.make(epoch, index)

    def update(self, number: int) -> Batch:
        """Return the batch of an update, counted from 0 over all epochs."""
        return self.at(*divmod(number, len(self)))

    def __getitem__(self, index: int) -> Batch:
        """Return batch `index` of epoch 0.

        Raises:
            IndexError: there is no such batch.
        """
        return self.at(0, index)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of epoch 0."""
        return (self.at(0, index) for index in range(len(self)))

    def lengths(self, batch: Mapping[str, Any]) -> Lengths:
        """Return the time steps of a batch along each axis."""
        return {axis: batch[name].shape[1] for name, axis in self.axes.items() if name in batch}

    @cached_property
    def shapes(self) -> tuple[Lengths, ...]:
        """The time steps of each kind of batch, ascending."""
        return tuple(self.lengths(batch) for batch, _ in self.kinds())

    def kinds(self) -> list[tuple[Batch, int]]:
        """Return one batch of every shape, in ascending order, with the number of such batches in an epoch.

        All epochs have the same shapes. Batches of several shapes override this.
        """
        return [(self.at(0, 0), len(self))]


def pad_axis(array: NDArray, length: int) -> NDArray:
    """Pad the second axis of an array to a length with zeros (False); a full array is returned unchanged."""
    missing = length - array.shape[1]
    return array if missing == 0 else np.pad(array, ((0, 0), (0, missing), *((0, 0),) * (array.ndim - 2)))
