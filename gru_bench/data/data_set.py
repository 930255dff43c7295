"""The base class of what data sources return: one container per kind of data."""

from __future__ import annotations

from typing import Any, ClassVar

from gru_bench.errors import ConfigError

SPLITS = ("train", "valid", "test")

UNCHANGED = {"train_fraction": 1.0, "label_noise": 0.0, "input_noise": 0.0}
"""The settings that change data, in the order in which they apply, and the values that change nothing."""


class DataSet:
    """Data of one kind, in three splits.

    Its methods return changed data: a share of the training split, as for a learning curve, or noise, for claims of
    robustness. Vocabulary, classes and scaling stay those of the whole, clean training split, so that all points of a
    curve are one task in the same units. Draws depend on the seed alone, and are the same in every epoch. A container
    overrides the methods that its kind allows; `gru_bench.data.changes` has what they need. Settings that ask for
    another one are refused before anything is read.

    Attributes:
        kind: the name by which a task `accepts` it.
        reads_symbols: whether inputs are symbols; their noise is then a share of them, at most 1.
        facts: plain values for the run record; `digest` names the data.
    """

    kind: ClassVar[str]
    reads_symbols: ClassVar[bool] = False
    facts: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        """Return what a trained model needs to be used without the data, JSON-able."""
        raise NotImplementedError

    def with_train_fraction(self, share: float, seed: int) -> DataSet:
        """Return the data with a share of its training split; a smaller one is contained in a larger one.

        Args:
            share: above 0 and below 1.
            seed: of the draw, where one is made.

        Raises:
            ConfigError: this data cannot be cut down.
            DataError: too little is left.
        """
        raise refusal("train_fraction", share, self.kind)

    def with_label_noise(self, share: float, seed: int) -> DataSet:
        """Return the data with wrong labels in the training split; less noise is contained in more.

        Args:
            share: of the labels that are replaced by another class.
            seed: of the draw.

        Raises:
            ConfigError: this data has no labels that could be wrong.
        """
        raise refusal("label_noise", share, self.kind)

    def with_input_noise(self, level: float, seed: int) -> DataSet:
        """Return the data with inputs of all splits that are read wrongly, while targets stay.

        Args:
            level: share of the symbols that are replaced, or standard deviations that are added to values.
            seed: of the draw.

        Raises:
            ConfigError: the targets of this data follow from its inputs.
        """
        raise refusal("input_noise", level, self.kind)


def allows(container: Any, setting: str) -> bool:
    """Return whether a class, which need not be a `DataSet`, allows the change of a setting of `UNCHANGED`."""
    method = f"with_{setting}"
    known = isinstance(container, type) and issubclass(container, DataSet)
    return known and getattr(container, method) is not getattr(DataSet, method)


def refusal(setting: str, value: float, kind: str, hint: str = "") -> ConfigError:
    """Return the error of a change that data of a kind does not allow."""
    return ConfigError(f"data.{setting}", value, f"{UNCHANGED[setting]} for {kind}", hint)
