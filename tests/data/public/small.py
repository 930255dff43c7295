"""A small public set whose files can be put into any mirror."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gru_bench.data.files.download import RemoteFile
from gru_bench.data.public.public_text import Card

TEXTS = {"train": "the cat sat\n" * 30, "valid": "the cat\n" * 10, "test": "sat the\n" * 10}
COUNTS = {"train": 120, "valid": 30, "test": 30}


def make_card(address: str = "http://127.0.0.1:9", **changes: object) -> Card:
    """Describe the set; `address` serves its files."""
    files = {
        split: RemoteFile(
            f"small/{split}.txt", f"{address}/{split}.txt", len(text), (hashlib.sha256(text.encode()).hexdigest(),)
        )
        for split, text in TEXTS.items()
    }
    values = {"name": "small", "level": "word", "files": files, "symbols": COUNTS, "vocabulary": 4}
    about = {"description": "A small set.", "homepage": "", "citation": "", "license": "none"}
    return Card(**(values | about | changes))  # pyright: ignore[reportArgumentType]


def make_mirror(folder: Path) -> Path:
    """Write the files of the set as a mirror holds them."""
    (folder / "small").mkdir(parents=True)
    for split, text in TEXTS.items():
        (folder / "small" / f"{split}.txt").write_text(text)
    return folder
