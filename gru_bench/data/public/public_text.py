"""Public texts for language modelling, each described by a card and read from its published files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gru_bench.data.data_set import SPLITS
from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.tokens.corpus import Corpus, encode_splits, make_corpus
from gru_bench.data.tokens.vocabulary import Vocabulary, words
from gru_bench.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Card:
    """A public text.

    Attributes:
        name: name of the data set.
        level: the unit of the stream.
        files: source files by name, for `cut`.
        cut: from the decoded source files to the text of `train`, `valid` and `test`.
        symbols: expected number of symbols of each split; words include one `<eos>` per line.
        vocabulary: expected number of different symbols in train.
        description: a short description.
        homepage: its web page.
        citation: the reference to cite.
        license: terms of use.
    """

    name: str
    level: Literal["word", "char"]
    files: Mapping[str, RemoteFile]
    cut: Callable[[Mapping[str, str]], Mapping[str, str]] = dict
    symbols: Mapping[str, int]
    vocabulary: int
    description: str
    homepage: str
    citation: str
    license: str


def load_public(card: Card, mirror: Path | None, cache: Path) -> Corpus:
    """Load a public text from the mirror, the cache or the network.

    Raises:
        DataError: a source file is missing or wrong, or the counts are not the expected ones.
    """
    sources = fetch(card.files, mirror, cache)
    texts = card.cut({name: content.decode("utf-8") for name, content in sources.items()})
    symbols = {split: words(texts[split]) if card.level == "word" else texts[split] for split in SPLITS}
    vocabulary = {"word": Vocabulary.of_words, "char": Vocabulary.of_characters}[card.level](symbols["train"])
    vocabulary, tokens, unknown = encode_splits(vocabulary, symbols)
    counts = ({split: int(ids.size) for split, ids in tokens.items()}, vocabulary.size)
    if counts != (dict(card.symbols), card.vocabulary):
        raise DataError(
            f"data={card.name}: found {counts} symbols and vocabulary, expected {card.symbols}, {card.vocabulary}"
        )
    digests = {file.path: file.sha256[0] for file in card.files.values()}
    return make_corpus(card.name, vocabulary, tokens, {"source_sha256": digests, **unknown})
