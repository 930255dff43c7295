from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest

from gru_bench.record import read_record
from gru_bench.reproduction.run_numbers import (
    first_best_update,
    run_numbers,
    updates_to_target,
    valid_at_train_loss,
)


def _history(folder: Path, *points: tuple[int, float]) -> Path:
    rows = [{"update": update, "split": "valid", "seconds": 0.0, "nll": value} for update, value in points]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def test_numbers_of_a_run_are_those_of_its_record(finished_run: Path):
    record = read_record(finished_run)
    numbers = run_numbers(record, finished_run)
    assert numbers["test"] == record.metrics["test"][record.metric]
    assert numbers["valid"] is not None
    assert numbers["valid"] == record.metrics["valid"][record.metric]
    assert numbers["parameters_recurrent"] == record.parameters["recurrent"]
    assert numbers["updates"] == record.updates
    assert "updates_to_target" not in numbers
    curve = run_numbers(record, finished_run, (numbers["valid"] + 100, numbers["valid"] - 100))
    assert curve["updates_to_target_1"] is not None
    assert curve["updates_to_target_2"] is None


@pytest.mark.parametrize(
    ("target", "updates"),
    [(2.0, 10), (1.5, 15), (1.0, 20), (0.5, None)],
    ids=["at the first evaluation", "between two", "at the second", "never"],
)
def test_updates_to_a_target_that_less_reaches(
    finished_run: Path, tmp_path: Path, target: float, updates: float | None
):
    record = read_record(finished_run)
    record.metric, record.direction = "nll", "min"
    assert updates_to_target(record, _history(tmp_path, (10, 2.0), (20, 1.0), (30, 1.2)), target) == updates


def test_updates_to_a_target_that_more_reaches(finished_run: Path, tmp_path: Path):
    record = read_record(finished_run)
    record.metric, record.direction = "nll", "max"
    assert updates_to_target(record, _history(tmp_path, (10, 0.5), (20, 0.9)), 0.7) == pytest.approx(15)


@pytest.mark.parametrize(
    ("loss", "valid"),
    [(2.5, None), (2.0, None), (1.5, 1.7), (1.0, 1.4), (0.5, 1.9), (0.1, None)],
    ids=["before the first", "at the first", "between two", "at the second", "at the last", "never"],
)
def test_validation_at_equal_training_loss(finished_run: Path, tmp_path: Path, loss: float, valid: float | None):
    record = read_record(finished_run)
    record.metric = "nll"
    rows = []
    for update, mean, metric in ((10, 2.0, 2.0), (20, 1.0, 1.4), (30, 0.5, 1.9)):
        rows.append({"update": update, "split": "train", "seconds": 0.0, "loss": mean})
        rows.append({"update": update, "split": "valid", "seconds": 0.0, "nll": metric})
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    value = valid_at_train_loss(record, tmp_path, loss)
    assert value == (None if valid is None else pytest.approx(valid))


@pytest.mark.parametrize(("direction", "first"), [("max", 20), ("min", 10)])
def test_the_first_best_of_equals(finished_run: Path, tmp_path: Path, direction: Literal["min", "max"], first: int):
    record = read_record(finished_run)
    record.metric, record.direction = "nll", direction
    folder = _history(tmp_path, (10, 0.5), (20, 1.0), (30, 1.0), (40, 0.5))
    assert first_best_update(record, folder) == first
