"""A user's file in CoNLL columns: a word and its tag a line, an empty line between sentences."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gru_bench.data.files.tables import place_name, read_unpacked
from gru_bench.data.files.text import decode
from gru_bench.data.source import gives
from gru_bench.data.tagged.tagged import Sentence, TaggedTexts, make_tagged
from gru_bench.data.texts.splits import cut_by_class
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import HeldOutFraction, Natural, Positive

LABEL_COMMENTS = ("intent", "label", "class")
UPOS = 4  # the column of CoNLL-U that is read by default
_COMMENT = re.compile(r"#\s*([^:=]+?)\s*[:=]\s*(.*)")
_NO_WORD = re.compile(r"\d+[-.]\d+")  # number of a range or an empty word of CoNLL-U


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of a file, numbered from 1, and the comment with the class of a sentence.

    Attributes:
        word: column of the words; None: the first, or the second if the first one numbers the words.
        tag: column of the tags; None: the last, or the fourth (UPOS) of the ten columns of CoNLL-U.
        label: name of the comment `# name: class` above a sentence; None: `intent`, `label` or `class`, if there is
            one.
    """

    word: int | None = None
    tag: int | None = None
    label: str | None = None


@gives("tagged_texts")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    path: str,
    word_column: Positive | None = None,
    tag_column: Positive | None = None,
    label_comment: str | None = None,
    encoding: str = "auto",
    valid_path: str | None = None,
    test_path: str | None = None,
    valid_fraction: HeldOutFraction = 0.1,
    test_fraction: HeldOutFraction = 0.1,
    split_seed: Natural = 0,
    min_count: Positive = 1,
    lowercase: bool = False,
) -> TaggedTexts:
    """Read sentences in CoNLL columns; splits without a file are random samples, copies of a sentence in one split.

    Columns are separated by tabs, else by blanks. Comments (`#`) and `-DOCSTART-` lines are skipped; ranges and empty
    words of CoNLL-U (`3-4`, `5.1`), too, where the first column numbers the words.

    Args:
        mirror: unused.
        cache: unused.
        path: the file, relative to the working directory; `~` is the home folder.
        word_column: column of the words, from 1; null: the first, or the second if the first one numbers the words.
        tag_column: column of the tags; null: the last, or the fourth (UPOS) of the ten columns of CoNLL-U.
        label_comment: name of the comment `# name: class` with the class of a sentence; null: `intent`, `label` or
            `class`, if there is one.
        encoding: the encoding, or `auto`: byte order mark, else UTF-8, else the best guess.
        valid_path: a file for validation, with the same columns.
        test_path: a file for test, with the same columns.
        valid_fraction: share of `path` for validation, if `valid_path` is null.
        test_fraction: share of `path` for test, if `test_path` is null.
        split_seed: seed of these samples.
        min_count: rarer words of train become `<unk>`.
        lowercase: whether words are read in lower case.

    Raises:
        ConfigError: there is no such column.
        DataError: a file is missing or malformed, or a held-out split has a tag that train lacks.
    """
    columns = Columns(word=word_column, tag=tag_column, label=label_comment)
    parts = {"data.path": path, "data.valid_path": valid_path, "data.test_path": test_path}
    read: dict[str, list[Sentence]] = {}
    for key, place in parts.items():
        if place is not None:
            read[key], columns = read_conll(Path(place), columns, key, encoding)
    wanted = {"valid": valid_fraction, "test": test_fraction}
    fractions = {split: share for split, share in wanted.items() if f"data.{split}_path" not in read}
    whole = read["data.path"]
    places = cut_by_class([one.words for one in whole], [0] * len(whole), fractions, split_seed)
    sentences = {split: [whole[place] for place in chosen] for split, chosen in places.items()}
    sentences |= {split: read[f"data.{split}_path"] for split in wanted if split not in sentences}
    facts = {
        "file_sha256": hashlib.sha256(read_unpacked(Path(path), "data.path")).hexdigest(),
        "drawn_from_path": list(fractions),
        "columns": asdict(columns),
    }
    return make_tagged(
        "conll_file", sentences, min_count=min_count, lowercase=lowercase, reading=asdict(columns), facts=facts
    )


