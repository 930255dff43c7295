from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gru_bench import checkout
from gru_bench.checkout import changes_after, code_version, commit, uncommitted, uncommitted_code
from tests.checkouts import git, write_checkout


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(checkout, "ROOT", write_checkout(tmp_path))
    commit.cache_clear()
    yield tmp_path
    commit.cache_clear()


def test_a_clean_checkout_has_its_commit(root: Path):
    assert commit() == git(root, "rev-parse", "--short=12", "HEAD")
    assert code_version().endswith(f" {commit()}")
    assert uncommitted_code() == []


def test_what_differs_from_the_commit_is_named(root: Path):
    (root / "gru_bench/code.py").write_text("changed = 1\n")
    (root / "configs/new name.yaml").write_text("")
    (root / "gru_bench/notes.log").write_text("ignored")
    (root / "README.md").write_text("changed")
    assert uncommitted_code() == ["gru_bench/code.py", "configs/new name.yaml"]
    assert str(commit()).endswith("-dirty")


def test_a_file_that_is_staged_or_removed_differs(root: Path):
    git(root, "mv", "gru_bench/code.py", "gru_bench/moved.py")
    assert uncommitted_code() == ["gru_bench/code.py", "gru_bench/moved.py"]


def test_the_commit_is_the_one_the_process_began_with(root: Path):
    before = commit()
    git(root, "commit", "--allow-empty", "-m", "later")
    assert commit() == before


def test_without_a_checkout_the_version_is_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path):
    monkeypatch.setattr(checkout, "ROOT", tmp_path / "site-packages")
    assert commit() is None
    assert " " not in code_version()
    assert uncommitted_code() == []


def test_a_folder_outside_of_any_repository_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "inside").mkdir()
    assert uncommitted(tmp_path / "inside", ("settings.yaml",)) == []


def test_changes_of_a_file_after_a_moment(root: Path):
    file, moment = root / "configs/b.yaml", datetime(2026, 11, 25, 18, tzinfo=UTC)
    for date in ("2026-11-25T17:59:59+00:00", "2026-11-26T03:00:01+09:00", "2026-11-27T00:00:00+00:00"):
        file.write_text(date)
        git(root, "add", ".")
        git(root, "commit", "-q", f"--date={date}", "-m", f"at {date}")
    git(root, "commit", "-q", "--allow-empty", "-m", "of nothing")
    assert changes_after(file, moment) == [
        "2026-11-26 at 2026-11-26T03:00:01+09:00",
        "2026-11-27 at 2026-11-27T00:00:00+00:00",
    ]


def test_nothing_is_known_of_a_history_that_is_cut_off(root: Path, tmp_path: Path):
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    assert changes_after(tmp_path / "shallow/configs/a.yaml", datetime(2000, 1, 1, tzinfo=UTC)) == []
    assert changes_after(root / "configs/a.yaml", datetime(2000, 1, 1, tzinfo=UTC)) != []


def test_without_git_nothing_is_known(root: Path, monkeypatch: pytest.MonkeyPatch):
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", missing)
    assert commit() is None
