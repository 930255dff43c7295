"""The source files of the interpreter's standard library, as bytes: real text on any machine."""

from __future__ import annotations

import hashlib
import platform
import sysconfig
from pathlib import Path
from typing import Annotated

from gru_bench.data.data_set import SPLITS
from gru_bench.data.source import gives
from gru_bench.data.tokens.corpus import Corpus, make_corpus
from gru_bench.data.tokens.vocabulary import Vocabulary
from gru_bench.errors import DataError
from gru_bench.validation import Range

SKIPPED = frozenset({"site-packages", "dist-packages", "test", "tests", "idle_test", "pydoc_data", "__pycache__"})
HELD_OUT = {0: "valid", 1: "test"}  # of ten equally likely remainders; the others are train


@gives("tokens")
def load(
    *, mirror: Path | None, cache: Path, max_bytes: Annotated[int, Range(low=50_000, high=100_000_000)] = 2_000_000
) -> Corpus:
    """Read the standard library, without its tests and installed packages.

    Whole files are taken in the order of a hash of their path, up to `max_bytes`; the hash also assigns a file to train
    (8 of 10), valid or test. Within a split files are in the order of their paths.

    Args:
        mirror: unused.
        cache: unused.
        max_bytes: maximum total size.

    Raises:
        DataError: the interpreter has no source files, one cannot be read, or a split is empty.
    """
    library = Path(sysconfig.get_paths()["stdlib"])
    splits = {split: bytearray() for split in SPLITS}
    files = _choose(library, max_bytes)
    for name in sorted(files):
        splits[_split(name)] += files[name]
    version = platform.python_version()
    missing = [split for split, content in splits.items() if not content]
    if missing:
        raise DataError(
            f"data=python_source: no file for {' and '.join(missing)} among {len(files)} source files of Python "
            f"{version} in {library} with data.max_bytes={max_bytes}. Raise data.max_bytes, or use data=reber."
        )
    vocabulary = Vocabulary.of_bytes()
    tokens = {split: vocabulary.encode(bytes(content)) for split, content in splits.items()}
    facts = {"python": version, "files": len(files), "bytes": sum(map(len, files.values()))}
    return make_corpus("python_source", vocabulary, tokens, facts)


def _key(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()


def _split(name: str) -> str:
    return HELD_OUT.get(_key(name)[-1] % 10, "train")


def _choose(library: Path, max_bytes: int) -> dict[str, bytes]:
    names = {
        path.relative_to(library).as_posix(): path
        for path in library.rglob("*.py")
        if SKIPPED.isdisjoint(path.relative_to(library).parts)
    }
    chosen: dict[str, bytes] = {}
    free = max_bytes
    for name in sorted(names, key=_key):
        try:
            content = names[name].read_bytes()
        except OSError as error:
            raise DataError(f"data=python_source: cannot read {names[name]}: {error.strerror}.") from error
        if len(content) > free:
            break
        chosen[name] = content
        free -= len(content)
    return chosen