def read_conll(
    path: Path, columns: Columns, key: str, encoding: str = "auto", prefix: str = "data."
) -> tuple[list[Sentence], Columns]:
    """Read the sentences of a file; `-` is standard input.

    Args:
        path: the file, may be gzipped.
        columns: the columns; those that are None are detected.
        key: the setting or argument that names the file, for messages.
        encoding: a codec, or `auto`.
        prefix: of the settings of the columns, for messages.

    Returns:
        The sentences, and the columns as read.

    Raises:
        ConfigError: the file has no such column.
        DataError: it is missing, has no sentence, or a line is malformed (the message names it).
    """
    name = f"{key}: {place_name(path)}"
    text, _ = decode(read_unpacked(path, key), encoding, place_name(path), key)
    blocks = _blocks(text, name)
    if not blocks:
        raise DataError(f"{name}: found no sentence, expected a word and its tag a line, and empty lines between.")
    width, numbered = len(blocks[0].rows[0]), _numbered(blocks)
    columns = _detected(columns, blocks, width, numbered, prefix)
    word, tag = (columns.word or 1) - 1, (columns.tag or width) - 1
    sentences = []
    for block in blocks:
        rows = [row for row in block.rows if not (numbered and _NO_WORD.fullmatch(row[0]))]
        label = block.comments.get(columns.label or "", "")
        if columns.label and not label:
            raise DataError(
                f"{name}, line {block.line}: the sentence has no comment `# {columns.label}: ...`, as others have. Add "
                "it to each sentence."
            )
        if not rows:
            raise DataError(f"{name}, line {block.line}: found a sentence without words. Add them, or delete it.")
        sentences.append(Sentence(tuple(row[word] for row in rows), tuple(row[tag] for row in rows), label))
    return sentences, columns


@dataclass(frozen=True)
class _Block:
    """The lines of a sentence: its comments by name, and its rows; `line` is the number of its first one."""

    line: int
    comments: dict[str, str]
    rows: list[list[str]]


def _blocks(text: str, name: str) -> list[_Block]:
    lines = [line.strip(" \t") if line.strip() else "" for line in text.split("\n")]
    plain = [line for line in lines if line and not line.startswith(("#", "-DOCSTART-"))]
    tabs = 2 * sum("\t" in line for line in plain) > len(plain)
    divide = re.compile("\t" if tabs else "[ \t]+").split
    width = len(divide(plain[0])) if plain else 0
    blocks, comments, rows, first = [], {}, [], 1
    for number, line in enumerate([*lines, ""], 1):
        cells = [cell.strip() for cell in divide(line)]
        comment = _COMMENT.fullmatch(line)
        above = not rows and (len(cells) != width or (comment and not tabs))
        if line.startswith("#") and (above or (tabs and len(cells) == 1)):
            if comment:
                comments[comment[1].casefold()] = comment[2]
        elif line.startswith("-DOCSTART-"):
            continue
        elif line:
            first = first if rows else number
            rows.append(cells)
            if len(cells) != width or width < 2:
                raise DataError(
                    f"{name}, line {number}: found {len(cells)} columns, expected "
                    f"{f'{width} as in the first sentence' if width > 1 else 'a word and its tag'}, separated by "
                    f"{'tabs' if tabs else 'blanks'}: {line[:60]!r}."
                )
        elif rows:
            blocks.append(_Block(first, comments, rows))
            comments, rows = {}, []
    return _without_titles(blocks)


def _without_titles(blocks: list[_Block]) -> list[_Block]:
    """Drop first lines such as `# sentence`: most sentences have one, and what stands for its tag is no other tag."""
    starts = [int(block.rows[0][0] == "#") for block in blocks]
    titles = {block.rows[0][-1] for block, start in zip(blocks, starts, strict=True) if start}
    tags = {row[-1] for block, start in zip(blocks, starts, strict=True) for row in block.rows[start:]}
    if sum(starts) < 2 or 2 * sum(starts) < len(blocks) or titles & tags:
        return blocks
    below = [replace(block, rows=block.rows[start:]) for block, start in zip(blocks, starts, strict=True)]
    return [block for block in below if block.rows]


def _numbered(blocks: Sequence[_Block]) -> bool:
    """Return whether the first of three or more columns numbers the words of most sentences, from 1 or 0."""
    counts = 0
    for block in blocks:
        numbers = [row[0] for row in block.rows if not _NO_WORD.fullmatch(row[0])]
        counts += numbers in ([str(first + place) for place in range(len(numbers) or 1)] for first in (0, 1))
    return len(blocks[0].rows[0]) > 2 and 2 * counts > len(blocks)


def _detected(columns: Columns, blocks: Sequence[_Block], width: int, numbered: bool, prefix: str) -> Columns:
    """Return the columns with those that are None replaced.

    Raises:
        ConfigError: there is no such column.
    """
    chosen: dict[str, Any] = {
        "word": columns.word or (2 if numbered else 1),
        "tag": columns.tag or (UPOS if width == 10 else width),
    }
    for name, number in chosen.items():
        if number > width:
            raise ConfigError(f"{prefix}{name}_column", number, f"a column from 1 to {width}: the file has {width}")
    named = {name for block in blocks for name in block.comments}
    chosen["label"] = columns.label or next((name for name in LABEL_COMMENTS if name in named), None)
    return replace(columns, **chosen)
