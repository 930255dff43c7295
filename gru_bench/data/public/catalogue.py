"""Prepared texts of the tensorflow-datasets catalogue, with or without labels, read without TensorFlow."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gru_bench.data.source import gives
from gru_bench.data.texts.labels import warn_of_absent
from gru_bench.data.texts.splits import count_copies, draw_splits
from gru_bench.data.texts.texts import LabelledTexts, make_texts
from gru_bench.data.texts.tokeniser import Keep, as_read
from gru_bench.data.tokens.corpus import Corpus, make_corpus
from gru_bench.data.tokens.text_file import Size, TextLevel, cut_tail, encode_text
from gru_bench.data.tokens.vocabulary import words
from gru_bench.errors import ConfigError, DataError, nearest
from gru_bench.files import home_expanded
from gru_bench.validation import HeldOutFraction, Positive

NAMES = {"train": ("train",), "valid": ("validation", "valid", "dev"), "test": ("test",)}


@gives("tokens", "texts")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    kind: str,
    name: str,
    level: TextLevel = "char",
    text_feature: str = "text",
    label_feature: str = "label",
    data_dir: str | None = None,
    max_examples: Positive | None = None,
    valid_fraction: HeldOutFraction = 0.05,
    test_fraction: HeldOutFraction = 0.05,
    min_count: Positive = 2,
    max_vocabulary: Size | None = None,
    max_length: Positive | None = 256,
    keep: Keep = "start",
) -> Corpus | LabelledTexts:
    """Load a prepared data set: its examples joined to one stream, or its texts with their labels.

    Missing splits of validation and test are taken from train: its end for a stream, a stratified sample of labelled
    texts. A split without labels counts as missing.

    Args:
        mirror: unused.
        cache: unused.
        kind: `tokens` for a stream, the examples in stored order, joined by line ends; or `texts`.
        name: `<name>`, `<name>/<config>`, each with an optional `:<version>`, as in `wiki40b/en:1.3.0`.
        level: the unit of the stream; labelled texts are always read as words.
        text_feature: the feature with the text.
        label_feature: the feature with the class; only for labelled texts.
        data_dir: the data folder of tensorflow-datasets; null is TFDS_DATA_DIR or `~/tensorflow_datasets`.
        max_examples: maximum number of examples of each split.
        valid_fraction: share of train for validation, if the set has none.
        test_fraction: share of train for test, if the set has none.
        min_count: rarer words of train become `<unk>`; only for words.
        max_vocabulary: maximum number of words, `<eos>` and `<unk>` included; only for words.
        max_length: maximum number of words of a labelled text; null reads all.
        keep: the words of longer texts to read: at the `start`, at the `end`, or half at both `ends`.

    Raises:
        ConfigError: the name is malformed or a feature is unknown.
        DataError: the set is not prepared (the message has the command), or has no train split or no text.
    """
    root = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    prepared = _Prepared(name, home_expanded(root, "data.data_dir"))
    texts = prepared.splits(text_feature, _text_features, "data.text_feature", max_examples)
    fractions = {"valid": valid_fraction, "test": test_fraction}
    words_kept = {"min_count": min_count, "max_vocabulary": max_vocabulary}
    if kind == "tokens":
        return _stream(prepared, texts, level, fractions, max_examples, **words_kept)
    labels = prepared.splits(label_feature, _label_features, "data.label_feature", max_examples)
    cut = {"max_length": max_length, "keep": keep}
    return _labelled(prepared, texts, labels, label_feature, fractions, max_examples, **words_kept, **cut)


def _stream(
    prepared: _Prepared,
    examples: Mapping[str, Sequence[bytes]],
    level: TextLevel,
    fractions: Mapping[str, float],
    max_examples: int | None,
    min_count: int,
    max_vocabulary: int | None,
) -> Corpus:
    texts: dict[str, Any] = {}
    for split, rows in examples.items():
        content = b"".join(text if text.endswith(b"\n") else text + b"\n" for text in rows)
        texts[split] = content if level == "byte" else _split_text(content, level, f"{prepared.name}, {split}")
    carved = {split: fraction for split, fraction in fractions.items() if split not in texts}
    symbols = texts | cut_tail(texts["train"], carved)
    vocabulary, tokens, unknown = encode_text(level, symbols, min_count, max_vocabulary)
    facts = {"tfds": prepared.place, "cut_from_train": list(carved), "max_examples": max_examples}
    return make_corpus(f"tfds:{prepared.name}", vocabulary, tokens, facts | unknown)


def _labelled(
    prepared: _Prepared,
    examples: Mapping[str, Sequence[bytes]],
    values: Mapping[str, Sequence[Any]],
    label_feature: str,
    fractions: Mapping[str, float],
    max_examples: int | None,
    **options: Any,
) -> LabelledTexts:
    names = prepared.class_names(label_feature)
    if names is None:
        names = sorted({_as_text(value) for value in values["train"]})
        numbers = {name: number for number, name in enumerate(names)}
        labels = {split: [numbers.get(_as_text(value), -1) for value in rows] for split, rows in values.items()}
    else:
        labels = {split: [int(value) for value in rows] for split, rows in values.items()}
    labels = {split: rows for split, rows in labels.items() if split == "train" or min(rows) >= 0}
    if min(labels["train"]) < 0:
        raise DataError(f"data.name={prepared.name}: train has examples without a label, expected one for each.")
    place = f"data.name={prepared.name}"
    texts = {split: [_decode(text, f"{place}, {split}") for text in examples[split]] for split in labels}
    carved = {split: fraction for split, fraction in fractions.items() if split not in labels}
    compared = as_read(options["max_length"], options["keep"])
    texts, labels = draw_splits(texts, labels, "train", carved, compared=compared)
    facts = {"tfds": prepared.place, "cut_from_train": list(carved), "max_examples": max_examples}
    facts["copies"] = count_copies(texts, compared)
    data = make_texts(f"tfds:{prepared.name}", texts, labels, names, facts=facts, **options)
    warn_of_absent(names, data.facts["classes"])
    return data


def _as_text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _decode(content: bytes, place: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{place}: not UTF-8 at byte {error.start} of an example: {content[:40]!r}.") from error


def _split_text(content: bytes, level: str, place: str) -> list[str] | str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"data.name={place}: not UTF-8 at byte {error.start}. Read it as bytes: data.level=byte."
        ) from error
    return words(text) if level == "word" else text


def _find(name: str, root: Path) -> Path:
    path, _, version = name.partition(":")
    parts = path.split("/")
    if not all(parts) or len(parts) > 2 or any(part.startswith(".") for part in (*parts, version)):
        raise ConfigError(
            "data.name", name, "a name of the tensorflow-datasets catalogue such as lm1b or wiki40b/en:1.3.0"
        )
    base = root.joinpath(*parts)
    versions = [file.parent for file in base.glob("*/dataset_info.json") if not version or file.parent.name == version]
    if versions:
        return max(versions, key=_version)
    inside = sorted({file.parent.parent.name for file in base.glob("*/*/dataset_info.json")})
    configs = (
        f" It has prepared configurations, such as data.name={parts[0]}/{inside[0]}."
        if inside and len(parts) == 1
        else ""
    )
    raise DataError(
        f"data.name={name} is not prepared in {root}.{configs}\n"
        "Prepare it once, with TensorFlow (training needs none):\n"
        f"{_command(name, root)}\nIf it is prepared elsewhere, name that folder: data.data_dir=DIR."
    )


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else -1 for part in folder.name.split("."))


def _command(name: str, root: Path) -> str:
    python, place = Path(sys.executable).name, json.dumps(str(root))
    builder = f'tfds.builder({json.dumps(name)}, data_dir={place}, file_format="array_record")'
    code = shlex.quote(f"import tensorflow_datasets as tfds; {builder}.download_and_prepare()")
    return f"  {python} -m pip install tensorflow-cpu\n  {python} -c {code}"


class _Prepared:
    """A prepared data set.

    Attributes:
        name: its name in the settings.
        root: the folder of all prepared sets.
        folder: the folder of this set.
    """

    def __init__(self, name: str, root: Path):
        self.name, self.root, self.folder = name, root, _find(name, root)

    @property
    def place(self) -> str:
        """Name, configuration and version."""
        return self.folder.relative_to(self.root).as_posix()

    def splits(
        self, feature: str, fitting: Callable[[Any], list[str]], option: str, limit: int | None
    ) -> dict[str, list[Any]]:
        """Return one feature of all examples of the existing splits, which include `train`.

        Args:
            feature: its name.
            fitting: returns the names of suitable features.
            option: the setting that names it.
            limit: maximum number of examples of each split.
        """
        known = fitting(self._info().features)
        if feature not in known:
            raise ConfigError(option, feature, ", ".join(known) or "no feature fits", nearest(feature, known))
        try:
            examples = self._examples(feature, limit)
        except NotImplementedError as error:
            raise DataError(
                f"data.name={self.name} is prepared in {self.folder}, but not as array_record, the only format that "
                f"can be read without TensorFlow. Delete that folder, then:\n{_command(self.name, self.root)}"
            ) from error
        splits = {}
        for split, names in NAMES.items():
            chosen = next((candidate for candidate in names if candidate in examples), None)
            if chosen is not None:
                splits[split] = examples[chosen]
        if "train" not in splits:
            raise DataError(
                f"data.name={self.name}: found the splits {', '.join(examples) or 'none'}, expected train among them."
            )
        return splits

    def class_names(self, feature: str) -> list[str] | None:
        """Return the names of the classes of a label, or None if it is plain text or a number."""
        return getattr(self._info().features[feature], "names", None)

    def _info(self) -> Any:
        return self._builder().info

    def _examples(self, feature: str, limit: int | None) -> dict[str, list[Any]]:
        sources: Any = self._builder().as_data_source()
        return {
            split: [source[row][feature] for row in range(len(source) if limit is None else min(limit, len(source)))]
            for split, source in sources.items()
        }

    def _builder(self) -> Any:
        import tensorflow_datasets as tfds

        return tfds.builder_from_directory(self.folder)


def _text_features(features: Any) -> list[str]:
    return [name for name, feature in features.items() if feature.shape == () and np.dtype(feature.np_dtype) == object]


def _label_features(features: Any) -> list[str]:
    kinds = (object, np.integer, np.bool_)
    return [
        name
        for name, feature in features.items()
        if feature.shape == () and any(np.issubdtype(feature.np_dtype, kind) for kind in kinds)
    ]
