"""A finished run whose data file has changed since is not taken for one of the present file."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import pytest

from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.data.factory import file_digests
from gru_bench.errors import DataError
from gru_bench.record import RunRecord
from gru_bench.training.setup import load_task
from gru_bench.training.stale import check_unchanged
from tests.results.records import make_record

TEXTS = [(f"{word} {number}", label) for number in range(30) for word, label in (("good", "yes"), ("bad", "no"))]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "texts.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in TEXTS))
    return path


@pytest.fixture
def config(table: Path) -> Config:
    return composed("task=sentiment", "data=text_csv", f"data.path={table}")


@pytest.fixture
def record(config: Config) -> RunRecord:
    _, data = load_task(config)
    return RunRecord(**make_record(data_facts={**data.facts, "files": file_digests(config.data)}))


def change(table: Path) -> None:
    table.write_text(table.read_text().replace("good 3,yes", "awful 3,no"))


def test_the_same_file_is_not_even_read(config: Config, record: RunRecord, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gru_bench.training.stale.make_data", None)
    check_unchanged(Path("run"), record, config)


def test_a_changed_file_is_refused_by_name(config: Config, record: RunRecord, table: Path):
    change(table)
    with pytest.raises(DataError, match=r"run holds a finished run .* data\.path=.*texts\.csv .*fresh=true"):
        check_unchanged(Path("run"), record, config)


def test_a_file_that_became_unreadable_has_changed(config: Config, record: RunRecord, table: Path):
    table.write_bytes(b"\x00\x01")
    with pytest.raises(DataError, match="trained on other data"):
        check_unchanged(Path("run"), record, config)


def test_bytes_that_are_not_read_may_change(config: Config, record: RunRecord, table: Path):
    table.write_bytes(table.read_bytes().replace(b"\n", b"\r\n"))
    check_unchanged(Path("run"), record, config)


@pytest.mark.parametrize("known", [{"file_sha256"}, set[str]()])
def test_records_of_older_versions_are_compared_by_what_they_hold(
    known: set[str], config: Config, record: RunRecord, table: Path
):
    facts: dict[str, Any] = {name: value for name, value in record.data_facts.items() if name in {"digest", *known}}
    older = dataclasses.replace(record, data_facts=facts)
    check_unchanged(Path("run"), older, config)
    change(table)
    with pytest.raises(DataError, match="trained on other data"):
        check_unchanged(Path("run"), older, config)


def test_a_file_that_is_gone_is_a_warning(
    config: Config, record: RunRecord, table: Path, caplog: pytest.LogCaptureFixture
):
    table.unlink()
    with caplog.at_level(logging.WARNING):
        check_unchanged(Path("run"), record, config)
    assert "there is no file" in caplog.text


def test_public_and_generated_data_is_not_checked(record: RunRecord):
    assert file_digests(composed("data=reber").data) == {}
    check_unchanged(Path("run"), record, composed("data=reber"))
