from __future__ import annotations

import gzip
import io
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_bench.data.signals.files import parse_ts, read_npz, read_ts
from gru_bench.data.signals.own import load, read_labelled, read_unlabelled
from gru_bench.data.signals.signals import LabelledSequences
from gru_bench.data.signals.table import SignalLayout, read_long_table
from gru_bench.errors import ConfigError, DataError

TS = "# made by hand\n@problemName Small\n@classLabel true up down\n@data\n1,2,3:4,5,?:up\n-1,-2:0,0:down\n"


def write_table(path: Path, *, people: int = 8, header: str = "id,subject,time,x,y,class") -> Path:
    """Write 32 sequences whose rows are shuffled; x rises in class up, and y is missing now and then."""
    draw = np.random.default_rng(0)
    rows = []
    for place in range(32):
        for step in range(3 + place % 4):
            x = step * (1 if place % 2 else -1) + draw.normal()
            y = "" if step == 1 else f"{draw.normal():.3f}"
            label = "up" if place % 2 else "down"
            rows.append(f"s{place},p{place % people},{step * 0.5},{x:.3f},{y},{label}")
    path.write_text("\n".join([header, *(rows[place] for place in draw.permutation(len(rows)))]))
    return path


def load_file(path: Path, **options: object) -> LabelledSequences:
    return load(mirror=None, cache=path.parent, path=str(path), **options)  # pyright: ignore[reportArgumentType]


def test_a_ts_file_is_read():
    records = parse_ts(TS, "data.path: small.ts")
    assert records.channels == ("channel 1", "channel 2")
    assert records.labels == ["up", "down"]
    np.testing.assert_array_equal(records.values[0], [[1, 4], [2, 5], [3, np.nan]])
    np.testing.assert_array_equal(records.values[1], [[-1, 0], [-2, 0]])
    assert parse_ts(TS.replace("true", "false").replace(":up", "").replace(":down", ""), "").labels is None
    assert parse_ts(TS.replace("true", "True"), "").labels == ["up", "down"]


def test_endings_are_read_in_any_letters(tmp_path: Path):
    path = tmp_path / "A.TS.GZ"
    path.write_bytes(gzip.compress(TS.encode()))
    assert load_file(path, valid_path=str(path), test_path=str(path)).form.classes == ("down", "up")


@pytest.mark.parametrize(("name", "split", "count", "shape"), [
    ("BasicMotions", "TRAIN", 40, (100, 6)), ("Epilepsy", "TEST", 138, (206, 3)),
])  # fmt: skip
def test_the_public_ts_files_have_their_published_counts(
    mirror: Path, name: str, split: str, count: int, shape: tuple[int, int]
):
    records = read_ts(mirror / f"uea/{name}_{split}.ts", "path")
    assert [values.shape for values in records.values] == [shape] * count
    assert len(set(records.labels or ())) == 4


def test_a_npz_file_is_read(tmp_path: Path):
    values = np.full((3, 4, 2), np.nan)
    values[0], values[1, :2], values[2, :3] = 1, 2, 3
    values[2, 1, 0] = np.nan
    np.savez(tmp_path / "own.npz", X=values, y=[7, 8, 7], groups=["a", "b", "a"], ids=["k", "l", "m"])
    records = read_npz(tmp_path / "own.npz", "path")
    assert [len(row) for row in records.values] == [4, 2, 3]
    assert (records.labels, records.names, records.groups) == (
        ["7", "8", "7"],
        ["k", "l", "m"],
        {"groups": list("aba")},
    )
    assert np.isnan(records.values[2][1, 0])
    np.savez(tmp_path / "own.npz", x=np.ones((2, 5)), lengths=[5, 2])
    records = read_npz(tmp_path / "own.npz", "path")
    assert [row.shape for row in records.values] == [(5, 1), (2, 1)]
    assert records.labels is None
    days = np.datetime64("1970-01-02") + np.arange(5)
    np.savez(tmp_path / "own.npz", x=np.ones((2, 5)), lengths=[5.0, 2.0], y=[b"walk", "läuft".encode()], t=[days, days])
    records = read_npz(tmp_path / "own.npz", "path")
    assert records.labels == ["walk", "läuft"]
    assert records.times is not None
    assert [row.tolist() for row in records.times] == [[86400.0 * day for day in range(1, 6)], [86400, 172800]]


