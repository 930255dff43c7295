"""Large Movie Review Dataset: 50,000 film reviews, half of them positive."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.source import gives
from gru_bench.data.texts.splits import draw_splits
from gru_bench.data.texts.texts import LabelledTexts, make_texts
from gru_bench.data.texts.tokeniser import Keep
from gru_bench.data.tokens.text_file import Size
from gru_bench.errors import DataError
from gru_bench.validation import HeldOutFraction, Positive

CLASSES = ("negative", "positive")
FOLDERS = {
    f"aclImdb/{split}/{folder}": (split, label)
    for split in ("train", "test")
    for label, folder in enumerate(("neg", "pos"))
}
COUNT = 12_500  # reviews of each class in each half
ARCHIVE = RemoteFile(
    path="imdb/aclImdb_v1.tar.gz",
    url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
    size=84_125_825,
    sha256=("c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",),
    copies=(
        RemoteFile(  # only the labelled reviews; it is in mirrors, not on the web
            path="imdb/aclImdb_labelled.tar.gz",
            url="",
            size=27_652_224,
            sha256=("8f021685a45b0bf8052bbf8842e72ccd25e1ea7c0e08b1385038babeb74e9826",),
        ),
    ),
)


@gives("texts")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    valid_fraction: HeldOutFraction = 0.1,
    min_count: Positive = 2,
    max_vocabulary: Size | None = 20_000,
    max_length: Positive | None = 300,
    keep: Keep = "ends",
) -> LabelledTexts:
    """Load the reviews: the official test half, and a validation split of the training half.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        valid_fraction: share of the training half for validation, a stratified sample that never changes.
        min_count: rarer words of train become `<unk>`.
        max_vocabulary: maximum number of words.
        max_length: maximum number of words of a review that the network reads; null reads all.
        keep: the words of longer reviews to read: at the `start`, at the `end`, or half at both `ends`.

    Raises:
        DataError: the archive is missing or damaged, or its counts are not the published ones.
    """
    reviews = read_archive(fetch({"all": ARCHIVE}, mirror, cache)["all"])
    texts = {split: [text for text, _ in pairs] for split, pairs in reviews.items()}
    labels = {split: [label for _, label in pairs] for split, pairs in reviews.items()}
    texts, labels = draw_splits(texts, labels, "train", {"valid": valid_fraction})
    return make_texts(
        "imdb",
        texts,
        labels,
        CLASSES,
        min_count=min_count,
        max_vocabulary=max_vocabulary,
        max_length=max_length,
        keep=keep,
        facts={"source_sha256": {ARCHIVE.path: ARCHIVE.sha256[0]}},
    )


def read_archive(content: bytes, count: int = COUNT) -> Mapping[str, list[tuple[str, int]]]:
    """Return reviews and labels of both halves, in the order of the members' names; nothing is written to disk.

    Args:
        content: a gzipped tar archive with members such as `aclImdb/train/pos/0_9.txt`; others are ignored.
        count: expected number of reviews of each class in each half.

    Raises:
        DataError: the archive cannot be read, or has a different number of reviews.
    """
    reviews: dict[str, list[tuple[str, str]]] = {folder: [] for folder in FOLDERS}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r|gz") as archive:
            for member in archive:
                folder, _, name = member.name.removeprefix("./").rpartition("/")
                if folder in reviews and member.isfile():
                    stream = archive.extractfile(member)
                    reviews[folder].append((name, stream.read().decode("utf-8") if stream else ""))
    except (tarfile.TarError, EOFError, OSError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"data=imdb: the archive cannot be read: {error}. Delete or replace it.") from error
    counts = {folder: len(texts) for folder, texts in reviews.items()}
    if set(counts.values()) != {count}:
        raise DataError(f"data=imdb: found {counts} reviews in the archive, expected {count:,} in each folder.")
    halves: dict[str, list[tuple[str, int]]] = {"train": [], "test": []}
    for folder, (split, label) in FOLDERS.items():
        halves[split] += [(text, label) for _, text in sorted(reviews[folder])]
    return halves
