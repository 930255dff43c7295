"""Files as nobody should give them, and what is said of each."""

from __future__ import annotations

import datetime
import gzip
import io
import pickle
import random
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Planted:
    """Unpickled, it would leave a file in the working directory."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path("unpickled").touch, ()


class Case(NamedTuple):
    """A file, or several, the settings that name it and a pattern of the one message."""

    settings: tuple[str, ...]
    files: Mapping[str, bytes]
    message: str


TEXT = ("data=text_file", "data.path=own")
LABELS = ("task=sentiment", "data=text_csv", "data.path=own")
NAMED = (*LABELS, "data.label_column=label")
SERIES = ("task=time_series", "data=series_csv", "data.path=own")


def series(rows: int = 120, **lines: str) -> bytes:
    """Return a table of days and numbers; `r7="x,1"` replaces row 7, an empty text takes it out."""
    start = datetime.date(2024, 1, 1)
    plain = [f"{start + datetime.timedelta(row)},{row % 7}.5" for row in range(rows)]
    kept = (lines.get(f"r{row}", line) for row, line in enumerate(plain))
    return "\n".join(["date,load", *(line for line in kept if line)]).encode()


def labelled(rows: int = 60, classes: int = 2) -> bytes:
    """Return a table of texts and classes."""
    lines = (f"text number {row} is fine,class {row % classes}" for row in range(rows))
    return "\n".join(["text,label", *lines]).encode()


def archive() -> bytes:
    """Return a zip archive whose member would be written two folders up."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("../../escaped.csv", "a,b\n1,2\n")
    return buffer.getvalue()


def array_of_objects() -> bytes:
    """Return a NumPy archive whose array runs code when it is unpickled."""
    buffer = io.BytesIO()
    np.savez(buffer, text=np.array([Planted()], object))
    return buffer.getvalue()


def bomb() -> bytes:
    """Return 130 kB that unpack to 128 MB."""
    return gzip.compress(bytes(2**27), compresslevel=9)


REFUSED: dict[str, Case] = {
    "no file": Case(TEXT, {}, r"data\.path: there is no file .*own"),
    "empty file": Case(TEXT, {"own": b""}, "own is empty, expected text"),
    "one short line": Case(TEXT, {"own": b"ab\n"}, r"split has \d symbols, expected at least 10"),
    "too short for the batches": Case(TEXT, {"own": b"a word or two\n" * 20}, r"Lower either of them"),
    "random bytes": Case(
        TEXT, {"own": bytes(random.Random(0).choices(range(128, 256), k=3000))}, "is not UTF-8 .* cannot be guessed"
    ),
    "not in the said encoding": Case(
        (*TEXT, "data.encoding=utf-8"), {"own": "für".encode("cp1252") * 99}, "is not utf-8: byte 0xfc at offset 1"
    ),
    "NUL bytes": Case(TEXT, {"own": b"some text\0and more " * 99}, r"looks binary \(byte 0x00 at offset 9\)"),
    "no such home": Case(("data=text_file", 'data.path="~nobody-of-this-name/own"'), {}, "There is no such user"),
    "pickle for a text": Case(TEXT, {"own": pickle.dumps(Planted())}, "looks binary"),
    "pickle for a table": Case(SERIES, {"own": pickle.dumps(Planted())}, "looks binary"),
    "arrays that run code": Case(LABELS, {"own": array_of_objects()}, "is a zip archive or a workbook"),
    "archive with a way out": Case(LABELS, {"own": archive()}, "is a zip archive or a workbook"),
    "decompression bomb": Case(SERIES, {"own": bomb()}, "unpacks to more than .* unpack it yourself"),
    "damaged gzip": Case(LABELS, {"own": gzip.compress(labelled())[:-20]}, "cannot be unpacked as gzip"),
    "empty table": Case(LABELS, {"own": b"\n \n"}, "is empty, expected a table"),
    "header alone": Case((*SERIES, "data.header=true"), {"own": b"date,load\n"}, "has a header and no rows below it"),
    "one class": Case(NAMED, {"own": labelled(classes=1)}, "the class 'class 0' alone"),
    "a class per row": Case(NAMED, {"own": labelled(60, 60)}, "60 different labels in 60"),
    "missing label": Case(LABELS, {"own": labelled() + b"\nno label,"}, "1 of 61 rows have no label"),
    "label that train lacks": Case(
        (*LABELS, "data.test_path=test"),
        {"own": labelled(), "test": labelled(9, 3)},
        "3 rows have the label 'class 2', which no row of data.path has",
    ),
    "wrong delimiter": Case((*LABELS, "data.delimiter=tab"), {"own": labelled()}, "label_column: found nothing"),
    "ragged row": Case(LABELS, {"own": labelled() + b"\na,b,c"}, "line 62 has 3 cells, expected 2"),
    "quote without end": Case(LABELS, {"own": labelled() + b'\n"a,b\nc,d,e'}, "the row after line 61 cannot be read"),
    "two columns of one name": Case(SERIES, {"own": b"a,a\n" + b"1,2\n" * 99}, "have the same name 'a'"),
    "text among numbers": Case(SERIES, {"own": series(r7="2024-01-08,many")}, "line 9: 'many' is no number"),
    "infinite cell": Case(SERIES, {"own": series(r7="2024-01-08,inf")}, "line 9: 'inf' is no number"),
    "value beyond all scale": Case(
        SERIES, {"own": series(r110="2024-04-20,1e300")}, "column .load.: the value 1e\\+300 lies"
    ),
    "values too large to be squared": Case(SERIES, {"own": series(r7="2024-01-08,1e200")}, "too large to be squared"),
    "no column of numbers": Case(SERIES, {"own": labelled()}, "holds numbers to forecast, expected at least one"),
    "time that comes twice": Case(SERIES, {"own": series(r7="2024-01-07,1")}, "stands on the lines 8 and 9"),
    "date that does not exist": Case(SERIES, {"own": series(r7="2024-02-30,1")}, "'2024-02-30' is no time like the"),
    "shorter than context and horizon": Case(
        (*SERIES, "data.context=90", "data.horizon=10"), {"own": series()}, "84 of 120 rows, expected at least 100"
    ),
    "nothing to score": Case(
        SERIES,
        {"own": re.sub(rb"(2024-04-\d\d,).*", rb"\1", series())},
        "none of the 24 rows of test has a target value",
    ),
}
