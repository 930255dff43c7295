"""WikiText-2: Wikipedia articles as words, `<unk>` already in place."""

from __future__ import annotations

from pathlib import Path

from gru_bench.data.files.download import RemoteFile
from gru_bench.data.public.public_text import Card, load_public
from gru_bench.data.source import gives
from gru_bench.data.tokens.corpus import Corpus

CARD = Card(
    name="wikitext2",
    files={
        "train": RemoteFile(
            path="wikitext2/train.txt",
            url="https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2/train.txt",
            size=10797148,
            sha256=("9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f",),
            packed_sha256=("0c202e0b5d919429261b7291d9b5998f0db680c0a6700c0ff2a886d0abe055d4",),
        ),
        "valid": RemoteFile(
            path="wikitext2/valid.txt",
            url="https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2/valid.txt",
            size=1121681,
            sha256=("f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",),
        ),
        "test": RemoteFile(
            path="wikitext2/test.txt",
            url="https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2/test.txt",
            size=1256449,
            sha256=("d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",),
        ),
    },
    level="word",
    symbols={"train": 2_088_628, "valid": 217_646, "test": 245_569},
    vocabulary=33_278,
    description="WikiText-2, tokens separated by blanks; every line, also an empty one, ends in <eos>.",
    homepage="https://arxiv.org/abs/1609.07843",
    citation="Merity et al. 2016, Pointer Sentinel Mixture Models, arXiv:1609.07843",
    license="CC BY-SA",
)


@gives("tokens")
def load(*, mirror: Path | None, cache: Path) -> Corpus:
    """Load WikiText-2; see `CARD`."""
    return load_public(CARD, mirror, cache)
