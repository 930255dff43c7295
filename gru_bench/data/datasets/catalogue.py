"""Any text of the tensorflow-datasets catalogue that is already prepared. TensorFlow is never needed to read it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np

from gru_bench.data.corpus import Corpus, make_corpus
from gru_bench.data.datasets.prepared import read_examples
from gru_bench.data.own import Share, Size, TextLevel, cut_tail, encode_text
from gru_bench.data.vocabulary import words
from gru_bench.errors import ConfigError, DataError, nearest
from gru_bench.validation import Positive

NAMES = {"train": ("train",), "valid": ("validation", "valid", "dev"), "test": ("test",)}


def load(
    *,
    mirror: Path | None,
    cache: Path,
    name: str,
    level: TextLevel = "char",
    text_feature: str = "text",
    data_dir: str | None = None,
    max_examples: Positive | None = None,
    valid_fraction: Share = 0.05,
    test_fraction: Share = 0.05,
    min_count: Positive = 2,
    max_vocabulary: Size | None = None,
) -> Corpus:
    """Load a prepared data set; its examples are joined by line ends, in the order in which they are stored.

    The splits train, validation and test are taken where they exist; what is missing is cut off the end of train.

    Args:
        mirror: unused.
        cache: unused.
        name: `<name>`, `<name>/<config>`, each with an optional `:<version>`, as in `wiki40b/en:1.3.0`.
        level: what a symbol is.
        text_feature: the feature that holds the text.
        data_dir: where tensorflow-datasets keeps its data; null is TFDS_DATA_DIR or `~/tensorflow_datasets`.
        max_examples: at most so many examples of each split.
        valid_fraction: share of the train symbols for validation where the set has none.
        test_fraction: share of the train symbols for test where the set has none.
        min_count: words that are rarer in train become `<unk>`; of no effect at the other levels.
        max_vocabulary: the most words, `<eos>` and `<unk>` included; of no effect at the other levels.

    Raises:
        ConfigError: the name is malformed or the feature is unknown.
        DataError: the set is not prepared (the command that prepares it is said), has no train split or no text.
    """
    root = Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    folder = _find(name, root)
    examples = _read(folder, text_feature, max_examples, name, root)
    texts: dict[str, Any] = {}
    for split, names in NAMES.items():
        chosen = next((candidate for candidate in names if candidate in examples), None)
        if chosen is not None:
            content = b"".join(text if text.endswith(b"\n") else text + b"\n" for text in examples[chosen])
            texts[split] = content if level == "byte" else _split_text(content, level, f"{name}, split {chosen}")
    if "train" not in texts:
        raise DataError(
            f"data.name={name}: found the splits {', '.join(examples) or 'none'}, expected train among them."
        )
    wanted = {"valid": valid_fraction, "test": test_fraction}
    carved = {split: fraction for split, fraction in wanted.items() if split not in texts}
    symbols = texts | cut_tail(texts["train"], carved)
    vocabulary, tokens, unknown = encode_text(level, symbols, min_count, max_vocabulary)
    facts = {"tfds": folder.relative_to(root).as_posix(), "cut_from_train": list(carved), "max_examples": max_examples}
    return make_corpus(f"tfds:{name}", vocabulary, tokens, facts | unknown)


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
    found = [file.parent for file in base.glob("*/dataset_info.json") if not version or file.parent.name == version]
    if found:
        return max(found, key=_version)
    inside = sorted({file.parent.parent.name for file in base.glob("*/*/dataset_info.json")})
    configs = (
        f" It has prepared configurations: data.name={parts[0]}/{inside[0]}, say." if inside and len(parts) == 1 else ""
    )
    raise DataError(
        f"data.name={name} is not prepared in {root}.{configs}\n"
        "Prepare it once, with TensorFlow (training needs none):\n"
        f"{_command(name, root)}\nIf it is prepared elsewhere, say where: data.data_dir=DIR."
    )


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else -1 for part in folder.name.split("."))


def _command(name: str, root: Path) -> str:
    python, place = Path(sys.executable).name, json.dumps(str(root))
    builder = f'tfds.builder({json.dumps(name)}, data_dir={place}, file_format="array_record")'
    code = shlex.quote(f"import tensorflow_datasets as tfds; {builder}.download_and_prepare()")
    return f"  {python} -m pip install tensorflow-cpu\n  {python} -c {code}"


def _read(folder: Path, feature: str, limit: int | None, name: str, root: Path) -> dict[str, list[bytes]]:
    known = _text_features(folder)
    if feature not in known:
        raise ConfigError(
            "data.text_feature", feature, ", ".join(known) or "no feature is text", nearest(feature, known)
        )
    try:
        return read_examples(folder, feature, limit)
    except NotImplementedError as error:
        raise DataError(
            f"data.name={name} is prepared in {folder}, but not as array_record, the only format that can be read "
            f"without TensorFlow. Delete that folder, then:\n{_command(name, root)}"
        ) from error


def _text_features(folder: Path) -> list[str]:
    import tensorflow_datasets as tfds

    features: Any = tfds.builder_from_directory(folder).info.features
    return [name for name, feature in features.items() if feature.shape == () and np.dtype(feature.np_dtype) == object]
