"""Multi30k: captions of photographs in English and German."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Literal

from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.pairs.codec import Level
from gru_bench.data.pairs.pairs import Pairs, make_pairs
from gru_bench.data.source import gives
from gru_bench.data.tokens.text_file import Size
from gru_bench.errors import DataError
from gru_bench.validation import Positive

ADDRESS = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw"
NAMES = {"train": "train", "valid": "val", "test": "test_2016_flickr"}
SIZES = {
    "train.de": (637_044, "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"),
    "train.en": (568_929, "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"),
    "val.de": (24_681, "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a"),
    "val.en": (21_650, "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28"),
    "test_2016_flickr.de": (22_890, "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8"),
    "test_2016_flickr.en": (21_077, "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9"),
}
FILES = {
    name: RemoteFile(path=f"multi30k/{name}.gz", url=f"{ADDRESS}/{name}.gz", size=size, sha256=(digest,))
    for name, (size, digest) in SIZES.items()
}
COUNTS = {"train": 29_000, "valid": 1_014, "test": 1_000}


@gives("pairs")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    direction: Literal["de-en", "en-de"] = "de-en",
    level: Level = "word",
    lowercase: bool = True,
    min_count: Positive = 2,
    max_vocabulary: Size | None = None,
) -> Pairs:
    """Load the captions in the official splits, 29,000 / 1,014 / 1,000; test is test_2016_flickr.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        direction: the language to read and the one to write.
        level: words with punctuation marks apart, characters or subwords.
        lowercase: whether captions are read, written and scored in lower case; BLEU's signature says so.
        min_count: rarer words of train become `<unk>`.
        max_vocabulary: maximum number of symbols of each language; null: all, of subwords 8,000.

    Raises:
        DataError: a file is missing or damaged.
        ConfigError: `max_vocabulary` does not suit the captions, or SentencePiece is not installed.

    References: Elliott et al. 2016, arXiv:1605.00459.
    """
    lines = {name: _lines(content) for name, content in fetch(FILES, mirror, cache).items()}
    source, target = direction.split("-")
    texts = {split: (lines[f"{name}.{source}"], lines[f"{name}.{target}"]) for split, name in NAMES.items()}
    found = {split: len(sources) for split, (sources, _) in texts.items()}
    if found != COUNTS:
        raise DataError(f"data=multi30k: found {found} captions, expected {COUNTS}.")
    return make_pairs(
        "multi30k",
        texts,
        level=level,
        lowercase=lowercase,
        min_count=min_count,
        max_vocabulary=max_vocabulary,
        facts={"direction": direction, "source_sha256": {file.path: file.sha256[0] for file in FILES.values()}},
    )


def _lines(content: bytes) -> list[str]:
    return gzip.decompress(content).decode("utf-8").removesuffix("\n").split("\n")
