from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.factory import make_data
from gru_bench.data.texts.own import read_labelled, read_unlabelled
from gru_bench.errors import ConfigError, DataError
from gru_bench.sections import DataConfig, PathsConfig

ROWS = [
    (f"this {kind} thing, number {number}, is {verdict}", verdict)
    for kind in ("red", "green", "old", "new")
    for number in range(10)
    for verdict in ("schön", "übel", "so-so")
]


def table(rows, delimiter=",", header=("text", "label")):
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerows([header, *rows] if header else rows)
    return buffer.getvalue()


@pytest.fixture
def load(tmp_path):
    def load(content, **options):
        path = tmp_path / "own.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return make_data(DataConfig(source="text_csv", options={"path": str(path)} | options), PathsConfig(), "texts")

    return load


def rows_of(data):
    return sorted(
        (text, data.classes[label])
        for split in (data.train, data.valid, data.test)
        for text, label in zip(split.texts, split.labels, strict=True)
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_usual_table(load, delimiter, encoding):
    data = load(table(ROWS, delimiter).encode(encoding))
    assert data.classes == ("schön", "so-so", "übel")
    assert rows_of(data) == sorted(ROWS)
    assert data.facts["texts"] == {"train": 96, "valid": 12, "test": 12}
    assert data.facts["classes"]["test"] == {"schön": 4, "so-so": 4, "übel": 4}
    assert data.facts["columns"] == {"text": "text", "label": "label"}


def test_without_a_header_columns_have_numbers(load):
    data = load(table([(label, "x", text) for text, label in ROWS], header=None), text_column=3, label_column="1")
    assert rows_of(data) == sorted(ROWS)
    assert data.form.reading == {
        "text_column": "3",
        "label_column": "1",
        "delimiter": ",",
        "encoding": "utf-8",
        "header": False,
        "skip_rows": None,
        "columns": ("1", "2", "3"),
    }


def test_columns_by_name_by_number_and_in_other_letters(load):
    content = table([(n, label, text) for n, (text, label) in enumerate(ROWS)], header=("id", "Verdict", "What"))
    for options in ({"text_column": "What", "label_column": "Verdict"}, {"text_column": 3, "label_column": "verdict"}):
        assert rows_of(load(content, **options)) == sorted(ROWS)


@pytest.mark.parametrize(
    "header", [("id", "label", "text"), ("n", "sentiment", "Review"), ("id", "what", "opinion"), ("a", "stars", "b")]
)
def test_columns_are_found_where_there_is_no_doubt(load, header, caplog):
    content = table([(1000 + n, label, text) for n, (text, label) in enumerate(ROWS)], header=header)
    with caplog.at_level("INFO"):
        assert rows_of(load(content)) == sorted(ROWS)
    assert f"The column of texts is '{header[2]}', that of labels '{header[1]}'." in caplog.text


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (("What did you think?", "sentiment"), True),
        (("Please tell us, in your own words, what you thought", "How it was!"), True),
        (("A review in which names, commas and all stand", "new"), True),
        (("A review, in two parts", "übel"), False),
        (("A review, in two parts", "7"), False),
    ],
)
def test_a_question_may_name_a_column(load, header, found):
    data = load(table(ROWS, header=header), text_column=1, label_column=2, valid_fraction=0.2, test_fraction=0.2)
    assert data.form.reading["header"] is found
    assert len(rows_of(data)) == len(ROWS) + (not found)


def test_classes_that_are_numbers_are_ordered_as_such(load):
    rows = [(f"text of {number} words here", number % 12) for number in range(240)]
    assert load(table(rows)).classes == tuple(map(str, range(12)))


def test_files_of_their_own_for_valid_and_test(load, tmp_path):
    for name, rows in (("valid", ROWS[:6]), ("test", ROWS[6:9])):
        (tmp_path / f"{name}.csv").write_text(table(rows), encoding="utf-8")
    data = load(
        table(ROWS[9:]), valid_path=str(tmp_path / "valid.csv"), test_path=str(tmp_path / "test.csv"), min_count=1
    )
    assert data.train.texts == tuple(text for text, _ in ROWS[9:])
    assert data.valid.texts == tuple(text for text, _ in ROWS[:6])
    assert data.test.labels.tolist() == [0, 2, 1]
    assert data.facts["drawn_from_path"] == []