TIMES = np.tile(np.arange(5.0), (4, 1))
DAYS = np.datetime64("2024-01-01") + TIMES.astype(int)


def changed(array: np.ndarray, value: object) -> np.ndarray:
    array = array.copy()
    array[1, 2] = value
    return array


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": [1, np.nan, 0, np.nan]}, "2 of 4 sequences have no label, the first one is sequence 2"),
        ({"times": changed(TIMES, 1)}, r"times\[1, 2\] is 1 after 1, expected finite times that ascend"),
        ({"times": changed(TIMES, np.nan)}, r"times\[1, 2\] is nan after 1"),
        ({"times": changed(DAYS, np.datetime64("NaT"))}, r"times\[1, 2\] is nan after"),
        ({"times": TIMES.astype(str)}, "times are <U32, expected numbers or datetime64"),
        ({"lengths": [5, 4.5, 5, 5]}, r"sequence 1 of x has 4\.5 time steps, expected a whole number from 1 to 5"),
        ({"lengths": ["5", "4", "5", "5"]}, "sequence 0 of x has '5' time steps"),
        ({"x": changed(np.ones((4, 5)), -np.inf)}, "sequence 2, time step 3: the value of 'channel 1' is infinite"),
    ],
)
def test_a_bad_array_is_one_message(tmp_path: Path, arrays: dict[str, Any], message: str):
    np.savez(tmp_path / "own.npz", **{"x": np.ones((4, 5)), "y": [0, 1, 0, 1], **arrays})
    with pytest.raises(DataError, match=message):
        load_file(tmp_path / "own.npz")


def test_damaged_archives_are_one_message(tmp_path: Path):
    path, stream = tmp_path / "own.npz", io.BytesIO()
    np.save(stream, np.ones(3))
    path.write_bytes(stream.getvalue())
    with pytest.raises(DataError, match=r"cannot be read as \.npz"):
        read_npz(path, "path")
    np.savez_compressed(path, x=np.ones((4, 5)), y=[0, 1, 0, 1])
    whole, draw = path.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in draw.integers(len(whole), size=2):
            damaged[place] = draw.integers(256)
        path.write_bytes(damaged)
        with suppress(DataError):
            read_npz(path, "path")


@pytest.mark.parametrize(("colours", "frame"), [((), (2, 4, 1)), ((3,), (2, 4, 3))])
def test_videos_of_a_npz_file_keep_their_frames(tmp_path: Path, colours: tuple[int, ...], frame: tuple[int, int, int]):
    videos = np.random.default_rng(0).normal(size=(12, 5, 2, 4, *colours)).astype(np.float32)
    np.savez(tmp_path / "videos.npz", x=videos, y=[0, 1] * 6)
    data = load_file(tmp_path / "videos.npz")
    assert data.form.frame == frame
    assert {row.tobytes() for row in videos.reshape(12, 5, -1)} >= {
        data.train[n].tobytes() for n in range(len(data.train))
    }


def test_a_long_table_is_read_in_the_order_of_its_times(tmp_path: Path):
    records, layout = read_long_table(write_table(tmp_path / "long.csv"), SignalLayout(), "path")
    assert records.channels == ("x", "y")
    assert sorted(map(len, records.values)) == sorted(3 + place % 4 for place in range(32))
    assert records.times is not None
    for name, values, times in zip(records.names, records.values, records.times, strict=True):
        np.testing.assert_array_equal(times, 0.5 * np.arange(3 + int(name[1:]) % 4))
        assert np.flatnonzero(np.isnan(values[:, 1])).tolist() == [1]
    assert (layout.id_column, layout.time_column, layout.label_column) == ("id", "time", "class")
    assert records.groups == {"subject": [f"p{int(name[1:]) % 8}" for name in records.names]}


