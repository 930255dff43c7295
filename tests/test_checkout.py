from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gru_bench import checkout
from gru_bench.checkout import code_version, commit, uncommitted, uncommitted_code
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


def test_without_git_nothing_is_known(root: Path, monkeypatch: pytest.MonkeyPatch):
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", missing)
    assert commit() is None
