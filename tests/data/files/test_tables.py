import codecs
import gzip
import io
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.files.tables import Layout, layout_of, read_bytes, read_table
from gru_bench.errors import ConfigError, DataError

ROWS = [["text", "label"], ["a good film", "pos"], ["not good", "neg"], ["über, alles", "neg"], ["so so", "pos"]]


@pytest.fixture
def read(tmp_path):
    def read(content, name="table.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        key = options.pop("key", "data.path")
        return read_table(path, Layout(**options), key=key)

    return read


def lines(rows, delimiter=","):
    buffer = io.StringIO()
    pd.DataFrame(rows).to_csv(buffer, sep=delimiter, header=False, index=False)
    return buffer.getvalue()


def cells(frame):
    return frame.to_numpy().tolist()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [True, False])
def test_delimiters_and_headers_are_found(read, delimiter, header):
    frame = read(lines(ROWS if header else ROWS[1:], delimiter))
    assert list(frame.columns) == (["text", "label"] if header else ["1", "2"])
    assert cells(frame) == ROWS[1:]
    assert layout_of(frame) == {
        "delimiter": delimiter,
        "encoding": "utf-8",
        "header": header,
        "skip_rows": None,
        "columns": tuple(frame.columns),
    }
    assert list(frame.index) == ([2, 3, 4, 5] if header else [1, 2, 3, 4])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_found(read, encoding):
    assert cells(read(lines(ROWS).encode(encoding))) == ROWS[1:]


def test_other_marks_and_a_said_encoding(read):
    content = lines(ROWS)
    assert cells(read(codecs.BOM_UTF16_BE + content.encode("utf-16-be"))) == ROWS[1:]
    assert cells(read(content.encode("utf-16-le"), encoding="utf-16-le")) == ROWS[1:]


def test_line_ends_of_other_systems_and_blank_lines(read):
    content = lines(ROWS)
    for end in ("\r\n", "\r", "\n\n"):
        assert cells(read("\n" * (end == "\n\n") + content.replace("\n", end))) == ROWS[1:]
    assert cells(read(content.rstrip("\n"))) == ROWS[1:]


def test_quoted_cells_hold_anything(read):
    rows = [["text", "label"], ['one, "two";\nthree\t|', "pos"], ["", "neg"]]
    assert cells(read(lines(rows))) == rows[1:]
    assert cells(read('text, label\n"a, b", pos\n"c", neg\n')) == [["a, b", "pos"], ["c", "neg"]]


def test_quotes_that_are_only_signs(read):
    """Files with tabs often quote nothing."""
    content = 'text\tlabel\n" a fine film\t1\n"so" so\t0\n5" long\t1\n'
    assert cells(read(content)) == [['" a fine film', "1"], ['"so" so', "0"], ['5" long', "1"]]


def test_gzip_and_standard_input(read, monkeypatch):
    content = lines(ROWS).encode()
    assert cells(read(gzip.compress(content), "table.csv.gz")) == ROWS[1:]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert cells(read_table(Path("-"))) == ROWS[1:]
    with pytest.raises(DataError, match=r"data\.path: standard input is empty, expected text"):
        read_bytes(Path("-"), "data.path")


def test_one_column(read):
    assert cells(read("text\nwell, fine\nbad\n")) == [["well, fine"], ["bad"]]
    frame = read("well, fine\nbad; really\nso so\n")
    assert list(frame.columns) == ["1"]
    assert len(frame) == 3
    assert list(read("value\n1\n2\n").columns) == ["value"]
    assert cells(read("1\n2\n")) == [["1"], ["2"]]
    assert cells(read("only\n")) == [["only"]]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (",text,label\n0,good,1\n1,bad,0\n", ["1", "text", "label"]),  # an index without a name
        ("a,b,\n1,2,\n3,4,\n", ["a", "b"]),  # a delimiter at the end of each line
        ("date;load\n2020-01-01;1,5\n2020-01-02;2,5\n", ["date", "load"]),
        ("2020-01-01;1,5\n2020-01-02;2,5\n", ["1", "2"]),
        ("good,pos\nfine,pos\nbad,neg\n", ["1", "2"]),  # pos comes again below
        ("NA,3\n4,5\n6,7\n", ["1", "2"]),  # a missing value names nothing
        ("time,value\n2020-01-01,NA\n2020-01-02,3\n", ["time", "value"]),
        ("This one was simply wonderful in all respects,good\nbad,poor\n", ["1", "2"]),
    ],
)
def test_what_is_a_header(read, content, names):
    assert list(read(content).columns) == names


