"""What containers of examples share: the form of the data, the examples of a split, digest, counts and changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.changes import (
    changed_facts,
    evenly_spread,
    fraction_facts,
    input_seeds,
    noise_facts,
    random_subset,
    replace_randomly,
    subset_of_each_class,
    wrong_labels,
)
from gru_bench.data.data_set import SPLITS, DataSet
from gru_bench.data.random import Seed

T = TypeVar("T")
F = TypeVar("F", bound=Any)
E = TypeVar("E", bound=Any)
AForm = TypeVar("AForm", bound="Form")
Split = TypeVar("Split", bound="Tuples")
Data = TypeVar("Data", bound="ExampleData[Any, Any]")
Labelled = TypeVar("Labelled", bound="LabelledData[Any, Any]")


@dataclass(frozen=True, kw_only=True)
class Form:
    """All that a trained model needs to know of its data.

    Attributes:
        name: name of the data set.
        reading: layout of a file of this form.
        nested: classes of the fields that have a `from_dict` of their own.
        not_in_digest: fields that do not identify the data.
    """

    nested: ClassVar[Mapping[str, Any]] = {}
    not_in_digest: ClassVar[frozenset[str]] = frozenset({"reading"})

    name: str
    reading: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, JSON-able."""
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self)}

    @classmethod
    def from_dict(cls: type[AForm], values: Mapping[str, Any]) -> AForm:
        """Rebuild from `to_dict`, also from JSON."""
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**plain | {name: part.from_dict(values[name]) for name, part in cls.nested.items()})


def _plain(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


@dataclass(frozen=True)
class Tuples:
    """The examples of a split, as tuples with one item per example each."""

    def __len__(self) -> int:
        """Number of examples."""
        return len(self._columns()[0])

    def take(self: Split, places: NDArray[np.int64]) -> Split:
        """Return some of the examples, in the order of `places`."""
        chosen = places.tolist()
        return type(self)(*(tuple(column[place] for place in chosen) for column in self._columns()))

    def _columns(self) -> list[tuple[Any, ...]]:
        return [getattr(self, one.name) for one in fields(self)]


class Joined:
    """The labelled examples of a split, as arrays in which they stand one after the other.

    Attributes:
        starts: where each example begins, and the end of the last one, int64 of shape (examples + 1,).
        labels: class numbers, int32 of shape (examples,).
    """

    starts: NDArray[np.int64]
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        """Number of examples."""
        return self.labels.size

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Time steps of each example, of shape (examples,)."""
        return np.diff(self.starts)


def starts_of(rows: Sequence[Any]) -> NDArray[np.int64]:
    """Return where each of some rows begins if they are joined, and the end of the last one."""
    return np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)]).astype(np.int64)


@dataclass(frozen=True)
class ExampleData(DataSet, Generic[F, E]):
    """Examples in three splits.

    Attributes:
        form: all that a trained model needs to know of its data.
        train: training examples.
        valid: validation examples.
        test: test examples.
        facts: plain values for the run record; `digest` covers the examples and the form.
    """

    form: F
    train: E
    valid: E
    test: E
    facts: dict[str, Any]

    @classmethod
    def of(
        cls: type[Data], form: Any, splits: Mapping[str, Any], facts: Mapping[str, Any] | None = None, **more: Any
    ) -> Data:
        """Return a container, with digest and counts among its facts.

        Args:
            form: the form of the data.
            splits: examples by split.
            facts: further facts that identify the data.
            more: values of the other fields of the class.
        """
        data = cls(form=form, **{split: splits[split] for split in SPLITS}, facts={}, **more)
        return replace(data, facts={"digest": data._digest(), **data.counts(), **(facts or {})})

    @property
    def by_split(self) -> dict[str, E]:
        """The examples by split."""
        return {split: getattr(self, split) for split in SPLITS}

    def evaluated(self, split: str) -> E:
        """Return the examples of a split that metrics are of: of train as many as of test, spread evenly over it."""
        if split == "train" and len(self.train) > len(self.test):
            return self.train.take(evenly_spread(len(self.train), len(self.test)))
        return self.by_split[split]

    def describe(self) -> dict[str, Any]:
        """Return all that a trained model needs to be used without the examples, JSON-able."""
        return self.form.to_dict()

    def counts(self) -> dict[str, Any]:
        """Return the facts that change with the examples."""
        raise NotImplementedError

    def each(self, measure: Callable[[E], T]) -> dict[str, T]:
        """Return a measure of the examples of each split."""
        return {split: measure(part) for split, part in self.by_split.items()}

    def content(self, part: E) -> Iterator[Any]:
        """Yield the bytes of the examples of a split, for the digest."""
        raise NotImplementedError

    def header(self, split: str) -> str:
        """Return what precedes the examples of a split in the digest."""
        return f"{split} {len(self.by_split[split])}\n"

    def with_train_fraction(self: Data, share: float, seed: int) -> Data:
        """Keep a random share of the training examples; if they have classes, of each class, at least one."""
        part = self._with(train=self.train.take(self._subset(share, seed)))
        facts = fraction_facts(part.facts, share, len(part.train), len(self.train), draw_seed=seed)
        return replace(part, facts=facts)

    def _subset(self, share: float, seed: int) -> NDArray[np.int64]:
        return random_subset(len(self.train), share, seed)

    def _with(self: Data, **splits: Any) -> Data:
        """Return the data with some splits replaced and its counts updated."""
        changed = replace(self, **splits)
        return replace(changed, facts=self.facts | changed.counts())

    def _digest(self) -> str:
        known = {name: value for name, value in self.describe().items() if name not in self.form.not_in_digest}
        state = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
        for split, part in self.by_split.items():
            state.update(self.header(split).encode())
            for content in self.content(part):
                state.update(content)
        return state.hexdigest()


class LabelledData(ExampleData[F, E]):
    """Examples with a class each, in three splits of `Joined` examples; inputs are words, `ids`, unless overridden."""

    def class_counts(self) -> dict[str, dict[str, int]]:
        """Return the number of examples of each class, by split."""
        names = self.form.classes
        return self.each(
            lambda part: dict(zip(names, np.bincount(part.labels, minlength=len(names)).tolist(), strict=False))
        )

    def _subset(self, share: float, seed: int) -> NDArray[np.int64]:
        return subset_of_each_class(self.train.labels, share, seed)

    def with_label_noise(self: Labelled, share: float, seed: int) -> Labelled:
        """Replace a share of the training labels by other classes."""
        return self._with_noisy_train("labels", self.form.classes, share, seed)

    def _with_noisy_train(self: Data, name: str, classes: Sequence[str], share: float, seed: int) -> Data:
        wrong, change = wrong_labels(getattr(self.train, name), share, len(classes), seed)
        noisy = self._with(train=replace(self.train, **{name: wrong}))
        return replace(noisy, facts=changed_facts(noisy.facts, "label_noise", change))

    def with_input_noise(self: Labelled, level: float, seed: int) -> Labelled:
        """Add noise to the inputs of all splits."""
        streams = input_seeds(seed)
        noisy = self._with(**{split: self.noisy(part, level, streams[split]) for split, part in self.by_split.items()})
        return replace(noisy, facts=noise_facts(noisy.facts, level, seed))

    def noisy(self, part: Any, level: float, seed: Seed) -> Any:
        """Return the examples of a split with a share of their words replaced by others of the vocabulary."""
        return replace(part, ids=replace_randomly(part.ids, level, self.form.vocabulary.size, seed))
