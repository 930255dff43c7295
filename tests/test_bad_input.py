"""Bad files end to end: one clear message and exit code 2, or a correct run; nothing written elsewhere."""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gru_bench.data.factory import make_data
from gru_bench.errors import UserError
from gru_bench.sections import DataConfig, PathsConfig, TaskConfig, TrainingConfig
from gru_bench.tasks.factory import make_task
from tests.bad_input import REFUSED, SERIES, TEXT, labelled, series
from tests.presets import ACCEPTS
from tests.training.support import record, train

FEW = TrainingConfig(updates=3, batch_size=4, eval_batch_size=4, bptt_window=4)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory, with a home beside it that stays empty."""
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")  # the command sets it; this restores it
    return tmp_path / "here"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def begun(folder: Path, given: set[str]) -> set[str]:
    """Return what lies outside the run directory and the cache and was not given."""
    return {name for name in files(folder.parent) if not name.startswith(("here/run/", "here/cache/"))} - {
        f"here/{name}" for name in given
    }


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_one_message(here: Path, name: str):
    arguments, contents, message = REFUSED[name]
    for file, content in contents.items():
        (here / file).write_bytes(content)
    done = train(*arguments, "tracker=none", "run_dir=run", "paths.cache=cache")
    assert done.code == 2, done
    assert done.err.startswith("error: ")
    assert done.err.count("error: ") == done.err.count("\n") == 1
    assert re.search(message, done.err), done.err
    assert len(done.err) < 2000
    assert begun(here, set(contents)) == set()
    assert not (here / "run" / "record.json").exists()
    assert {file: (here / file).read_bytes() for file in contents} == dict(contents)


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop of links", "link to nothing", "link to a device"])
def test_what_is_no_file(here: Path, kind: str):
    make = {
        "pipe": lambda: os.mkfifo("own"),
        "folder": lambda: os.mkdir("own"),
        "loop of links": lambda: os.symlink("own", "own"),
        "link to nothing": lambda: os.symlink("none", "own"),
        "link to a device": lambda: os.symlink("/dev/zero", "own"),
    }
    make[kind]()
    done = train(*TEXT, "tracker=none", "run_dir=run", "paths.cache=cache")
    assert done.code == 2, done
    assert re.search(r"own is a folder|own is no regular file|there is no file .*own", done.err)


RUNS: dict[str, tuple[tuple[str, ...], bytes]] = {
    "one symbol alone": ((*TEXT, "training.batch_size=2", "training.bptt_window=8"), b"a" * 600),
    "constant column": ((*SERIES, "data.context=8", "data.horizon=2"), re.sub(rb"\d\.5", b"3", series())),
}


@pytest.mark.parametrize("name", RUNS)
def test_odd_files_that_are_right_give_a_run(here: Path, name: str):
    arguments, content = RUNS[name]
    (here / "real").write_bytes(content)
    os.symlink("real", "own")
    small = ("model.hidden_size=4", "training.updates=3", "tracker=none", "run_dir=run", "paths.cache=cache")
    done = train(*arguments, *small)
    assert done.code == 0, done
    scores = record(here / "run")["metrics"]["test"]
    assert all(math.isfinite(value) for value in scores.values())
    assert begun(here, {"real", "own"}) == set()


READ: dict[str, tuple[str, bytes, dict[str, Any]]] = {
    "unsorted times": ("series_csv", b"\n".join(sorted(series().splitlines(), reverse=True)), {}),
    "missing rows and cells": ("series_csv", series(r7="", r8="2024-01-09,NA", r50="2024-02-20,"), {}),
    "equal times, row by row": ("series_csv", series(r7="2024-01-07,1"), {"steps": "rows"}),
    "mark of the byte order": ("series_csv", series().decode().encode("utf-16"), {}),
    "old encoding": ("text_csv", labelled().replace(b"fine", "größer".encode("cp1252")), {}),
    "empty texts": ("text_csv", labelled().replace(b"text number 7 is fine", b""), {}),
    "few words": ("text_csv", labelled(), {"max_vocabulary": 3}),
    "rare class": ("text_csv", labelled() + b"\none alone,class 2", {}),
    "symbols that train lacks": ("text_file", b"ab " * 200 + "ünï".encode() * 9, {}),
    "bytes of any kind": ("text_file", bytes(range(256)) * 9, {"level": "byte"}),
}
TASKS = {"series_csv": "time_series", "text_csv": "sentiment", "text_file": "language_modeling"}


def read(source: str, path: Path, options: dict[str, Any], cache: Path) -> dict[str, dict[str, float]]:
    """Go as far with a file as a run does before its first update, and return the baselines."""
    kind = ACCEPTS[TASKS[source]]
    config = DataConfig(source=source, options={"path": str(path), **options})
    data = make_data(config, PathsConfig(cache=str(cache)), kind)
    task = make_task(TaskConfig(name=TASKS[source]), data.describe())
    task.train_batches(data, FEW, 0).at(0, 0)
    for split in ("valid", "test"):
        assert len(task.eval_batches(data, split, FEW)) > 0
    return task.baselines(data)


@pytest.mark.parametrize("name", READ)
def test_odd_files_that_are_right_are_read(tmp_path: Path, name: str):
    source, content, options = READ[name]
    (tmp_path / "own").write_bytes(content)
    found = read(source, tmp_path / "own", options, tmp_path)
    assert all(math.isfinite(value) for metrics in found.values() for value in metrics.values())


@pytest.mark.parametrize("size", [2**24, pytest.param(2**30, marks=pytest.mark.stress)])
def test_a_very_long_line(tmp_path: Path, size: int):
    with (tmp_path / "own").open("wb") as file:
        file.write(b"text,label\n")
        for _ in range(size // 2**20):
            file.write(b"word " * (2**20 // 5))
    with pytest.raises(UserError, match="the row after line 1 cannot be read: field larger than field limit"):
        read("text_csv", tmp_path / "own", {}, tmp_path)
    data = make_data(
        DataConfig(source="text_file", options={"path": str(tmp_path / "own"), "level": "byte"}),
        PathsConfig(cache=str(tmp_path)),
        "tokens",
    )
    assert data.train.size + data.valid.size + data.test.size == (tmp_path / "own").stat().st_size


# Files of drawn content

CELLS = st.one_of(
    st.sampled_from("1 -1 1e308 -1e308 1e400 1e154 1e-320 inf nan NA abc 1,5 1.234,5 1,234.5 1_000 0x10 . 1.".split()),
    st.sampled_from("2024-01-01 01/02/2024 31.12.2023 20240101 1700000000 99999999999999999999 0000-00-00".split()),
    st.sampled_from("2024Q1 2024-13-45 1700-01-01 2262-04-12 12:30 24:00 2024-01-01T00:00+99:00 2024-W01-1".split()),
    st.sampled_from([*"'\"+%-?,", '""', "\u0661", "\u00bd", "\u00b2", "\U0001d7d9", "\u22121", "true", "2024-02-30"]),
    st.text(max_size=6),
    st.floats().map(str),
    st.datetimes().map(str),
)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Draw a table that is nearly right: some of its cells, lines and bytes are odd."""
    plain = draw(st.sampled_from([series(40), labelled(40), series(40).replace(b",", b";"), labelled(40, 3)]))
    lines = [line.split(",") for line in plain.decode().splitlines()]
    for _ in range(draw(st.integers(0, 3))):
        row = draw(st.integers(0, len(lines) - 1))
        change = draw(st.sampled_from(["cell", "column", "double", "drop", "widen", "shorten"]))
        if change == "cell":
            lines[row][draw(st.integers(0, len(lines[row]) - 1))] = draw(CELLS)
        elif change == "column":
            cell, column = draw(CELLS), draw(st.integers(0, 1))
            lines[1:] = [[*line[:column], cell, *line[column + 1 :]] for line in lines[1:]]
        elif change == "double":
            lines.append(list(lines[row]))
        elif change == "widen":
            lines[row].append(draw(CELLS))
        elif len(lines) > 1:
            lines[row : row + 1] = [] if change == "drop" else [lines[row][:-1] or [""]]
    text = draw(st.sampled_from(["\n", "\r\n", "\n\n"])).join(map(",".join, lines))
    content = text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-7"])), "replace")
    place = draw(st.integers(0, len(content)))
    return content[:place] + draw(st.binary(max_size=3)) + content[place:]


