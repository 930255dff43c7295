"""Snips: voice commands with slots (BIO tags) and an intent each, in the splits of Goo et al. 2018."""

from __future__ import annotations

import io
import lzma
import tarfile
from pathlib import Path

from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.source import gives
from gru_bench.data.tagged.tagged import Sentence, TaggedTexts, make_tagged
from gru_bench.errors import DataError
from gru_bench.validation import Positive

ARCHIVE = RemoteFile(
    path="snips/snips_slotgated.tar.xz",
    url="",
    size=247_696,
    sha256=("442d395241e481b4fd545ca34c093ad0373c98db18ed579c04112e29d4d35b2c",),
)
COUNTS = {"train": 13_084, "valid": 700, "test": 700}
READING = {"word": 1, "tag": 2, "label": "intent"}


@gives("tagged_texts")
def load(*, mirror: Path | None, cache: Path, min_count: Positive = 1) -> TaggedTexts:
    """Load the commands: 13,084 / 700 / 700, 72 tags, seven intents.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        min_count: rarer words of train become `<unk>`.

    Raises:
        DataError: the archive is missing or damaged.

    References: Coucke et al. 2018, Snips voice platform, arXiv:1805.10190; splits of Goo et al. 2018, Slot-gated
        modeling for joint slot filling and intent prediction.
    """
    lines = read_archive(fetch({"all": ARCHIVE}, mirror, cache)["all"])
    sentences: dict[str, list[Sentence]] = {}
    for split, count in COUNTS.items():
        words, tags, labels = (lines[f"snips/{split}/{name}"] for name in ("seq.in", "seq.out", "label"))
        sentences[split] = [
            Sentence(tuple(text.split()), tuple(of_text.split()), label.strip())
            for text, of_text, label in zip(words, tags, labels, strict=True)
        ]
        assert len(sentences[split]) == count
        assert all(len(one.words) == len(one.tags) for one in sentences[split])
    facts = {"source_sha256": {ARCHIVE.path: ARCHIVE.sha256[0]}}
    return make_tagged("snips", sentences, min_count=min_count, lowercase=True, reading=READING, facts=facts)


def read_archive(content: bytes) -> dict[str, list[str]]:
    """Return the lines of each file of the archive.

    Raises:
        DataError: the archive cannot be read.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:xz") as archive:
            files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
            return {name: stream.read().decode().splitlines() for name, stream in files.items() if stream}
    except (tarfile.TarError, EOFError, OSError, lzma.LZMAError) as error:
        raise DataError(f"data=snips: the archive cannot be read: {error}. Delete or replace it.") from error
