from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import Any

import pytest

from gru_bench.data.pairs.own import load, read_pairs, read_sources
from gru_bench.data.pairs.pairs import Pairs
from gru_bench.errors import ConfigError, DataError, UserError

ROWS = [(f"source {number}", f"target {number}") for number in range(20)]


def read(folder: Path, **settings: Any) -> Pairs:
    paths: dict[str, Any] = {name: str(folder / value) for name, value in settings.items() if name.endswith("path")}
    return load(mirror=None, cache=folder, **settings | paths)


def pairs_of(data: Pairs) -> set[tuple[str, str]]:
    splits = (data.train, data.valid, data.test)
    return {pair for split in splits for pair in zip(split.sources, split.targets, strict=True)}


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("".join(f"{one}\t{two}\n" for one, two in ROWS), {}),
        ("target,source\n" + "".join(f"{two},{one}\n" for one, two in ROWS), {}),
        ("id,de,en\n" + "".join(f"{n},{one},{two}\n" for n, (one, two) in enumerate(ROWS)), {}),
        ("".join(f"{two}\t{one}\tCC-BY\n" for one, two in ROWS), {"source_column": 2, "target_column": 1}),
        ("id,first,second\n" + "".join(f"{n},{one},{two}\n" for n, (one, two) in enumerate(ROWS)), {}),
        ("".join(f"{n},{one},{two}\n" for n, (one, two) in enumerate(ROWS)), {}),
        ("sentence\tits_form\n" + "".join(f"{one}\t{two}\n" for one, two in ROWS), {}),
        ("german_text;english_text;n\n" + "".join(f"{one};{two};x\n" for one, two in ROWS), {}),
        ("by a tool\na,b\n" + "".join(f"{one},{two}\n" for one, two in ROWS), {"skip_rows": 2, "header": False}),
        ("b;a\n" + "".join(f"{one};{two}\n" for one, two in ROWS), {"header": True, "target_column": "A"}),
    ],
)
def test_tables_as_people_have_them(tmp_path: Path, text: str, settings: dict[str, Any]):
    (tmp_path / "pairs.txt").write_text(text, encoding="utf-8")
    data = read(tmp_path, path="pairs.txt", **settings)
    assert pairs_of(data) == set(ROWS)
    assert data.facts["pairs"] == {"train": 16, "valid": 2, "test": 2}
    assert read_pairs(tmp_path / "pairs.txt", data.form, "path") == ([one for one, _ in ROWS], [two for _, two in ROWS])


def test_short_first_pairs_are_no_header(tmp_path: Path):
    for first in ("Hello\tHallo", "Resumption of the session\tWiederaufnahme der Sitzung"):
        rows = [first, *(f"W{n}\tX{n}" for n in range(5)), *(f"{one}\t{two}" for one, two in ROWS)]
        (tmp_path / "pairs.tsv").write_text("\n".join(rows), encoding="utf-8")
        assert tuple(first.split("\t")) in pairs_of(read(tmp_path, path="pairs.tsv"))


def test_other_files_are_read_in_the_direction_of_the_training_data(tmp_path: Path):
    for name, columns in (("train", ("de", "en")), ("test", ("en", "de"))):
        rows: list[dict[str, str]] = [{"de": one, "en": two} for one, two in ROWS]
        lines = [",".join(columns), *(",".join(row[column] for column in columns) for row in rows)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    data = read(tmp_path, path="train.csv", test_path="test.csv")
    assert pairs_of(data) == set(ROWS)
    assert data.test.sources == tuple(one for one, _ in ROWS)
    assert read_pairs(tmp_path / "test.csv", data.form, "path")[0] == [one for one, _ in ROWS]
    (tmp_path / "test.csv").write_text("en;de\na;b\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"data\.test_path.*delimiter ';', the training data ','"):
        read(tmp_path, path="train.csv", test_path="test.csv")


def test_two_files_of_lines_and_a_separate_test_split(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "a.de").write_text("eins\n\nzwei\ndrei\nvier\n", encoding="utf-8")
    (tmp_path / "a.en.gz").write_bytes(gzip.compress(b"one\r\nnothing\r\ntwo\r\nthree\r\nfour"))
    (tmp_path / "t.de").write_text("zwei\nfünf\n", encoding="utf-8")
    (tmp_path / "t.en").write_text("two\nfive\n", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        data = read(tmp_path, path="a.de", target_path="a.en.gz", test_path="t.de", test_target_path="t.en")
    assert pairs_of(data) == {("eins", "one"), ("zwei", "two"), ("drei", "three"), ("vier", "four"), ("fünf", "five")}
    assert data.test.sources == ("zwei", "fünf")
    assert "1 pairs with a blank side are left out" in caplog.text
    assert data.facts["copies"]["test in train"] + data.facts["copies"]["test in valid"] == 1


def test_copies_of_a_source_are_in_one_split(tmp_path: Path):
    (tmp_path / "pairs.tsv").write_text("".join(f"s {n % 10}\tt {n}\n" for n in range(40)), encoding="utf-8")
    data = read(tmp_path, path="pairs.tsv")
    sources = [set(split.sources) for split in (data.train, data.valid, data.test)]
    assert sum(map(len, sources)) == len(set.union(*sources)) == 10


@pytest.mark.parametrize(
    ("files", "settings", "error", "message"),
    [
        ({"a": "one\ntwo\nthree\n"}, {}, DataError, "has one column, expected two columns.*data.target_path="),
        ({"a": "x\ny\n", "b": "x\ny\nz\n"}, {"target_path": "b"}, DataError, "has 2 lines and .* has 3"),
        ({"a": "x\ty\n"}, {"target_path": "none"}, DataError, "there is no file"),
        ({"a": "x\ty\n" * 3}, {"source_column": "french"}, ConfigError, r"data\.source_column: found 'french'"),
        ({"a": "x\ty\n", "b": "x\n"}, {"test_path": "a", "target_path": "b"}, ConfigError, "data.test_target_path"),
        ({"a": "x\ty\n"}, {}, DataError, "found no pairs, expected at least one"),
        ({"a": "x\ty\tz\nx\ty\n" * 5}, {"delimiter": "tab"}, DataError, "line 2"),
        ({"a": "\t\n \t \n"}, {"delimiter": "tab", "header": False}, DataError, "empty|no pair"),
    ],
)
def test_bad_files_are_one_message(
    tmp_path: Path, files: dict[str, str], settings: dict[str, Any], error: type[UserError], message: str
):
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(error, match=message):
        read(tmp_path, path="a", **settings)


def test_sources_are_lines(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(b'eins, "zwei"\n\ndrei\tvier\n')
    assert read_sources(tmp_path / "a.txt", "file") == ['eins, "zwei"', "", "drei\tvier"]
    (tmp_path / "a.txt").write_text("\n")
    with pytest.raises(DataError, match=r"^file: .*a\.txt has blank lines alone"):
        read_sources(tmp_path / "a.txt", "file")
