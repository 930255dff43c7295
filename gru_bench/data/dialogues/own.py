"""A user's dialogues: a text file with one dialogue per line, or a table with one turn per row."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gru_bench.data.dialogues.dialogues import (
    Dialogue,
    DialogueForm,
    Dialogues,
    Turns,
    WindowSize,
    all_exchanges,
    make_dialogues,
)
from gru_bench.data.files.cells import is_missing
from gru_bench.data.files.columns import Column, role_columns
from gru_bench.data.files.known_tables import read_in_layout
from gru_bench.data.files.tables import Layout, SkippedRows, layout_of, read_unpacked, skipped_rows
from gru_bench.data.files.text import decode, read_file
from gru_bench.data.random import permutation
from gru_bench.data.source import gives
from gru_bench.data.texts.own import TABLE_ENDINGS
from gru_bench.data.tokens.text_file import Size
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import HeldOutFraction, Natural, Positive

log = logging.getLogger(__name__)

DIALOGUE_NAMES = frozenset(
    "dialogue dialog conversation dialogue_id dialog_id conversation_id conv_id thread id".split()
)
TURN_NAMES = frozenset("text turn utterance message content sentence line".split())


@dataclass(frozen=True, kw_only=True)
class DialogueLayout(Layout):
    """The layout of a file of dialogues: of a table, or the separator of lines.

    Attributes:
        separator: the text between two turns of a line.
        dialogue_column: name of the column that names the dialogue, or its number, from 1; None detects it.
        text_column: name of the column of turns, or its number; None detects it.
    """

    separator: str = "__eou__"
    dialogue_column: Column = None
    text_column: Column = None


@gives("dialogues")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    path: str,
    separator: str = "__eou__",
    dialogue_column: Column = None,
    text_column: Column = None,
    delimiter: str | None = None,
    encoding: str = "auto",
    header: bool | None = None,
    skip_rows: SkippedRows | None = None,
    valid_path: str | None = None,
    test_path: str | None = None,
    valid_fraction: HeldOutFraction = 0.1,
    test_fraction: HeldOutFraction = 0.1,
    split_seed: Natural = 0,
    turns: WindowSize = 3,
    turn_length: Positive = 40,
    lowercase: bool = False,
    min_count: Positive = 2,
    max_vocabulary: Size | None = 20_000,
) -> Dialogues:
    r"""Read dialogues; splits without a file are random samples of whole dialogues.

    A file that ends in .csv, .tsv or .tab is a table with one turn per row: the dialogue and the text. The rows of a
    dialogue are its turns in order. Any other file has one dialogue per line, with a separator between turns. Copies of
    a dialogue stay in one split.

    Args:
        mirror: unused.
        cache: unused.
        path: the file, relative to the working directory; `~` is the home folder.
        separator: the text between two turns of a line, such as `|` or `\\t`.
        dialogue_column: the column of a table that names the dialogue, by name or number, from 1; null detects it.
        text_column: the column of the turns, likewise.
        delimiter: one character, or `tab`; null detects it.
        encoding: the encoding, or `auto`: byte order mark, else UTF-8, else the best guess.
        header: whether the first row of a table names the columns; null detects it.
        skip_rows: of a table, the number of lines to skip at the top, or a list of line numbers to skip, from 1; null
            skips titles and comments above a header.
        valid_path: a file for validation, in the same format.
        test_path: a file for test, in the same format.
        valid_fraction: share of the dialogues for validation, if `valid_path` is null.
        test_fraction: share of the dialogues for test, if `test_path` is null.
        split_seed: seed of these samples.
        turns: number of turns before a reply that are read.
        turn_length: most words of a turn that are read; replies are never cut.
        lowercase: whether texts are read, written and scored in lower case.
        min_count: rarer words of train become `<unk>`.
        max_vocabulary: maximum number of words, `<eos>` and `<unk>` included.

    Raises:
        ConfigError: there is no such column, or it must be named; the separator is empty.
        DataError: a file is missing or broken, a turn is blank, a row of a table names no dialogue, or there are fewer
            than two turns to a dialogue.
    """
    layout = DialogueLayout(
        separator=separator,
        dialogue_column=dialogue_column,
        text_column=text_column,
        delimiter=delimiter,
        encoding=encoding,
        header=header,
        skip_rows=skipped_rows(skip_rows),
    )
    if not separator:
        raise ConfigError("data.separator", separator, "the text between two turns of a line, such as __eou__ or |")
    whole, layout = read_dialogues(Path(path), layout, "data.path")
    dialogues: dict[str, Sequence[Dialogue]] = {}
    for split, place in {"valid": valid_path, "test": test_path}.items():
        if place is not None:
            dialogues[split], _ = read_dialogues(Path(place), layout, f"data.{split}_path")
    wanted = {"valid": valid_fraction, "test": test_fraction}
    shares = {split: share for split, share in wanted.items() if split not in dialogues}
    dialogues |= _divided(whole, shares, split_seed, f"data.path: {path}")
    _warn_of_copies(dialogues)
    return make_dialogues(
        "dialogue_file",
        {split: all_exchanges(part, turns) for split, part in dialogues.items()},
        turns=turns,
        turn_length=turn_length,
        lowercase=lowercase,
        min_count=min_count,
        max_vocabulary=max_vocabulary,
        reading=asdict(layout),
        facts={
            "file_sha256": hashlib.sha256(read_file(path)).hexdigest(),
            "dialogues": {split: len(part) for split, part in dialogues.items()},
            "drawn_from_path": list(shares),
        },
    )


def read_exchanges(path: Path, form: DialogueForm, key: str) -> tuple[list[Turns], list[str]]:
    """Return the contexts and replies of another file in the format of the training data.

    Raises:
        ConfigError: there is no such column.
        DataError: see `load`.
    """
    dialogues, _ = read_dialogues(path, DialogueLayout.from_dict(form.reading), key)
    return all_exchanges(dialogues, form.turns)


def read_dialogues(path: Path, layout: DialogueLayout, key: str) -> tuple[list[Turns], DialogueLayout]:
    """Read the dialogues of a file.

    Args:
        path: the file, may be gzipped.
        layout: of the training data; without columns, the known part of it.
        key: the setting or argument that names the file, for messages.

    Returns:
        The dialogues, and the layout, complete if the file is a table.

    Raises:
        ConfigError: there is no such column, or it must be named.
        DataError: see `load`.
    """
    endings = [ending.lower() for ending in path.suffixes if ending.lower() != ".gz"]
    if endings and endings[-1] in TABLE_ENDINGS:
        dialogues, layout = _from_table(path, layout, key)
    else:
        dialogues = _from_lines(path, layout, key)
    if all(len(turns) < 2 for turns in dialogues.values()):
        raise DataError(
            f"{key}: {path}: found {len(dialogues):,} dialogues of a single turn, expected at least two turns to a "
            f"dialogue. {'Name the columns.' if len(dialogues) > 1 and endings[-1:] == ['.csv'] else _hint(layout)}"
        )
    for place, turns in dialogues.items():
        if not all(turn.strip() for turn in turns):
            number = next(number for number, turn in enumerate(turns, 1) if not turn.strip())
            raise DataError(f"{key}: {path}, {place}: turn {number} is blank, expected text. Remove or fill it.")
    return list(dialogues.values()), layout


def _hint(layout: DialogueLayout) -> str:
    return f"Turns are separated by {layout.separator!r}: data.separator= changes that."


def _from_lines(path: Path, layout: DialogueLayout, key: str) -> dict[str, Turns]:
    text, _ = decode(read_unpacked(path, key), layout.encoding, str(path), key)
    separator = layout.separator.replace("\\t", "\t")
    dialogues = {}
    for number, line in enumerate(text.split("\n"), 1):
        turns = [turn.strip() for turn in line.split(separator)]
        if turns[-1] == "":  # a separator may end the last turn as well
            turns.pop()
        if turns:
            dialogues[f"line {number}"] = tuple(turns)
    if not dialogues:
        raise DataError(f"{key}: {path}: found blank lines alone, expected one dialogue per line.")
    return dialogues


def _from_table(path: Path, layout: DialogueLayout, key: str) -> tuple[dict[str, Turns], DialogueLayout]:
    frame = read_in_layout(path, layout, (layout.dialogue_column, layout.text_column), key=key)
    known = {"dialogue_column": DIALOGUE_NAMES, "text_column": TURN_NAMES}
    names, turns = role_columns(frame, asdict(layout), known, key)
    missing = is_missing(frame[names], ())
    dialogues: dict[str, list[str]] = {}
    for line, name, turn, unknown in zip(frame.index, frame[names], frame[turns], missing, strict=True):
        if unknown:
            raise DataError(
                f"{key}: {path}, line {line}: found {name!r} in column {names!r}, expected which dialogue the turn is "
                "of. Add it or delete the row."
            )
        dialogues.setdefault(f"dialogue {name}", []).append(turn)
    complete = replace(layout, **layout_of(frame), dialogue_column=names, text_column=turns)
    return {name: tuple(rows) for name, rows in dialogues.items()}, complete


def _divided(dialogues: Sequence[Turns], shares: dict[str, float], seed: int, place: str) -> dict[str, list[Turns]]:
    """Return `train` and the splits of `shares`, with all copies of a dialogue in one split."""
    copies: dict[Turns, list[Turns]] = {}
    for turns in dialogues:
        copies.setdefault(turns, []).append(turns)
    groups = list(copies.values())
    if len(groups) <= len(shares):
        raise DataError(
            f"{place}: found {len(groups)} different dialogues, expected more than {len(shares)} to divide."
        )
    order = [groups[number] for number in permutation(seed, 0, len(groups))]
    splits: dict[str, list[Turns]] = {}
    for split, share in shares.items():
        count = max(1, round(share * len(groups)))
        splits[split], order = [turns for group in order[:count] for turns in group], order[count:]
    return {"train": [turns for group in order for turns in group], **splits}


def _warn_of_copies(dialogues: dict[str, Sequence[Dialogue]]) -> None:
    known = set(map(tuple, dialogues["train"]))
    for split in ("valid", "test"):
        count = sum(tuple(turns) in known for turns in dialogues[split])
        if count:
            log.warning("%s dialogues of %s are also in train: its metrics are too good", f"{count:,}", split)
