"""Labels of texts in tables: missing ones, the order of the classes, and labels of further files."""

from __future__ import annotations

import logging
import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from gru_bench.data.files.cells import MISSING
from gru_bench.errors import DataError, nearest

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

NO_LABEL = frozenset({"", "nan", "-nan", "nat", "<na>", "#n/a"})
"""Missing labels as programs write them, in upper or lower case; `none`, `NA` or `-` may be names of classes."""

MOST_CLASSES = 200
MOST_NAMED = 3  # groups of classes in a warning


def named_labels(frame: pd.DataFrame, column: str, place: str) -> list[str]:
    """Return the labels of a table.

    Args:
        frame: the table.
        column: the column of labels.
        place: the setting and the file, for messages.

    Raises:
        DataError: a label is missing.
    """
    names = list(frame[column])
    missing = [row for row, name in enumerate(names) if _visible(name).casefold() in NO_LABEL]
    if missing:
        first = missing[0]
        raise DataError(
            f"{place}: {len(missing):,} of {len(names):,} rows have no label in column {column!r}, the first one is "
            f"in line {frame.index[first]:,}, which has {names[first]!r}. Add the labels or delete the rows; rename a "
            "class of this name."
        )
    return names


def sorted_classes(names: Sequence[str]) -> list[str]:
    """Return the different names, sorted as numbers if all are numbers, else as text."""
    classes = sorted(set(names))
    numbers = {name: number for name in classes if (number := _number(name)) is not None}
    return sorted(classes, key=numbers.__getitem__) if len(numbers) == len(classes) else classes


def check_classes(classes: Sequence[str], names: Mapping[str, Sequence[str]], column: str, rows: int) -> None:
    """Check the classes of a table against the labels of each split, and warn of those that look like mistakes.

    Args:
        classes: of the training table.
        names: labels by split.
        column: the column of labels.
        rows: of the training table.

    Raises:
        DataError: there are far too many classes, or a split has an unknown label.
    """
    if len(classes) > MOST_CLASSES or (rows >= 20 and len(classes) > rows / 2):
        raise DataError(
            f"data.label_column={column}: found {len(classes):,} different labels in {rows:,} rows, expected at most "
            f"{MOST_CLASSES}, each in several rows. Name the column of the classes."
        )
    known = set(classes)
    for split, labels in names.items():
        unseen = Counter(name for name in labels if name not in known)
        if unseen:
            label, count = unseen.most_common(1)[0]
            raise DataError(
                f"data.{split}_path: {count:,} rows have the label {label!r}, which no row of data.path has; found "
                f"there: {', '.join(classes)}. {nearest(label, classes)}".rstrip()
            )
    _warn_of_doubtful(classes, column)


def warn_of_absent(classes: Sequence[str], counts: Mapping[str, Mapping[str, int]], item: str = "text") -> None:
    """Warn of classes that a held-out split lacks: its metrics do not cover them.

    Args:
        classes: names of the classes.
        counts: items by class, by split.
        item: what has a class.
    """
    for split in ("valid", "test"):
        absent = [repr(name) for name in classes if not counts[split][name]]
        if absent:
            log.warning("no %s of %s has the class %s: its metrics do not cover it", item, split, ", ".join(absent))


def match_labels(names: Sequence[str], classes: Sequence[str], column: str, place: str) -> list[int]:
    """Return the class numbers of the labels of another table.

    A label is the name of a class. All labels of a file may also differ in spelling, such as capitals or `1.0` for the
    class `1`; or, if no class is named like a number, be class numbers from 0, which is logged.

    Args:
        names: the labels.
        classes: names of the classes.
        column: the column of labels, for messages.
        place: the argument and the file, for messages.

    Raises:
        DataError: a label is not one of the classes.
    """
    for key in (str, _spelling):
        numbers = _numbered(classes, key)
        if all(key(name) in numbers for name in names):
            return [numbers[key(name)] for name in names]
    if all(_number(name) is None for name in classes):
        by_number = {str(number): number for number in range(len(classes))}
        if all(name in by_number for name in names):
            meaning = ", ".join(f"{number} = {name}" for number, name in enumerate(classes))
            log.warning("%s: the labels are read as class numbers: %s", place, meaning)
            return [by_number[name] for name in names]
    known = set(map(_spelling, classes))
    strange = next((name for name in names if _spelling(name) not in known), names[0])
    raise DataError(
        f"{place} has the label {strange!r} in column {column!r}, expected one of "
        f"{', '.join(classes)}. {nearest(strange, classes)}".rstrip()
    )


def _warn_of_doubtful(classes: Sequence[str], column: str) -> None:
    alike: defaultdict[Hashable, list[str]] = defaultdict(list)
    for name in classes:
        alike[_spelling(name)].append(repr(name))
    groups = [" and ".join(group) for group in alike.values() if len(group) > 1]
    if groups:
        log.warning(
            "data.label_column=%s: the classes %s differ only in letter case, blanks or the notation of a number; they "
            "count as different classes. If they are the same, spell them alike in the table.",
            column,
            "; ".join(groups[:MOST_NAMED]),
        )
    doubtful = [repr(name) for name in classes if name.casefold() in MISSING]
    if doubtful:
        log.warning(
            "data.label_column=%s: %s counts as a class; delete its rows from the table if it means no label",
            column,
            ", ".join(doubtful),
        )


def _numbered(classes: Sequence[str], key: Callable[[str], Hashable]) -> dict[Hashable, int]:
    """Return the number of each class by a key of its name; empty if two classes have the same key."""
    numbers = {key(name): number for number, name in enumerate(classes)}
    return numbers if len(numbers) == len(classes) else {}


def _spelling(name: str) -> Hashable:
    """Return a key that is equal for names that differ only in letter case, blanks or the notation of a number."""
    number = _number(name)
    if number is not None:
        return number
    return " ".join(_visible(unicodedata.normalize("NFKC", name)).casefold().split())


def _visible(name: str) -> str:
    """Return a name without format characters, such as zero-width spaces."""
    return name if name.isascii() else "".join(char for char in name if unicodedata.category(char) != "Cf").strip()


def _number(name: str) -> float | None:
    try:
        number = float(name)
    except ValueError:
        return None
    return None if math.isnan(number) else number
