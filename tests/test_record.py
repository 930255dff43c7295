from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from gru_bench.errors import UserError
from gru_bench.record import RunRecord, read_record
from tests.results.records import make_record


def made(**changes: Any) -> RunRecord:
    values: dict[str, Any] = make_record() | changes
    return RunRecord(**values)


def write(folder: Path, **changes: Any) -> Path:
    (folder / "record.json").write_text(json.dumps(make_record() | changes))
    return folder


def test_round_trip(tmp_path: Path):
    written = made()
    written.write(tmp_path / "deep" / "run")
    assert read_record(tmp_path / "deep" / "run") == written
    values = json.loads((tmp_path / "deep/run/record.json").read_text())
    assert values == dataclasses.asdict(written)
    assert values == {**values, **make_record()}
    assert [path.name for path in (tmp_path / "deep" / "run").iterdir()] == ["record.json"]


def test_numbers_that_json_lacks_become_null(tmp_path: Path):
    metrics = {"valid": {"nll": math.nan, "perplexity": math.inf}, "test": {"nll": 0.25}}
    speed = {"seconds_per_update": None, "pace": [1.0, -math.inf]}
    made(metrics=metrics, speed=speed).write(tmp_path)
    assert "NaN" not in (tmp_path / "record.json").read_text()
    found = read_record(tmp_path)
    assert found.metrics == {"valid": {"nll": None, "perplexity": None}, "test": {"nll": 0.25}}
    assert found.speed == {"seconds_per_update": None, "pace": [1.0, None]}


def test_floats_come_back_to_the_last_bit(tmp_path: Path):
    value = 0.1 + 0.2
    made(metrics={"test": {"nll": value}}).write(tmp_path)
    assert read_record(tmp_path).metrics["test"]["nll"] == value


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, r"found schema 2, expected 1. Read it with the version that wrote it"),
        ({"status": "done"}, r"record.status: found 'done', allowed: running or finished or .* or failed"),
        ({"statu": "finished"}, r"record.statu: found 'finished', .*Did you mean 'status'\?"),
        ({"seed": "0"}, r"record.seed: found '0', allowed: an integer"),
        ({"seed": None}, r"record.seed: found nothing, allowed: an integer"),
        ({"metrics": []}, r"record.metrics: found \[\], allowed: dict"),
        ({"flops_per_update": "many"}, r"record.flops_per_update: found 'many', allowed: a number"),
        ({"best_update": 1.5}, r"record.best_update: found 1.5, allowed: an integer or null"),
    ],
)
def test_what_does_not_fit_the_schema_is_named(tmp_path: Path, changes: dict[str, Any], message: str):
    with pytest.raises(UserError, match=rf"record.json: {message}"):
        read_record(write(tmp_path, **changes))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b'{"schema": 1'])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(UserError, match=r"record.json cannot be read"):
        read_record(tmp_path)


@pytest.mark.parametrize("content", ["[]", "null", "3"])
def test_json_of_another_kind_is_no_record(tmp_path: Path, content: str):
    (tmp_path / "record.json").write_text(content)
    with pytest.raises(UserError, match=r"found schema '(list|NoneType|int)', expected 1"):
        read_record(tmp_path)


def test_no_run_directory(tmp_path: Path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "record.json").mkdir(parents=True)
    with pytest.raises(UserError, match=r"is no run directory: it holds no record.json"):
        read_record(tmp_path)
    with pytest.raises(UserError, match=r"is no run directory"):
        read_record(tmp_path / "absent")
    with pytest.raises(UserError, match=r"file is a file, expected a run directory"):
        read_record(tmp_path / "file")
    with pytest.raises(UserError, match=r"cannot be read"):
        read_record(tmp_path / "folder")
