"""Other files are read in the layout of the training data, or refused."""

from __future__ import annotations

import pytest

from gru_bench.data.files.headers import names_all
from gru_bench.data.files.known_tables import read_known_table
from gru_bench.data.files.tables import Layout, layout_of, read_table
from gru_bench.errors import DataError

HEAD, BODY = "date,price,sold\n", "2024-01-01,5,10.5\n2024-01-02,6,11.5\n2024-01-03,5,12.5\n"
CELLS = [line.split(",") for line in BODY.splitlines()]


@pytest.fixture
def read(tmp_path):
    def read(training, other, *, single=None, needed=("sold", "price"), **options):
        for name, content in (("training.csv", training), ("other.csv", other)):
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        layout = Layout(**layout_of(read_table(tmp_path / "training.csv", Layout(**options))))
        return read_known_table(
            tmp_path / "other.csv", layout, lambda row: names_all(row, needed), key="file", single=single
        )

    return read


@pytest.mark.parametrize(
    ("training", "other"),
    [
        (HEAD + BODY, HEAD + BODY),
        (HEAD + BODY, HEAD.upper() + BODY),
        (HEAD + BODY, BODY),  # as many columns, by their order
        (HEAD + BODY, "A title\n\n" + HEAD + BODY),
        ("A title\n" + HEAD + BODY, HEAD + BODY),
        ("A title\n" + HEAD + BODY, BODY),
        (HEAD + BODY, "sep=,\n" + HEAD + BODY),
        (HEAD + BODY, (HEAD + BODY).encode("utf-16")),
        ((HEAD + BODY).encode("utf-16"), HEAD + BODY),
        (HEAD + BODY, HEAD + ",(EUR),[1]\n" + BODY),
        (BODY, BODY),
        (BODY, BODY.replace(",", '","').replace("\n", '"\n').replace("202", '"202')[:-1] + "\n"),
    ],
)
def test_the_layout_is_applied(read, training, other):
    frame = read(training, other)
    assert frame.to_numpy().tolist() == CELLS
    assert list(map(str.lower, frame.columns)) == (["1", "2", "3"] if training == BODY else ["date", "price", "sold"])


def test_columns_are_found_by_name_in_another_order(read):
    frame = read(HEAD + BODY, "sold,more,price\n10.5,x,5\n")
    assert frame[["price", "sold"]].to_numpy().tolist() == [["5", "10.5"]]
    assert frame.index.tolist() == [2]


@pytest.mark.parametrize(
    ("training", "other", "message"),
    [
        (HEAD + BODY, (HEAD + BODY).replace(",", ";"), "has the delimiter ';', the training data ','"),
        (BODY, BODY.replace(",", "\t"), "has the delimiter tab, the training data ','"),
        (HEAD + BODY, "sep=;\n" + HEAD + BODY, "has the delimiter ';', the training data ','"),
        (BODY, "1,2\n3,4\n", "has 2 columns, expected 3: the training data has no header"),
        (BODY, "0," + BODY.replace("\n", "\n0,")[:-2], "has 4 columns, expected 3"),
        (HEAD + BODY, "5,10.5\n6,11.5\n", "line 1 does not name the columns date, price, sold"),
        (HEAD + BODY, "größe,sold,price\n1,2,3\n".encode("cp1252"), "cannot be decoded as utf-8"),
    ],
)
def test_another_layout_is_refused(read, training, other, message):
    with pytest.raises(DataError, match=f"file: .*other.csv.*{message}"):
        read(training, other)


def test_lines_that_are_skipped_hold_no_values(read):
    options = {"skip_rows": 2, "header": False}
    assert read("a\nb\n" + BODY, "c\nd\n" + BODY, **options).to_numpy().tolist() == CELLS
    with pytest.raises(DataError, match=r"line 1 looks like values, .*data.skip_rows=2"):
        read("a\nb\n" + BODY, BODY, **options)


def test_skipped_lines_that_hold_values_here_are_read(read):
    training = HEAD + "UTC,EUR,pieces\n" + BODY + "a note below\n"
    options = {"skip_rows": (2, 6)}
    assert read(training, training, **options).to_numpy().tolist() == CELLS
    assert read(training, HEAD + BODY + BODY, **options).to_numpy().tolist() == CELLS * 2


TEXTS = ["Great", "a, b; c", "None", "NA"]


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("quoted", [True, False])
def test_a_column_of_texts_alone_keeps_its_first_text(read, header, quoted, caplog):
    table = ("text,label\n" if header else "") + "so so,pos\nfine,pos\nnot good,neg\nbad,neg\n"
    alone = "\n".join(f'"{text}"' if quoted else text for text in TEXTS) + "\n"
    single = "text" if header else "1"
    options = {"single": single, "needed": ("text",), "header": header}
    assert read(table, alone, **options)[single].tolist() == TEXTS
    assert ("line 1 is not a known header" in caplog.text) is header
    if header:
        assert read(table, "TEXT\n" + alone, **options)["text"].tolist() == TEXTS