CONTENTS = st.one_of(tables(), st.binary(max_size=400), st.binary(min_size=1, max_size=6).map(lambda part: part * 100))
OPTIONS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "series_csv": st.fixed_dictionaries(
        {},
        optional={
            "context": st.integers(1, 30),
            "horizon": st.integers(1, 9),
            "season": st.integers(1, 40),
            "calendar": st.booleans(),
            "steps": st.sampled_from(["time", "rows"]),
            "header": st.booleans(),
            "missing": st.just(["1", "x"]),
            "time_column": st.sampled_from(["date", "1", []]),
            "delimiter": st.sampled_from([",", ";", "tab"]),
        },
    ),
    "text_csv": st.fixed_dictionaries(
        {},
        optional={
            "text_column": st.sampled_from(["text", "1", 2, "²", "9" * 5000]),
            "label_column": st.sampled_from(["label", 1]),
            "header": st.booleans(),
            "min_count": st.integers(1, 9),
            "max_vocabulary": st.integers(3, 9),
            "max_length": st.integers(1, 3),
            "valid_fraction": st.floats(0.001, 0.45),
        },
    ),
    "text_file": st.fixed_dictionaries(
        {},
        optional={
            "level": st.sampled_from(["word", "char", "byte"]),
            "min_count": st.integers(1, 9),
            "max_vocabulary": st.integers(3, 9),
            "encoding": st.sampled_from("utf-7 idna punycode unicode_escape utf-16 rot13 undefined".split()),
        },
    ),
}


@pytest.fixture
def quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def outcome(source: str, path: Path, options: dict[str, Any]) -> UserError | list[float]:
    """Return what is said of a file, or the numbers of its baselines."""
    try:
        found = read(source, path, options, path.parent)
    except UserError as error:
        return error
    return [value for metrics in found.values() for value in metrics.values()]


@pytest.mark.parametrize("source", OPTIONS)
@pytest.mark.parametrize("examples", [15, pytest.param(2000, marks=pytest.mark.stress)])
def test_drawn_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, quiet: None, source: str, examples: int
):
    own = tmp_path_factory.mktemp("drawn") / "own"

    @settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow])
    @given(CONTENTS, OPTIONS[source])
    def run(content: bytes, options: dict[str, Any]) -> None:
        own.write_bytes(content)
        found = outcome(source, own, options)
        if isinstance(found, UserError):
            assert found.exit_code == 2
            assert 20 < len(str(found)) < 3000
        else:
            assert all(math.isfinite(value) for value in found)
        assert files(own.parent) == {"own"}

    run()
