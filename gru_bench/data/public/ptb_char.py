"""Penn Treebank as characters, in the version of Mikolov."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gru_bench.data.files.download import RemoteFile
from gru_bench.data.public.public_text import Card, load_public
from gru_bench.data.source import gives
from gru_bench.data.tokens.corpus import Corpus


def plain_text(sources: Mapping[str, str]) -> dict[str, str]:
    """Undo the notation of the files: symbols are separated by blanks, `_` is a blank, a line end is a symbol."""
    return {split: text.replace(" ", "").replace("_", " ") for split, text in sources.items()}


CARD = Card(
    name="ptb_char",
    files={
        "train": RemoteFile(
            path="ptb_char/ptb.char.train.txt",
            url="https://raw.githubusercontent.com/townie/PTB-dataset-from-Tomas-Mikolov-s-webpage/master/data/ptb.char.train.txt",
            size=10034964,
            sha256=("e313d91425e06c4f0a8fb6e881dcce0c291f2a0e9f4dda54833069b122f91da9",),
            packed_sha256=("bfe1c3eda8bcc757be2e685093d94ae9610ec4e062d50efed2444f1421577dc8",),
        ),
        "valid": RemoteFile(
            path="ptb_char/ptb.char.valid.txt",
            url="https://raw.githubusercontent.com/townie/PTB-dataset-from-Tomas-Mikolov-s-webpage/master/data/ptb.char.valid.txt",
            size=786084,
            sha256=("21661f63ec355085879458b6524644d4add5573541b4be14fb52ab2e2e995eb8",),
        ),
        "test": RemoteFile(
            path="ptb_char/ptb.char.test.txt",
            url="https://raw.githubusercontent.com/townie/PTB-dataset-from-Tomas-Mikolov-s-webpage/master/data/ptb.char.test.txt",
            size=884846,
            sha256=("1ef5607ac3c463b16e38bfe7900dd3bfc91de5a96e0f21e7eab5188b465b8ebe",),
        ),
    },
    cut=plain_text,
    level="char",
    symbols={"train": 5_017_482, "valid": 393_042, "test": 442_423},
    vocabulary=50,
    description="Penn Treebank as plain characters, 50 symbols with the line end.",
    homepage="https://aclanthology.org/J93-2004",
    citation="Mikolov et al. 2012, Subword language modeling with neural networks",
    license="Penn Treebank text (LDC), free for research only; the address gives no terms of its own.",
)


@gives("tokens")
def load(*, mirror: Path | None, cache: Path) -> Corpus:
    """Load Penn Treebank as characters, in the version of Mikolov; see `CARD`."""
    return load_public(CARD, mirror, cache)
