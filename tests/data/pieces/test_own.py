import io
from pathlib import Path

import pytest

from gru_bench.data.pieces.own import read_pieces
from gru_bench.data.pieces.pieces import pitches_of
from gru_bench.errors import DataError


def read(folder: Path, text: str):
    file = folder / "own.json"
    file.write_text(text)
    return [[pitches_of(frame) for frame in roll] for roll in read_pieces(file, "file")]


def test_pieces_and_one_piece_alone(tmp_path):
    assert read(tmp_path, "[[[64, 60], []], [[21], [108], [60]]]") == [[[60, 64], []], [[21], [108], [60]]]
    assert read(tmp_path, "[[60, 64], [], [62]]") == [[[60, 64], [], [62]]]
    assert read(tmp_path, "[[], []]") == [[[], []]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("60 64", r"file: .*own.json, line 1, column 4: not JSON .*expected a list of pieces"),
        ('{"train": []}', r"file: .*own.json: expected a list of pieces"),
        ("[]", "expected a list of pieces"),
        ("[60, 64]", "expected a list of pieces"),
        ("[[[60]], []]", "piece 2: found no time step"),
        ("[[[60], 62]]", "piece 1, step 2: found 62, expected a list of MIDI pitches"),
        ("[[60], [20]]", "piece 1, step 2: found 20, expected MIDI pitches from 21 to 108"),
        ("[[[60]], [[60.5]]]", "piece 2, step 1: found 60.5, expected MIDI pitches"),
        ("[[[true]]]", "found true, expected MIDI pitches"),
        ("[" * 100_000, "own.json: cannot be read .*recursion"),
        ("[[[" + "6" * 5000 + "]]]", "own.json: cannot be read .*4300 digits"),
        ('[[["C4"]]]', 'found "C4", expected MIDI pitches'),
    ],
)
def test_what_is_no_music_is_said(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)


def test_pieces_from_standard_input(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("[[60, 64], []]"))
    (piece,) = read_pieces(Path("-"), "file")
    assert [pitches_of(frame) for frame in piece] == [[60, 64], []]
    monkeypatch.setattr("sys.stdin", io.StringIO("60"))
    with pytest.raises(DataError, match=r"^file: standard input: expected a list of pieces"):
        read_pieces(Path("-"), "file")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="path: there is no file"):
        read_pieces(tmp_path / "none.json", "path")
