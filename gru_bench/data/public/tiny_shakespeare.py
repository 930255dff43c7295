"""Tiny Shakespeare: 1.1 million characters of plays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gru_bench.data.files.download import RemoteFile
from gru_bench.data.public.public_text import Card, load_public
from gru_bench.data.source import gives
from gru_bench.data.tokens.corpus import Corpus


def cut_in_order(sources: Mapping[str, str]) -> dict[str, str]:
    """Split the text as tensorflow-datasets does: 90, 5 and 5 percent of the characters, in order."""
    text = sources["all"]
    first = int(len(text) * 0.9)
    second = first + int((len(text) - first) * 0.5)
    return {"train": text[:first], "valid": text[first:second], "test": text[second:]}


CARD = Card(
    name="tiny_shakespeare",
    files={
        "all": RemoteFile(
            path="tiny_shakespeare/input.txt",
            url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            size=1115394,
            sha256=("86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",),
        ),
    },
    cut=cut_in_order,
    level="char",
    symbols={"train": 1_003_854, "valid": 55_770, "test": 55_770},
    vocabulary=65,
    description="Plays of Shakespeare as characters.",
    homepage="https://github.com/karpathy/char-rnn",
    citation="Karpathy 2015, The Unreasonable Effectiveness of Recurrent Neural Networks",
    license="public domain; the repository is under the MIT license",
)


@gives("tokens")
def load(*, mirror: Path | None, cache: Path) -> Corpus:
    """Load Tiny Shakespeare; see `CARD`."""
    return load_public(CARD, mirror, cache)
