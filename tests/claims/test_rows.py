from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gru_bench.checkout import DIRTY
from gru_bench.claims.claim import RESULTS_FILE
from gru_bench.claims.reading import claims_in, experiments_folder
from gru_bench.claims.rows import append_rows, current, level_text, read_rows
from gru_bench.errors import UserError
from tests.claims.experiments import make_row

NUMBERS = ("test", "updates")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "claim" / "results.csv"


def test_rows_come_back_as_they_were(file: Path):
    rows = [
        make_row("gru", 0, {"test": 0.125, "updates": None}, level="0.3", other_load=None),
        make_row("lstm", 1, None, setting='a "quoted", one'),
    ]
    append_rows(file, rows[:1], NUMBERS)
    append_rows(file, rows[1:], NUMBERS)
    assert read_rows(file) == [rows[0], replace(rows[1], numbers={"test": None, "updates": None})]
    assert file.read_text().count("config_hash") == 1


def test_the_last_row_about_the_same_counts(file: Path):
    append_rows(file, [make_row("gru", 0, {"test": 1.0}), make_row("lstm", 0, {"test": 2.0})], NUMBERS)
    append_rows(file, [make_row("gru", 0, {"test": 3.0})], NUMBERS)
    assert [(row.key.arm, row.numbers["test"]) for row in read_rows(file)] == [("lstm", 2.0), ("gru", 3.0)]


def test_what_is_no_number_is_left_empty(file: Path):
    append_rows(file, [make_row("gru", 0, {"test": math.nan, "updates": math.inf})], NUMBERS)
    assert read_rows(file)[0].numbers == {"test": None, "updates": None}


@pytest.mark.parametrize("cut", [1, 20, 70])
def test_half_a_row_is_left_out_and_written_over(file: Path, cut: int):
    rows = [make_row("gru", seed, {"test": float(seed)}) for seed in range(3)]
    append_rows(file, rows[:2], NUMBERS)
    whole = file.read_bytes()
    file.write_bytes(whole[:-cut])
    assert [row.key.seed for row in read_rows(file)] == [0]
    append_rows(file, rows[2:], NUMBERS)
    assert [row.key.seed for row in read_rows(file)] == [0, 2]


def test_half_a_heading_is_mended(file: Path):
    file.parent.mkdir()
    file.write_text("scale,part,set")
    assert read_rows(file) == []
    append_rows(file, [make_row("gru", 0, {"test": 1.0})], NUMBERS)
    assert read_rows(file)[0].numbers == {"test": 1.0, "updates": None}


def test_a_new_column_keeps_the_rows(file: Path):
    append_rows(file, [make_row("gru", 0, {"test": 1.0, "updates": 5.0})], NUMBERS)
    append_rows(file, [make_row("gru", 1, {"gap": 2.0, "test": 3.0})], ("test", "gap"))
    assert [row.numbers for row in read_rows(file)] == [{"test": 1.0, "gap": None}, {"test": 3.0, "gap": 2.0}]


def test_two_processes_append_every_row_once(file: Path):
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from gru_bench.claims.rows import append_rows\n"
        "from tests.claims.experiments import make_row\n"
        "for seed in range(40):\n"
        "    append_rows(Path(sys.argv[1]), [make_row(sys.argv[2], seed, {'test': 1.0})], ('test',))\n"
    )
    root = Path(__file__).parents[2]
    started = [subprocess.Popen([sys.executable, "-c", script, str(file), arm], cwd=root) for arm in ("gru", "lstm")]
    assert [process.wait() for process in started] == [0, 0]
    assert len({row.key for row in read_rows(file)}) == 80
    assert len(file.read_text().splitlines()) == 81


def test_a_damaged_row_is_named(file: Path):
    append_rows(file, [make_row("gru", seed, {"test": 1.0}) for seed in range(2)], NUMBERS)
    file.write_text(file.read_text().replace("2 cores of a test,1,", "2 cores of a test,one,", 1))
    with pytest.raises(UserError, match=r"results\.csv: line 2 is damaged .* Remove it; it is then run again\."):
        read_rows(file)
    file.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="found no column scale, part, setting"):
        read_rows(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="cannot be read"):
        read_rows(file)


def test_no_file_has_no_rows_and_a_folder_in_its_place_is_named(file: Path):
    assert read_rows(file) == []
    file.mkdir(parents=True)
    with pytest.raises(UserError, match="cannot be written"):
        append_rows(file, [make_row("gru", 0)], NUMBERS)


def test_only_rows_with_the_newest_settings_are_current():
    old = [make_row("gru", seed, {"test": 0.0}, config_hash="old", ended="2026-11-01 10:00:00") for seed in range(3)]
    new = [make_row("gru", 0, {"test": 1.0}, ended="2026-11-02 10:00:00")]
    other = [make_row("lstm", 0, {"test": 2.0}, config_hash="old", ended="2026-11-01 10:00:00")]
    level = [make_row("gru", 0, {"test": 3.0}, config_hash="x", level="3", ended="2026-11-03 10:00:00")]
    assert current([*new, *old, *other, *level]) == [*new, *other, *level]


@pytest.mark.parametrize(("level", "text"), [(None, ""), (3, "3"), (0.3, "0.3"), (1e-3, "0.001"), ("adam", "adam")])
def test_levels_as_the_column_holds_them(level: float | str | None, text: str):
    assert level_text(level) == text


@pytest.mark.parametrize("name", claims_in(experiments_folder()))
def test_rows_of_this_project_that_give_verdicts_are_of_one_commit_in_each_setting(name: str):
    rows = [row for row in read_rows(experiments_folder() / name / RESULTS_FILE) if row.key.scale == "small"]
    assert current(rows) == rows
    versions = {(row.key.setting, row.code_version) for row in rows}
    assert len(versions) == len({setting for setting, _ in versions})
    assert not any(version.endswith(DIRTY) for _, version in versions)