def test_the_draw_is_the_same_each_time_and_depends_on_its_seed(load):
    first, again, other = load(table(ROWS)), load(table(ROWS)), load(table(ROWS), split_seed=1)
    assert first.facts["digest"] == again.facts["digest"]
    assert first.test.texts == again.test.texts != other.test.texts


def test_copies_of_a_text_stay_together(load):
    data = load(table(ROWS * 3))
    assert not set(data.train.texts) & set(data.test.texts)
    assert len(data.test) == 36


@pytest.mark.parametrize(
    "respell",
    [
        str.upper,
        lambda text: text.replace(",", " ,"),
        lambda text: text.replace(" ", "  "),
        lambda text: text.replace("ö", "o\u0308").replace("ü", "u\u0308"),
        lambda text: text + " and words beyond those that are read",
    ],
)
def test_copies_are_compared_as_the_network_reads_them(load, respell):
    data = load(table([*ROWS, *((respell(text), label) for text, label in ROWS)]), max_length=9)
    assert data.facts["texts"] == {"train": 192, "valid": 24, "test": 24}
    assert set(data.facts["copies"].values()) == {0}


def test_splits_that_share_texts_are_warned_of(load, tmp_path, caplog):
    (tmp_path / "link.csv").symlink_to(tmp_path / "own.csv")
    (tmp_path / "test.csv").write_text(table([(ROWS[0][0].upper(), ROWS[0][1]), ("new", "so-so")]), encoding="utf-8")
    data = load(table(ROWS), valid_path=str(tmp_path / "link.csv"), test_path=str(tmp_path / "test.csv"))
    assert data.facts["copies"] == {"valid in train": 120, "test in train": 1, "test in valid": 1}
    assert "all of the 120 texts of valid are also in train" in caplog.text
    assert "1 of the 2 texts of test are also in train" in caplog.text
    assert "no text of test has the class 'übel'" in caplog.text


def test_words_that_look_like_values_are_words(load):
    texts = ["None", "nan", "1e5", "=SUM(A1)", "<b>", "[red]", "-", "NA", "https://a.b/?c=%20", "$x_1$"]
    rows = [(text, label) for text in texts for label in ("so-so", "so-so")]
    data = load(table([*rows, *ROWS]), header=True, text_column="text", label_column="label")
    assert set(texts) <= {text for split in (data.train, data.valid, data.test) for text in split.texts}


def test_an_empty_text_is_a_text(load):
    assert len(load(table([("", "so-so"), *ROWS])).vocabulary.symbols) > 5


@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        (
            table(ROWS),
            {"text_column": "txt"},
            ConfigError,
            r"data.text_column: found 'txt', .*columns text, label.*Did",
        ),
        (
            table(ROWS),
            {"text_column": "\u00b2"},
            ConfigError,
            "data.text_column: found '\u00b2', allowed: one of the columns",
        ),
        (
            table(ROWS),
            {"text_column": "9" * 5000},
            ConfigError,
            "data.text_column: found '9+[.]{3}, allowed: one of the",
        ),
        (table(ROWS), {"label_column": 7}, ConfigError, r"data.label_column: found 7, .*a number from 1 to 2"),
        (table(ROWS), {"text_column": 1, "label_column": 1}, ConfigError, "another column than that of the texts"),
        (
            table([(text, label, label) for text, label in ROWS], header=("a", "b", "c")),
            {},
            ConfigError,
            r"data.label_column: found nothing, allowed: one of the columns b, c. Name the column",
        ),
        (
            table([(text, text, label) for text, label in ROWS], header=("a", "b", "label")),
            {},
            ConfigError,
            r"data.text_column: found nothing, allowed: one of the columns a, b, label. Name the column",
        ),
        ("text\none\ntwo\n", {}, ConfigError, "a further column; there is none"),
        (table([(text, "good") for text, _ in ROWS]), {"label_column": "label"}, DataError, "the class 'good' alone"),
        (
            table([*ROWS, ("no label", ""), ("x", "NaN")]),
            {},
            DataError,
            "2 of 122 rows have no label .* is in line 122",
        ),
        (
            table([(text, f"label {n}") for n, (text, _) in enumerate(ROWS)]),
            {"label_column": 2},
            DataError,
            "found 120 different labels in 120 rows",
        ),
        (table(ROWS[:2]), {}, DataError, "the valid split has 0 texts"),
        (table(ROWS), {"encoding": "utf9"}, ConfigError, "data.encoding: found 'utf9'"),
        (table(ROWS), {"delimiter": ",,"}, ConfigError, "data.delimiter: found ',,'"),
    ],
)
def test_what_is_wrong_is_said(load, content, options, error, message):
    with pytest.raises(error, match=message):
        load(content, **options)