def test_groups_are_advised_and_kept_apart(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = write_table(tmp_path / "long.csv")
    load_file(path)
    assert "data.group_column=subject" in caplog.text
    caplog.clear()
    data = load_file(path, group_column="subject")
    assert "subject" not in caplog.text
    people = [{int(name[1:]) % 8 for name in part.names} for part in (data.train, data.valid, data.test)]
    assert all(people)
    assert sum(map(len, people)) == data.facts["groups"] == 8


def test_further_files_are_read_alike(tmp_path: Path):
    path = write_table(tmp_path / "long.csv")
    form = load_file(path, test_path=str(path)).form
    assert len(read_labelled(path, form, "path")) == 32
    unlabelled = tmp_path / "new.csv"
    unlabelled.write_text("y,X,id,time\n1,2,k,0\n3,4,k,1\n5,6,l,0\n")
    signals = read_unlabelled(unlabelled, form, "file")
    assert (signals.names, signals.lengths.tolist()) == (("k", "l"), [2, 1])
    np.testing.assert_array_equal(signals[0], [[2, 1], [4, 3]])
    with pytest.raises(DataError, match="no labels"):
        read_labelled(unlabelled, form, "path")
    unlabelled.write_text("y,id,time\n1,k,0\n3,k,1\n")
    with pytest.raises(DataError, match="there is no column 'x'"):
        read_unlabelled(unlabelled, form, "file")


def test_what_the_training_data_lacks_is_refused_or_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = write_table(tmp_path / "long.csv")
    form = load_file(path, channels=["x"]).form
    path.write_text("id,time,x,class\nk,0,1,up\nk,1,2,up\nk,5,3,up\nl,0,1,up\n")
    assert len(read_labelled(path, form, "path")) == 2
    assert "long.csv: times are uneven, unlike those of the training data" in caplog.text
    path.write_text("id,time,x,class\nk,0,1,up\nl,0,1,up\nl,1,,up\n")
    with pytest.raises(DataError, match="'l', time step 2: the value of 'x' is missing, expected one"):
        read_unlabelled(path, form, "file")


@pytest.mark.parametrize(
    ("name", "text", "options", "message"),
    [
        ("a.ts", "1,2:up\n", {}, "line 1: expected a header that ends with @data"),
        ("a.ts", TS.replace("4,5,?", "4,5"), {}, r"line 5: the channels have \[2, 3\] time steps"),
        ("a.ts", TS.replace("0,0:", ""), {}, "line 6: found 1 channels, expected 2"),
        ("a.ts", TS.replace("-1,", "x,"), {}, "line 6: expected numbers separated by commas"),
        ("a.ts", TS.replace("1,2,3", "(0,1),(1,2)"), {}, "line 5: found time stamps in brackets"),
        ("a.ts", TS.partition("1,2")[0], {}, "found no sequence"),
        ("a.ts", TS.replace(":up", ":"), {}, "1 of 2 sequences have no label, the first one is sequence 1"),
        ("a.ts", TS.replace(":down", ":?"), {}, "no label, the first one is sequence 2"),
        ("a.ts", TS.replace("1,2,3:4,5,?:up", "up"), {}, "line 5: found no colon"),
        ("a.ts", TS.replace("@classLabel", "@targetlabel"), {}, "line 3: found a file of regression"),
        ("a.ts", TS.replace("-1,", "1e39,"), {}, "sequence 2, time step 1: the value of 'channel 1' is infinite"),
        ("a.npz", "no archive", {}, "cannot be read as .npz"),
        ("a.csv", "id,time,x,label\na,0,1,u\n,0,2,u\nb,0,1,v\n", {}, "line 3: '' names no sequence"),
        ("a.csv", "id,time,x,label\na,0,1,u\nNaN,0,2,u\nb,0,1,v\n", {}, "line 3: 'NaN' names no sequence"),
        ("a.csv", "id,time,x,label\na,0,1,u\nb,1,1e39,v\nb,0,1,v\n", {}, "'b', time step 2: the value of 'x' is"),
        ("a.csv", "id,time,x,User,label\na,0,1,p,u\na,0,2,q,u\n", {}, "'User', line 3: 'q' differs from 'p' before"),
        ("a.csv", "id,x,user,label\na,1,7,u\na,1,8,u\n", {"channels": ["x"]}, "'user', line 3: '8' differs"),
        ("a.csv", "id,index,label\na,1,u\na,2,u\nb,3,v\n", {}, "expected at least one channel beside counters"),
        ("a.csv", "id,x,label\na,1,u\na,q,u\nb,1,v\n", {}, r"\(data\.channels=\)"),
        ("a.csv", "id,time,x,label\na,0,1,u\na,0,2,u\nb,0,1,v\n", {}, "comes twice in sequence 'a'"),
        ("a.csv", "id,time,x,label\na,0,1,u\na,1,2,v\nb,0,1,v\n", {}, "line 3: 'v' differs from 'u' before it"),
        ("a.csv", "id,time,x,label\na,0,1,u\na,soon,2,u\nb,0,1,v\n", {}, "line 3: 'soon'"),
        ("a.csv", "id,time,x,label\na,0,1,u\na,1,q,u\nb,0,1,v\n", {}, "line 3: 'q' is no number"),
        ("a.csv", "id,time,x,label\na,0,1,\nb,0,1,v\n", {}, "have no label in column 'label'"),
        ("a.csv", "id,time,x,label\na,0,w,u\nb,0,w,v\n", {}, "holds numbers, expected at least one channel"),
    ],
)
def test_a_bad_file_is_one_message(tmp_path: Path, name: str, text: str, options: dict[str, object], message: str):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        load_file(tmp_path / name, **options)


@pytest.mark.parametrize("name", ["", "index", "Unnamed: 0", "row"])
@pytest.mark.parametrize("kept", [slice(None), slice(None, None, 2)])
def test_the_index_of_a_frame_is_no_channel(tmp_path: Path, name: str, kept: slice, caplog: pytest.LogCaptureFixture):
    head, *rows = write_table(tmp_path / "long.csv").read_text().splitlines()
    numbered = [f"{place},{row}" for place, row in enumerate(sorted(rows))]
    if name == "row" and kept.step:
        kept = slice(40)
    (tmp_path / "indexed.csv").write_text("\n".join([f"{name},{head}", *numbered[kept]]))
    assert load_file(tmp_path / "indexed.csv").form.channels == ("x", "y")
    assert f"since they count rows or time over the file: {name or 1}" in caplog.text
    if name == "row":
        assert load_file(tmp_path / "indexed.csv", channels=["row", "x"]).form.channels == ("row", "x")


def test_empty_rows_at_the_end_are_left_out(tmp_path: Path):
    path = write_table(tmp_path / "long.csv")
    whole = load_file(path)
    path.write_text(path.read_text() + "\n,,,,,\n,,,,,\n")
    assert load_file(path).facts["digest"] == whole.facts["digest"]


def test_labels_are_not_read_for_predictions(tmp_path: Path):
    path = tmp_path / "a.ts"
    path.write_text(TS)
    form = load_file(path, valid_path=str(path), test_path=str(path)).form
    (tmp_path / "new.ts").write_text(TS.replace(":up", ":?"))
    assert len(read_unlabelled(tmp_path / "new.ts", form, "file")) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id_column": "nobody"}, "data.id_column: found 'nobody'"),
        ({"group_column": "team"}, "data.group_column: found 'team'"),
        ({"channels": ["z"]}, "data.channels: found 'z'"),
    ],
)
def test_a_wrong_column_is_named(tmp_path: Path, options: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message):
        load_file(write_table(tmp_path / "long.csv"), **options)


def test_columns_that_cannot_be_told_must_be_named(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    path = write_table(tmp_path / "long.csv", header="k,who,time,x,y,what")
    with pytest.raises(ConfigError, match=r"data.id_column: found nothing, .*Name the column of the sequences"):
        load_file(path)
    data = load_file(path, id_column="k", label_column=6, group_column="who", channels=["y"])
    assert (data.form.channels, data.form.classes) == (("y",), ("down", "up"))
