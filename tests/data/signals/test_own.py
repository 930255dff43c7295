from __future__ import annotations

import logging
from pathlib import Path

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


@pytest.mark.parametrize(
    ("name", "text", "options", "message"),
    [
        ("a.ts", "1,2:up\n", {}, "line 1: expected a header that ends with @data"),
        ("a.ts", TS.replace("4,5,?", "4,5"), {}, r"line 5: the channels have \[2, 3\] time steps"),
        ("a.ts", TS.replace("0,0:", ""), {}, "line 6: found 1 channels, expected 2"),
        ("a.ts", TS.replace("-1,", "x,"), {}, "line 6: expected numbers separated by commas"),
        ("a.ts", TS.replace("1,2,3", "(0,1),(1,2)"), {}, "line 5: found time stamps in brackets"),
        ("a.ts", TS.partition("1,2")[0], {}, "found no sequence"),
        ("a.npz", "no archive", {}, "cannot be read as .npz"),
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
