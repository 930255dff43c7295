"""The tensorflow-datasets builder of texts. Importing this module imports tensorflow-datasets (never TensorFlow)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from gru_bench.data.datasets.card import Card


class TextBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """One text per split, as one example, since tensorflow-datasets shuffles examples and a corpus has an order."""

    def __init__(self, card: Card, texts: Mapping[str, str], data_dir: Path):
        """Take what is to be written.

        Args:
            card: name, version and origin of the data set.
            texts: the text of each split, by the split's name in tensorflow-datasets.
            data_dir: the folder that gets `<name>/<version>`.
        """
        object.__setattr__(self, "name", card.name)  # a class variable there; one class serves all cards here
        self.VERSION = tfds.core.Version(card.version)
        self._card, self._texts = card, texts
        super().__init__(data_dir=data_dir)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self._card.description,
            homepage=self._card.homepage,
            citation=self._card.citation,
            license=self._card.license,
            features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict[str, str]]]]:
        return {split: self._generate_examples(text) for split, text in self._texts.items()}

    def _generate_examples(self, text: str) -> Iterator[tuple[int, dict[str, str]]]:
        yield 0, {"text": text}
