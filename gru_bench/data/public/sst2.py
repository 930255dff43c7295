"""Stanford Sentiment Treebank, two classes: sentences of film reviews, with labels of whole sentences."""

from __future__ import annotations

from pathlib import Path

from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.source import gives
from gru_bench.data.texts.texts import LabelledTexts, make_texts
from gru_bench.errors import DataError
from gru_bench.validation import Positive

CLASSES = ("negative", "positive")
ADDRESS = "https://raw.githubusercontent.com/clairett/pytorch-sentiment-classification/master/data/SST2"
FILES = {
    "train": RemoteFile(
        path="sst2/train.tsv",
        url=f"{ADDRESS}/train.tsv",
        size=720_259,
        sha256=("ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920",),
    ),
    "valid": RemoteFile(
        path="sst2/dev.tsv",
        url=f"{ADDRESS}/dev.tsv",
        size=92_057,
        sha256=("eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359",),
    ),
    "test": RemoteFile(
        path="sst2/test.tsv",
        url=f"{ADDRESS}/test.tsv",
        size=188_749,
        sha256=("831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7",),
    ),
}
COUNTS = {"train": (3_310, 3_610), "valid": (428, 444), "test": (912, 909)}  # negative, positive


@gives("texts")
def load(*, mirror: Path | None, cache: Path, min_count: Positive = 2) -> LabelledTexts:
    """Load the sentences in the official splits, 6,920 / 872 / 1,821.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        min_count: rarer words of train become `<unk>`.

    Raises:
        DataError: a file is missing or damaged, or its counts are not the published ones.

    References: Socher et al. 2013, Recursive deep models for semantic compositionality over a sentiment treebank.
    """
    texts: dict[str, list[str]] = {}
    labels: dict[str, list[int]] = {}
    for split, content in fetch(FILES, mirror, cache).items():
        rows = [line.rsplit("\t", 1) for line in content.decode("utf-8").split("\n") if line]
        texts[split] = [text for text, _ in rows]
        labels[split] = [int(label) for _, label in rows]
        counts = tuple(labels[split].count(label) for label in range(len(CLASSES)))
        if counts != COUNTS[split]:
            raise DataError(f"data=sst2: found {counts} sentences by class in {split}, expected {COUNTS[split]}.")
    sources = {file.path: file.sha256[0] for file in FILES.values()}
    return make_texts("sst2", texts, labels, CLASSES, min_count=min_count, facts={"source_sha256": sources})
