"""Prepare a public text once as an array_record data set, and read prepared sets. TensorFlow is never needed.

Layout: `<cache>/tfds/<name>/<version>/` with the files of tensorflow-datasets and `SHA256SUMS`, which is checked at
every load. Preparation works in `<cache>/tfds/.preparing` under a lock and ends with one rename, so that a process
that is killed leaves nothing half-made and two processes do not disturb each other.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from gru_bench.data.corpus import SPLITS, Corpus, encode_splits, make_corpus
from gru_bench.data.datasets.card import SPLIT_NAMES, Card
from gru_bench.data.download import cannot_write, fetch
from gru_bench.data.vocabulary import Vocabulary, words
from gru_bench.errors import DataError, DataUnavailable

SUMS = "SHA256SUMS"
LOCK_SECONDS = 900.0

log = logging.getLogger(__name__)


def load_public(card: Card, mirror: Path | None, cache: Path) -> Corpus:
    """Load a public text, preparing it first where that is needed.

    Raises:
        DataError: source files are absent or wrong, prepared files are damaged, or the counts are not the known ones.
    """
    folder = prepared_folder(card, cache)
    if not folder.exists():
        prepare(card, mirror, cache)
    verify(folder)
    examples = read_examples(folder, "text")
    texts = {split: examples[SPLIT_NAMES[split]][0].decode("utf-8") for split in SPLITS}
    symbols = {split: words(text) if card.level == "word" else text for split, text in texts.items()}
    vocabulary = {"word": Vocabulary.of_words, "char": Vocabulary.of_characters}[card.level](symbols["train"])
    vocabulary, tokens, unknown = encode_splits(vocabulary, symbols)
    found = ({split: int(ids.size) for split, ids in tokens.items()}, vocabulary.size)
    if found != (dict(card.symbols), card.vocabulary):
        raise DataError(
            f"data={card.name}: found {found} symbols and vocabulary, expected {card.symbols}, {card.vocabulary}"
        )
    sources = {file.path: file.sha256[0] for file in card.files.values()}
    return make_corpus(card.name, vocabulary, tokens, {"source_sha256": sources, "version": card.version, **unknown})


def prepared_folder(card: Card, cache: Path) -> Path:
    """Return where the prepared files of a data set are or will be."""
    return cache / "tfds" / card.name / card.version


def prepare(card: Card, mirror: Path | None, cache: Path) -> None:
    """Fetch, check, cut and write a data set; do nothing when another process has just done so.

    Raises:
        DataError: source files are wrong.
        DataUnavailable: source files are absent, or the cache cannot be written, or is in use for long.
    """
    folder = prepared_folder(card, cache)
    workshop = cache / "tfds" / ".preparing"
    try:
        workshop.mkdir(parents=True, exist_ok=True)
        with FileLock(workshop / f"{card.name}.lock", timeout=LOCK_SECONDS):
            if folder.exists():
                return
            for leftover in workshop.glob(f"{card.name}-*"):
                shutil.rmtree(leftover)
            sources = fetch(card.files, mirror, cache)
            log.info("preparing %s in %s (once)", card.name, folder)
            bench = Path(tempfile.mkdtemp(prefix=f"{card.name}-", dir=workshop))
            try:
                finished = _write(card, {name: content.decode("utf-8") for name, content in sources.items()}, bench)
                folder.parent.mkdir(parents=True, exist_ok=True)
                os.rename(finished, folder)
            finally:
                shutil.rmtree(bench, ignore_errors=True)
    except Timeout as error:
        raise DataUnavailable(
            f"another process has been preparing {card.name} in {cache} for {LOCK_SECONDS:g} s. Wait for it or end it."
        ) from error
    except OSError as error:
        raise DataUnavailable(cannot_write(cache, error)) from error


def _write(card: Card, sources: Mapping[str, str], bench: Path) -> Path:
    import tensorflow_datasets as tfds

    from gru_bench.data.datasets.builder import TextBuilder

    texts = {SPLIT_NAMES[split]: text for split, text in card.cut(sources).items()}
    builder = TextBuilder(card, texts, bench)
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(file_format="array_record")  # the only format that works without TensorFlow
    except RuntimeError as error:  # array_record's writer reports failing writes this way
        raise OSError(None, str(error).replace(str(bench), "")) from error
    folder = Path(builder.data_dir)
    for split, examples in read_examples(folder, "text").items():
        if [example.decode("utf-8") for example in examples] != [texts[split]]:
            raise DataError(f"data={card.name}: the prepared split {split} reads back different from what was written")
    sums = "".join(f"{_sha256(path)}  {path.name}\n" for path in sorted(folder.iterdir()))
    (folder / SUMS).write_text(sums, encoding="ascii")
    return folder


def verify(folder: Path) -> None:
    """Check prepared files against their `SHA256SUMS`.

    Raises:
        DataError: a file is missing, additional, unreadable or has another digest.
    """
    try:
        lines = (folder / SUMS).read_text(encoding="ascii").splitlines()
        expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        found = {path.name: _sha256(path) for path in folder.iterdir() if path.name != SUMS}
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the prepared data in {folder} cannot be read: {error}. {_prepare_again(folder)}") from error
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong or not expected:
        raise DataError(
            f"the prepared data in {folder} is damaged: {wrong[0] if wrong else SUMS}: found sha256 "
            f"{found.get(wrong[0], 'of no file') if wrong else 'none'}, expected "
            f"{expected.get(wrong[0], 'no such file') if wrong else 'one line per file'}. {_prepare_again(folder)}"
        )


def _prepare_again(folder: Path) -> str:
    return f"Delete the folder {folder} and run the same command again to prepare it anew."


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_examples(folder: Path, feature: str, limit: int | None = None) -> dict[str, list[Any]]:
    """Read one feature of every split of a prepared data set.

    Args:
        folder: the folder that holds `dataset_info.json`.
        feature: the name of a text feature.
        limit: at most so many examples of each split.

    Raises:
        DataError: the files are no array_record files.
    """
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(folder)
    sources: Any = builder.as_data_source()
    return {
        split: [source[index][feature] for index in range(len(source) if limit is None else min(limit, len(source)))]
        for split, source in sources.items()
    }
