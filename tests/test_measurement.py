from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gru_bench.errors import UserError
from gru_bench.measurement import COLUMNS, append, latest, read
from tests.results.measurements import measured, two_cells


def test_rows_come_back_as_they_were_written(tmp_path: Path):
    path = tmp_path / "folder" / "bench.csv"
    rows = [*two_cells(), measured("torch", 0.5, hidden=7, compile_seconds=None, step_bytes=None, kernel='a, "b"')]
    append(path, rows[:3])
    append(path, rows[3:])
    assert read(path) == sorted(rows, key=lambda row: (row.hidden == 7, row.cell))
    assert path.read_text().splitlines()[0] == ",".join(COLUMNS)


def test_of_a_point_that_was_timed_twice_the_last_rounds_count_as_a_whole():
    first = [measured("fast", 1.0), measured("torch", 2.0), measured("fast", 3.0, hidden=7)]
    again = dataclasses.replace(measured("fast", 9.0), rounds="2026-02-02")
    assert latest([*first, again]) == [again, first[2]]


def test_time_steps_per_second_count_all_sequences():
    assert measured("fast", 8.0).time_steps_per_second == pytest.approx(1e6)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cell,what", "what,cell", "not a file of gru_bench.bench"),
        (",training,", ",backward,", "line 2 is damaged"),
        (",16,", ",x,", "line 2 is damaged"),
        (",abc", "", "line 2 is damaged"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(tmp_path: Path, old: str, new: str, message: str):
    path = tmp_path / "bench.csv"
    append(path, [measured("fast", 1.0)])
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        read(path)


def test_a_file_that_cannot_be_read_or_written(tmp_path: Path):
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot be written.*out=FOLDER"):
        append(tmp_path / "file" / "bench.csv", [measured("fast", 1.0)])
