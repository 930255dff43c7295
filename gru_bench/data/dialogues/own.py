"""A user's dialogues: a text file with one dialogue per line, or a table with one turn per row."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gru_bench.data.dialogues.dialogues import (
    Dialogue,
    DialogueForm,
    Dialogues,
    Turns,
    WindowSize,
    all_exchanges,
    make_dialogues,
)
from gru_bench.data.files.columns import Column, role_columns
from gru_bench.data.files.tables import Layout, read_table, read_unpacked
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
        DataError: a file is missing or broken, a turn is blank, or there are fewer than two turns to a dialogue.
    """
    reading = {
        "separator": separator,
        "dialogue_column": dialogue_column,
        "text_column": text_column,
        "delimiter": delimiter,
        "encoding": encoding,
    }
    if not separator:
        raise ConfigError("data.separator", separator, "the text between two turns of a line, such as __eou__ or |")
    dialogues: dict[str, Sequence[Dialogue]] = {}
    for split, place in {"valid": valid_path, "test": test_path}.items():
        if place is not None:
            dialogues[split] = read_dialogues(Path(place), reading, f"data.{split}_path")
    wanted = {"valid": valid_fraction, "test": test_fraction}
    shares = {split: share for split, share in wanted.items() if split not in dialogues}
    dialogues |= _divided(read_dialogues(Path(path), reading, "data.path"), shares, split_seed, f"data.path: {path}")
    _warn_of_copies(dialogues)
    return make_dialogues(
        "dialogue_file",
        {split: all_exchanges(part, turns) for split, part in dialogues.items()},
        turns=turns,
        turn_length=turn_length,
        lowercase=lowercase,
        min_count=min_count,
        max_vocabulary=max_vocabulary,
        reading=reading,
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
    return all_exchanges(read_dialogues(path, form.reading or {"separator": "__eou__"}, key), form.turns)


def read_dialogues(path: Path, reading: Any, key: str) -> list[Turns]:
    """Read the dialogues of a file.

    Args:
        path: the file, may be gzipped.
        reading: the separator, the columns, the delimiter and the encoding; see `load`.
        key: the setting or argument that names the file, for messages.

    Raises:
        ConfigError: there is no such column, or it must be named.
        DataError: see `load`.
    """
    endings = [ending.lower() for ending in path.suffixes if ending.lower() != ".gz"]
    if endings and endings[-1] in TABLE_ENDINGS:
        dialogues = _from_table(path, reading, key)
    else:
        dialogues = _from_lines(path, reading, key)
    if all(len(turns) < 2 for turns in dialogues.values()):
        raise DataError(
            f"{key}: {path}: found {len(dialogues):,} dialogues of a single turn, expected at least two turns to a "
            f"dialogue. {'Name the columns.' if len(dialogues) > 1 and endings[-1:] == ['.csv'] else _hint(reading)}"
        )
    for place, turns in dialogues.items():
        if not all(turn.strip() for turn in turns):
            number = next(number for number, turn in enumerate(turns, 1) if not turn.strip())
            raise DataError(f"{key}: {path}, {place}: turn {number} is blank, expected text. Remove or fill it.")
    return list(dialogues.values())


def _hint(reading: Any) -> str:
    return f"Turns are separated by {reading['separator']!r}: data.separator= changes that."


def _from_lines(path: Path, reading: Any, key: str) -> dict[str, Turns]:
    text, _ = decode(read_unpacked(path, key), reading.get("encoding", "auto"), str(path), key)
    separator = reading["separator"].replace("\\t", "\t")
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


def _from_table(path: Path, reading: Any, key: str) -> dict[str, Turns]:
    frame = read_table(path, Layout(delimiter=reading["delimiter"], encoding=reading["encoding"]), key=key)
    names, turns = role_columns(frame, reading, {"dialogue_column": DIALOGUE_NAMES, "text_column": TURN_NAMES}, key)
    dialogues: dict[str, list[str]] = {}
    for name, turn in zip(frame[names], frame[turns], strict=True):
        dialogues.setdefault(f"dialogue {name}", []).append(turn)
    return {name: tuple(rows) for name, rows in dialogues.items()}


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
