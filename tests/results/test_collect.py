from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gru_bench.errors import UserError
from gru_bench.results.collect import collect, find_runs
from tests.results.records import make_record, write_run


def test_runs_are_found_at_any_depth_and_once(tmp_path: Path):
    first = write_run(tmp_path, make_record("gru", 0), "a/b/seed0")
    second = write_run(tmp_path, make_record("gru", 1), "a/seed1")
    write_run(first, make_record("gru", 2), "checkpoints/100")
    write_run(tmp_path, make_record("gru", 3), ".hidden/seed3")
    assert find_runs([tmp_path, tmp_path / "a", second, first / "record.json"]) == [first, second]
    assert find_runs([tmp_path / "a" / "b"]) == [first]


def test_a_run_directory_may_hold_runs(tmp_path: Path):
    outer = write_run(tmp_path, make_record("gru", 0), "runs")
    inner = write_run(outer, make_record("gru", 1))
    assert find_runs([tmp_path]) == [outer, inner]


def test_a_wrong_path_is_named(tmp_path: Path):
    with pytest.raises(UserError, match="nowhere: no such folder"):
        find_runs([tmp_path / "nowhere"])
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UserError, match=r"notes.txt: expected a run directory.*found a file"):
        find_runs([tmp_path / "notes.txt"])


def test_only_finished_runs_count(tmp_path: Path):
    write_run(tmp_path, make_record("gru", 0))
    for seed, status in enumerate(("running", "interrupted", "diverged", "failed"), start=1):
        write_run(tmp_path, make_record("gru", seed, status=status, metrics={}, speed={}, memory={}))
    found = collect([tmp_path])
    assert [run.seed for run in found.finished] == [0]
    assert [run.record.status for run in found.unfinished] == ["running", "interrupted", "diverged", "failed"]
    assert found.unreadable == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "schema"),
        (json.dumps(make_record(schema=99)), "found schema 99"),
        (json.dumps({**make_record(), "seed": "zero"}), "record.seed: found 'zero'"),
        (json.dumps(make_record(metrics__test={})), r"metrics.test.nll: found nothing, expected a finite number"),
        (json.dumps(make_record(metrics__test={"nll": None})), r"metrics.test.nll: found nothing"),
        (json.dumps(make_record(metrics={"valid": {}})), r"metrics.test.nll: found nothing"),
        (json.dumps(make_record(metrics__test=3)), r"metrics.test.nll: found"),
        (json.dumps(make_record(data_facts={})), r"data_facts.digest"),
        (json.dumps(make_record(config={})), r"config.model"),
        (json.dumps(make_record(baselines={"unigram": 2.0})), r"baselines"),
    ],
)
def test_a_bad_record_is_named_and_left_out(tmp_path: Path, content: str, message: str):
    write_run(tmp_path, make_record("gru", 0))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "record.json").write_text(content)
    found = collect([tmp_path])
    assert [run.seed for run in found.finished] == [0]
    [(directory, text)] = found.unreadable
    assert directory == tmp_path / "bad"
    assert "record.json" in text
    assert re.search(message, text)


def test_the_newest_of_equal_runs_counts(tmp_path: Path):
    for name, day in (("old", 1), ("new", 3), ("middle", 2)):
        write_run(tmp_path, make_record("gru", 0, started=f"2026-11-0{day}T00:00:00+00:00"), name)
    write_run(tmp_path, make_record("gru", 1), "other_seed")
    found = collect([tmp_path])
    assert [run.directory.name for run in found.finished] == ["new", "other_seed"]
    assert [(old.directory.name, new.directory.name) for old, new in found.replaced] == [
        ("old", "new"),
        ("middle", "new"),
    ]


def test_linked_folders_are_followed_once(tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    write_run(elsewhere, make_record("gru", 0), "group/seed0")
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "linked").symlink_to(elsewhere)
    (runs / "again").symlink_to(elsewhere / "group")
    (elsewhere / "group" / "up").symlink_to(runs)
    (runs / "nowhere").symlink_to(tmp_path / "absent")
    (tmp_path / "itself").symlink_to(runs)
    for path in (runs, tmp_path / "itself"):
        (found,) = find_runs([path])
        assert found.resolve() == elsewhere / "group" / "seed0"