def test_delimiters_at_the_line_ends_make_no_columns(read):
    frame = read("Date;T;;\n10/03/2004;2,6;;\n11/03/2004;;;\n")
    assert list(frame.columns) == ["Date", "T"]
    assert cells(frame) == [["10/03/2004", "2,6"], ["11/03/2004", ""]]
    assert frame.attrs["header"] is True


def test_a_header_may_be_said(read):
    assert cells(read(lines(ROWS), header=False))[0] == ["text", "label"]
    assert list(read("good,pos\nfine,pos\n", header=True).columns) == ["good", "pos"]


def test_a_delimiter_may_be_said(read):
    assert cells(read("a:b\n1:2\n3:4\n", delimiter=":")) == [["1", "2"], ["3", "4"]]
    assert cells(read("a, b\tc\n1, 2\t3\n", delimiter="tab")) == [["1, 2", "3"]]


def test_long_cells(read):
    text = "word " * 60_000
    assert read(lines([["text", "label"], [text, "pos"], ["b", "neg"]])).iloc[0, 0] == text.strip()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty, expected text"),
        (" \n\n", "is empty, expected a table"),
        ("a,b\n1,2\n3,4,5\n6,7\n", r"line 3 has 3 cells, expected 2 \(delimiter ','\): '3 \| 4 \| 5'"),
        ('a,b\n"1\n1",2\n3\n6,7\n', "line 4 has 1 cells, expected 2"),
        ("text,label\na, b, c, d,pos\ne, f, g,neg\n", "line 2 has 5 cells, expected 2"),
        ("2020\n" + "1,2\n" * 20, "line 1 has 1 cells, expected 2.*data.skip_rows="),
        ('a,b\n"1,2\n3,4\n5\n', "the row after line 1 cannot be read: unexpected end of data"),
        ("a,a,b\n1,2,3\n", "the columns 1, 2 have the same name 'a'"),
        (b"PK\x03\x04" + bytes(50), "a zip archive or a workbook, expected a text table. Save it as CSV"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "cannot be unpacked as gzip"),
        (b"a,b\n" + bytes(20), "looks binary"),
    ],
)
def test_bad_files_are_data_errors(read, content, message):
    with pytest.raises(DataError, match=message):
        read(content)


def test_a_header_alone_is_no_table(read):
    with pytest.raises(DataError, match="no rows below it"):
        read("a,b\n", header=True)


def test_messages_name_the_argument(read, tmp_path):
    read("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"^file: there is no file .*Did you mean 'table\.csv'"):
        read_table(tmp_path / "tabel.csv", key="file")
    with pytest.raises(ConfigError, match=r"data\.delimiter: found '::'"):
        read("a,b\n1,2\n", delimiter="::")
    with pytest.raises(ConfigError, match=r"^encoding: found 'utf9'"):
        read("a,b\n1,2\n", encoding="utf9", key="file")


CELL = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters='"'), max_size=12)


@given(
    st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=1, max_size=6)),
    st.sampled_from(",;\t|"),
)
def test_what_is_written_with_quotes_is_read_back(tmp_path_factory, rows, delimiter):
    path = tmp_path_factory.mktemp("drawn") / "table.csv"
    text = "".join(delimiter.join(f'"{cell}"' for cell in row) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8", newline="")
    frame = read_table(path, Layout(header=False, delimiter=delimiter, encoding="utf-8"))
    assert cells(frame) == [[cell.strip() for cell in row] for row in rows]


@pytest.mark.parametrize(("name", "content"), [
    ("a.ts", b"@data\n1,2:up\n"), ("a.npz", b"PK\x03\x04" + bytes(50)), ("a.wav", b"RIFF1234WAVE"),
])  # fmt: skip
def test_sequences_of_values_are_shown_to_their_source(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=r"expected a text table.*data=sequences_file data.path="):
        read_table(tmp_path / name)
    with pytest.raises(DataError, match=r"is a folder, expected a file.*data=sequences_file"):
        read_table(tmp_path)
