from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.factory import make_data
from gru_bench.data.labelled_series.labelled_series import LabelledSeries, windows
from gru_bench.data.labelled_series.own import read_labelled
from gru_bench.errors import ConfigError, DataError
from gru_bench.sections import DataConfig, PathsConfig


def load(folder: Path, **options: object) -> LabelledSeries:
    settings = {"path": str(folder / "own.csv"), "context": 8, **options}
    return make_data(
        DataConfig(source="anomaly_csv", options=settings), PathsConfig(cache=str(folder)), "labelled_series"
    )


def days(faults: range = range(180, 185)) -> str:
    rows = [f"{np.datetime64('2024-01-01') + row},{row * 37 % 11},{int(row in faults)}" for row in range(200)]
    return "\n".join(["day,load,fault", *rows])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.csv").write_text(days())
    return tmp_path


def test_a_column_of_labels_is_no_target(folder: Path):
    data = load(folder, label_column="fault")
    (series,) = data.members.values()
    assert series.form.targets == ("load",)
    assert series.form.covariates == ()
    assert series.known.shape == (200, 0)
    assert windows(data.anomalous["anomaly_csv"]) == [(180, 185)]
    assert data.label_column == "fault"
    assert data.facts["anomalous_rows"] == {"anomaly_csv": 5}


def test_a_file_of_windows_gives_the_same_labels_by_time_and_by_row(folder: Path):
    (folder / "windows.csv").write_text("start,end\n2024-06-29,2024-07-03\n")
    by_time = load(folder, targets=["load"], windows_path=str(folder / "windows.csv"))
    (folder / "rows.csv").write_text("Start,End\n181,185\n")
    by_row = load(folder, targets=["load"], time_column=[], windows_path=str(folder / "rows.csv"))
    for data in (by_time, by_row):
        assert windows(data.anomalous["anomaly_csv"]) == [(180, 185)]


def test_without_labels_all_rows_are_normal(folder: Path):
    assert not load(folder, targets=["load"]).anomalous["anomaly_csv"].any()


def test_labels_follow_their_rows_when_these_are_sorted(folder: Path):
    header, *rows = days().splitlines()
    (folder / "own.csv").write_text("\n".join([header, *reversed(rows)]))
    assert windows(load(folder, label_column="fault").anomalous["anomaly_csv"]) == [(180, 185)]


def test_steps_without_a_row_are_normal(folder: Path):
    lines = days().splitlines()
    (folder / "own.csv").write_text("\n".join([*lines[:186], *lines[196:]]))  # the ten rows after the window are absent
    data = load(folder, label_column="fault")
    assert len(data.members["anomaly_csv"].values) == 200
    assert windows(data.anomalous["anomaly_csv"]) == [(180, 185)]
    series, labels = read_labelled(folder / "own.csv", data.members["anomaly_csv"].form, "fault")
    assert len(series.values) == 200
    assert windows(labels) == [(180, 185)]


HOURS = np.datetime64("2024-01-01T00") + np.arange(200)


@pytest.mark.parametrize("zone", ["", "+01:00"])
@pytest.mark.parametrize(
    ("window", "marked"),
    [
        ("2024-01-08,2024-01-08", (168, 192)),
        ("2024-01-07T22:00,2024-01-08", (166, 192)),
        ("2024-01-08,2024-01-08T00:00", (168, 169)),
    ],
)
def test_an_end_without_a_clock_is_the_end_of_its_day(folder: Path, zone: str, window: str, marked: tuple[int, int]):
    rows = [f"{hour}:00{zone},{place * 37 % 11}" for place, hour in enumerate(HOURS)]
    (folder / "own.csv").write_text("\n".join(["time,load", *rows]))
    (folder / "windows.csv").write_text(f"start,end\n{window}\n,\n")
    data = load(folder, windows_path=str(folder / "windows.csv"))
    assert windows(data.anomalous["anomaly_csv"]) == [marked]


def test_a_label_in_training_rows_is_a_warning(folder: Path, caplog: pytest.LogCaptureFixture):
    (folder / "own.csv").write_text(days(range(20, 25)))
    with caplog.at_level(logging.WARNING):
        load(folder, label_column="fault")
    assert "5 rows before the test split are labelled as anomalous" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("from,to\n1,2\n", "found the columns from, to, expected start and end"),
        ("start,end\n2024-07-03,2024-06-29\n", "line 2: the window from 2024-07-03 to 2024-06-29 contains no row"),
        ("start,end\n2030-01-01,2030-02-01\n", "contains no row"),
        ("start,end\nsoon,later\n", "'soon'"),
    ],
)
def test_wrong_windows_are_one_message(folder: Path, text: str, message: str):
    (folder / "windows.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        load(folder, targets=["load"], windows_path=str(folder / "windows.csv"))


def test_row_numbers_begin_at_1(folder: Path):
    (folder / "windows.csv").write_text("start,end\n5,6\n0,4\n")
    with pytest.raises(DataError, match="column 'start', line 3: '0', expected a row number from 1 on"):
        load(folder, targets=["load"], time_column=[], windows_path=str(folder / "windows.csv"))


@pytest.mark.parametrize("missing", ["", "NaN"])
def test_a_missing_label_is_one_message(folder: Path, missing: str):
    lines = [f"{line[:-1]}{missing}" if number > 176 else line for number, line in enumerate(days().splitlines(), 1)]
    (folder / "own.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]))
    with pytest.raises(DataError, match=r"column 'fault', line 2: found nothing \(25 wrong labels\)"):
        load(folder, label_column="fault")


def test_labels_true_and_false_are_advised_to_be_1_and_0(folder: Path):
    (folder / "own.csv").write_text(days().replace(",0\n", ",False\n").replace(",1\n", ",True\n"))
    with pytest.raises(DataError, match=r"line 2: 'False' is no number .* Write 1 for true and 0 for false"):
        load(folder, label_column="fault")


def test_wrong_labels_and_settings_are_one_message(folder: Path):
    (folder / "own.csv").write_text(days().replace(",1\n", ",2\n", 1))
    with pytest.raises(DataError, match=r"column 'fault', line 182: found 2 \(1 wrong labels\), expected 0 .* or 1"):
        load(folder, label_column="fault")
    with pytest.raises(ConfigError, match=r"data\.label_column: found 'flaw'"):
        load(folder, label_column="flaw")
    with pytest.raises(ConfigError, match="windows_path"):
        load(folder, label_column="fault", windows_path="any.csv")
    with pytest.raises(DataError, match=r"data\.windows_path"):
        load(folder, windows_path=str(folder / "absent.csv"))
    with pytest.raises(ConfigError, match=r"data.lable_column: .*Did you mean 'label_column'"):
        load(folder, lable_column="fault")