def test_a_label_that_train_lacks(load, tmp_path):
    (tmp_path / "test.csv").write_text(table([("a text", "schoen")]), encoding="utf-8")
    with pytest.raises(DataError, match=r"data.test_path: 1 rows have the label 'schoen', .*Did you mean 'schön'"):
        load(table(ROWS), test_path=str(tmp_path / "test.csv"))


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_another_file_of_the_form(load, tmp_path):
    form = load(table(ROWS)).form
    expected = [text for text, _ in ROWS[:3]]
    for name in (str, str.upper, lambda label: str(form.classes.index(label))):
        path = write(tmp_path / "more.csv", table([(text, name(label)) for text, label in ROWS[:3]]))
        texts, labels = read_labelled(path, form, "path")
        assert texts == expected
        assert labels == [0, 2, 1]
    path = write(tmp_path / "more.csv", table([*ROWS[:3], ("a", "schoen")]))
    with pytest.raises(DataError, match=r"path: .* the label 'schoen' in column 'label', .*Did you mean 'schön'"):
        read_labelled(path, form, "path")


def test_texts_without_labels(load, tmp_path):
    form = load(table(ROWS)).form
    texts = ["one, two", "", "three"]
    assert read_unlabelled(write(tmp_path / "new.txt", "\n".join(texts) + "\n"), None, form, "file") == texts
    rows = write(tmp_path / "new.csv", table([(n, text) for n, text in enumerate(texts)], header=("id", "text")))
    assert read_unlabelled(rows, None, form, "file") == texts
    assert read_unlabelled(rows, "1", form, "file") == ["0", "1", "2"]
    alone = write(tmp_path / "alone.csv", table([(text,) for text in ("a b c", "d")], header=("Text",)))
    assert read_unlabelled(alone, None, form, "file") == ["a b c", "d"]
    with pytest.raises(ConfigError, match=r"column: found 'nr', allowed: one of the columns id, text"):
        read_unlabelled(rows, "nr", form, "file")


def test_damaged_and_growing_files_of_texts_are_refused(load, tmp_path):
    form = load(table(ROWS)).form
    (tmp_path / "texts.txt.gz").write_bytes(gzip.compress(b"a text\n" * 99)[:-9])
    with pytest.raises(DataError, match=r"file: .*texts\.txt\.gz cannot be unpacked as gzip"):
        read_unlabelled(tmp_path / "texts.txt.gz", None, form, "file")
    (tmp_path / "texts.txt.gz").write_bytes(gzip.compress(bytes(2**27)))
    with pytest.raises(DataError, match=r"file: .*texts\.txt\.gz has 130,\d+ bytes and unpacks to more than"):
        read_unlabelled(tmp_path / "texts.txt.gz", None, form, "file")


def test_standard_input_has_lines_or_a_table(load, monkeypatch):
    form = load(table(ROWS)).form
    for column, expected in ((None, ["text,label", "good one,x"]), ("text", ["good one"])):
        stream = io.TextIOWrapper(io.BytesIO(b"text,label\ngood one,x\n"))
        monkeypatch.setattr("sys.stdin", stream)
        assert read_unlabelled(Path("-"), column, form, "file") == expected
    for content, message in (("", "standard input is empty"), ("\n", "standard input has blank lines alone")):
        monkeypatch.setattr("sys.stdin", io.StringIO(content))
        with pytest.raises(DataError, match=f"^file: {message}"):
            read_unlabelled(Path("-"), None, form, "file")


def test_labels_have_the_numbers_of_their_classes(load):
    data = load(table(ROWS))
    assert all(data.classes[label] in text for text, label in zip(data.train.texts, data.train.labels, strict=True))
    assert data.train.labels.dtype == np.int32
