"""A user's pairs of texts: a table, or two text files whose lines belong together."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gru_bench.data.files.columns import Column, column_names, find_column
from gru_bench.data.files.headers import has_header, holds_numbers
from gru_bench.data.files.known_tables import read_in_layout
from gru_bench.data.files.table_rows import SAMPLE_ROWS
from gru_bench.data.files.tables import Layout, SkippedRows, layout_of, place_name, read_lines, skipped_rows
from gru_bench.data.files.text import read_file
from gru_bench.data.pairs.codec import Level, normalised
from gru_bench.data.pairs.pairs import PairForm, Pairs, make_pairs
from gru_bench.data.pairs.scores import Tokeniser
from gru_bench.data.source import gives
from gru_bench.data.texts.splits import count_copies, cut_by_class
from gru_bench.data.tokens.text_file import Size
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import HeldOutFraction, Natural, Positive

log = logging.getLogger(__name__)

SOURCE_NAMES = frozenset("source src input question prompt".split())
TARGET_NAMES = frozenset("target tgt trg output answer reply translation reference".split())
_LANGUAGE = re.compile(
    r"(?!id\b|no\b)[a-z]{2}([-_][a-z]{2})?"
    r"|(\w+[_ ])?(english|german|french|spanish|italian|dutch|russian|chinese|japanese)([_ ]\w+)?"
)
Sides = tuple[list[str], list[str]]


@dataclass(frozen=True, kw_only=True)
class PairLayout(Layout):
    """The layout of a table of pairs.

    Attributes:
        source_column: name of the column of sources, or its number, from 1; None detects it.
        target_column: name of the column of targets, or its number; None detects it.
    """

    source_column: Column = None
    target_column: Column = None


@gives("pairs")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    path: str,
    target_path: str | None = None,
    source_column: Column = None,
    target_column: Column = None,
    delimiter: str | None = None,
    encoding: str = "auto",
    header: bool | None = None,
    skip_rows: SkippedRows | None = None,
    valid_path: str | None = None,
    valid_target_path: str | None = None,
    test_path: str | None = None,
    test_target_path: str | None = None,
    valid_fraction: HeldOutFraction = 0.1,
    test_fraction: HeldOutFraction = 0.1,
    split_seed: Natural = 0,
    level: Level = "word",
    lowercase: bool = False,
    min_count: Positive = 2,
    max_vocabulary: Size | None = 20_000,
    tokeniser: Tokeniser = "13a",
) -> Pairs:
    """Read pairs of texts; splits without a file are random samples, and copies of a source are in one split.

    Args:
        mirror: unused.
        cache: unused.
        path: a table of pairs, may be gzipped; with `target_path`, a text file with one source per line.
        target_path: a text file with the target of each line of `path`.
        source_column: the column of sources, by name or number, from 1; null detects it.
        target_column: the column of targets, likewise.
        delimiter: one character, or `tab`; null detects it.
        encoding: the encoding, or `auto`: byte order mark, else UTF-8, else the best guess.
        header: whether the first row names the columns; null: it does if two names are known ones, or if it differs
            from the rows below.
        skip_rows: number of lines to skip at the top, or a list of line numbers to skip, from 1; null skips titles and
            comments above a header.
        valid_path: pairs for validation, in the form of `path`.
        valid_target_path: their targets, with `target_path`.
        test_path: pairs for test, in the form of `path`.
        test_target_path: their targets, with `target_path`.
        valid_fraction: share of `path` for validation, if `valid_path` is null.
        test_fraction: share of `path` for test, if `test_path` is null.
        split_seed: seed of these samples.
        level: words with punctuation marks apart, characters or subwords.
        lowercase: whether texts are read, written and scored in lower case.
        min_count: rarer words or characters of train become `<unk>`.
        max_vocabulary: maximum number of symbols of each side.
        tokeniser: how BLEU splits texts: 13a for most languages, zh for Chinese, char for Japanese and others.

    Raises:
        ConfigError: there is no such column or encoding, a file of targets is missing, or `max_vocabulary` does not
            suit the texts.
        DataError: a file is missing or broken, sources and targets differ in number, or too few pairs are left.
    """
    layout = PairLayout(
        delimiter=delimiter,
        encoding=encoding,
        header=header,
        skip_rows=skipped_rows(skip_rows),
        source_column=source_column,
        target_column=target_column,
    )
    files = {
        "all": ("path", path, target_path),
        "valid": ("valid_path", valid_path, valid_target_path),
        "test": ("test_path", test_path, test_target_path),
    }
    sides: dict[str, Sides] = {}
    for split, (key, place, targets) in files.items():
        if (targets is None) != (target_path is None or place is None):
            name = f"data.{key.replace('path', 'target_path')}"
            raise ConfigError(name, targets, f"a file if data.target_path and data.{key} are files, else null")
        if place is not None:
            sides[split], layout = _read(Path(place), targets and Path(targets), layout, f"data.{key}")
    shares = {"valid": valid_fraction, "test": test_fraction}
    fractions = {split: share for split, share in shares.items() if split not in sides}
    copies = [normalised(text, lowercase) for text in sides["all"][0]]
    places = cut_by_class(copies, [0] * len(copies), fractions, split_seed)
    whole = sides.pop("all")
    for split, chosen in places.items():
        sides[split] = [whole[0][place] for place in chosen], [whole[1][place] for place in chosen]
    joined = {split: [f"{one}\t{two}" for one, two in zip(*both, strict=True)] for split, both in sides.items()}
    return make_pairs(
        "pairs_file",
        sides,
        level=level,
        lowercase=lowercase,
        min_count=min_count,
        max_vocabulary=max_vocabulary,
        tokeniser=tokeniser,
        reading=asdict(layout),
        facts={
            "file_sha256": hashlib.sha256(read_file(path)).hexdigest(),
            "drawn_from_path": list(fractions),
            "copies": count_copies(joined, lambda pair: normalised(pair, lowercase)),
        },
    )


def read_pairs(path: Path, form: PairForm, key: str) -> Sides:
    """Read a table of pairs in the layout of the training data, or in any layout if that was two text files.

    Raises:
        ConfigError: there is no such column.
        DataError: the file is missing or broken, or has no pairs.
    """
    return _read(path, None, PairLayout.from_dict(form.reading), key)[0]


def read_sources(path: Path, key: str) -> list[str]:
    """Read texts, one per line.

    Args:
        path: the file, may be gzipped; `-` is standard input.
        key: the argument that names it, for messages.

    Raises:
        DataError: the file is missing or broken.
    """
    return read_lines(path, key)


def _read(path: Path, targets: Path | None, layout: PairLayout, key: str) -> tuple[Sides, PairLayout]:
    """Return both sides of a table or of two files, and the complete layout of a table."""
    if targets is None:
        sides, layout = _read_table(path, layout, key)
    else:
        sides = read_lines(path, key, layout.encoding), read_lines(targets, key, layout.encoding)
        if len(sides[0]) != len(sides[1]):
            raise DataError(
                f"{key}: {path} has {len(sides[0]):,} lines and {targets} has {len(sides[1]):,}, expected as many: "
                "line n of one belongs to line n of the other."
            )
    kept = [pair for pair in zip(*sides, strict=True) if all(text.strip() for text in pair)]
    if not kept:
        raise DataError(f"{key}: {place_name(path)} has no pair of two texts, expected at least one.")
    if len(kept) < len(sides[0]):
        log.warning("%s: %s pairs with a blank side are left out.", place_name(path), f"{len(sides[0]) - len(kept):,}")
    return ([one for one, _ in kept], [two for _, two in kept]), layout


def _read_table(path: Path, layout: PairLayout, key: str) -> tuple[Sides, PairLayout]:
    frame = read_in_layout(path, layout, (layout.source_column, layout.target_column), key=key, is_header=_is_header)
    names = column_names(frame)
    if len(names) < 2:
        hint = "For two files of one text per line, set data.target_path=." if key.startswith("data.") else ""
        expected = "expected two columns, of sources and targets, divided by tabs, commas or the like"
        raise DataError(f"{key}: {place_name(path)} has one column, {expected}. {hint}".rstrip())
    prefix = "data." if key.startswith("data.") else ""
    wanted = {"source": layout.source_column, "target": layout.target_column}
    chosen = {
        side: None if column is None else find_column(names, column, f"{prefix}{side}_column")
        for side, column in wanted.items()
    }
    numbers = [name for name in names if holds_numbers(list(frame[name]))]
    source, target = _complete(names, chosen, numbers if len(names) - len(numbers) > 1 else [])
    log.info("%s: sources are column %r, targets column %r.", place_name(path), source, target)
    layout = replace(layout, **layout_of(frame), source_column=source, target_column=target)
    return (list(frame[source]), list(frame[target])), layout


def _is_header(cells: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row names the columns.

    It does if two of its cells are known names. Any other header must not be a pair of short texts: it stands above a
    column of numbers, or has single words where most rows below have texts.
    """
    known = [
        name for name in map(str.casefold, cells[0]) if name in SOURCE_NAMES | TARGET_NAMES or _LANGUAGE.fullmatch(name)
    ]
    head, *below = cells[: SAMPLE_ROWS + 1]
    short = [row for row in below if _single_words(row)]
    differs = any(map(holds_numbers, zip(*below, strict=True))) or (
        _single_words(head) and 10 * len(short) < len(below)
    )
    return len(known) >= 2 or (differs and has_header(cells))


def _single_words(row: Sequence[str]) -> bool:
    return all(map(str.isidentifier, row))


def _complete(names: Sequence[str], chosen: Mapping[str, str | None], numbers: Sequence[str]) -> tuple[str, str]:
    """Return the columns of sources and targets: chosen, else the best names among the columns that are left."""
    source, target = chosen["source"], chosen["target"]
    free = [name for name in names if name not in (source, target)]

    def best(wanted: frozenset[str], other: frozenset[str]) -> str:
        """Choose a column of a wanted name, else of a language, else the first of texts; the other side's come last."""
        ranks = [
            (
                name.casefold() in other,
                name.casefold() not in wanted,
                not _LANGUAGE.fullmatch(name.casefold()),
                name in numbers,
            )
            for name in free
        ]
        return free.pop(ranks.index(min(ranks)))

    source = best(SOURCE_NAMES, TARGET_NAMES) if source is None else source
    return source, best(TARGET_NAMES, SOURCE_NAMES) if target is None else target
