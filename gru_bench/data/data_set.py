"""The base class of data containers, one per kind of data; data sources return them."""

from __future__ import annotations

from typing import Any, ClassVar

from gru_bench.errors import ConfigError

SPLITS = ("train", "valid", "test")

UNCHANGED = {"train_fraction": 1.0, "label_noise": 0.0, "input_noise": 0.0, "missing_rate": 0.0}
"""The settings that change data, in the order of application, and their neutral values."""


class DataSet:
    """Data of one kind, in three splits.

    Its methods return changed data: a share of the training split, as for a learning curve, or noise, for claims about
    robustness. Vocabulary, classes and scaling stay those of the whole, clean training split, so that all points of a
    curve are one task in the same units. Random choices depend on the seed alone, and are the same in every epoch. A
    container overrides the methods that its kind allows, with the helpers of `gru_bench.data.changes`. Settings that
    need any other method are refused before anything is read.

    Attributes:
        kind: the name by which a task `accepts` it.
        reads_symbols: whether inputs are symbols; input noise is then a share of them, at most 1.
        facts: plain values for the run record; `digest` identifies the data.
    """

    kind: ClassVar[str]
    reads_symbols: ClassVar[bool] = False
    facts: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        """Return all that a trained model needs to be used without the data, JSON-able."""
        raise NotImplementedError

    def with_train_fraction(self, share: float, seed: int) -> DataSet:
        """Return the data with a share of its training split; a smaller share is contained in a larger one.

        Args:
            share: above 0 and below 1.
            seed: seed of the selection, if it is random.

        Raises:
            ConfigError: this kind of data does not allow it.
            DataError: too little is left.
        """
        raise refusal("train_fraction", share, self.kind)

    def with_label_noise(self, share: float, seed: int) -> DataSet:
        """Return the data with wrong labels in the training split; less noise is contained in more.

        Args:
            share: share of the labels to replace by another class.
            seed: seed of the replacements.

        Raises:
            ConfigError: this kind of data has no labels.
        """
        raise refusal("label_noise", share, self.kind)

    def with_input_noise(self, level: float, seed: int) -> DataSet:
        """Return the data with noise on the inputs of all splits; targets stay the same.

        Args:
            level: share of the symbols to replace, or standard deviation of the noise added to values.
            seed: seed of the noise.

        Raises:
            ConfigError: the targets of this kind of data follow from its inputs.
        """
        raise refusal("input_noise", level, self.kind)

    def with_missing_rate(self, rate: float, seed: int) -> DataSet:
        """Return the data with values missing at random in all splits; of a higher rate the same are missing, and more.

        Args:
            rate: share of the observed values that are removed, above 0 and below 1.
            seed: seed of the choice.

        Raises:
            ConfigError: this kind of data cannot do without a value.
        """
        raise refusal("missing_rate", rate, self.kind)


def allows(container: Any, setting: str) -> bool:
    """Return whether a class, not necessarily a `DataSet`, implements the change of a setting of `UNCHANGED`."""
    method = f"with_{setting}"
    known = isinstance(container, type) and issubclass(container, DataSet)
    return known and getattr(container, method) is not getattr(DataSet, method)


def refusal(setting: str, value: float, kind: str, hint: str = "") -> ConfigError:
    """Return the error of a change that a kind of data does not allow."""
    return ConfigError(f"data.{setting}", value, f"{UNCHANGED[setting]} for {kind}", hint)
