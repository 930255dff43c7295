"""Compiled programs on disk: the same numbers, faster; damage and closed folders are no errors."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gru_bench.training import compilation_cache
from tests.training.support import SMALL, assert_same_run, command, record


@pytest.fixture(autouse=True)
def with_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "true")


def train(folder: Path, run: str, cache: Path | str) -> str:
    """Train in a process of its own, print nothing of the libraries', and return what was printed."""
    done = command("gru_bench.train", *SMALL, f"run_dir={run}", f"paths.cache={cache}", cwd=folder)
    assert done.code == 0, done.err
    assert done.err == ""
    return done.out


def entries(cache: Path) -> list[Path]:
    (folder,) = (cache / "compiled").iterdir()
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run and of the cache that it has filled; tests only read it."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_ENABLE_COMPILATION_CACHE", "true")
        train(folder, "run", folder / "cache")
    return folder


def test_a_second_run_compiles_nothing_and_has_the_same_bits(tmp_path: Path, first: Path, finished_run: Path):
    cache = Path(shutil.copytree(first / "cache", tmp_path / "cache"))
    kept = {path: path.stat().st_mtime_ns for path in entries(cache)}
    assert any(path.name.startswith("jit_dispatch-") for path in kept)
    train(tmp_path, "run", cache)
    assert {path: path.stat().st_mtime_ns for path in entries(cache)} == kept
    before, after = record(first / "run"), record(tmp_path / "run")
    assert after["memory"]["step_bytes"] == before["memory"]["step_bytes"]
    assert_same_run(first / "run", tmp_path / "run")
    assert_same_run(finished_run, tmp_path / "run")  # it had no cache


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_entry_is_compiled_anew(tmp_path: Path, first: Path, damage: str):
    cache = Path(shutil.copytree(first / "cache", tmp_path / "cache"))
    (entry,) = (path for path in entries(cache) if path.name.startswith("jit_dispatch-"))
    whole = entry.read_bytes()
    middle = len(whole) // 2
    flipped = bytes(byte ^ 0xFF for byte in whole[middle : middle + 8])
    entry.write_bytes({"cut": whole[:middle], "flipped": whole[:middle] + flipped + whole[middle + 8 :]}[damage])
    assert "are removed and will be compiled again" in train(tmp_path, "run", cache)
    assert_same_run(first / "run", tmp_path / "run")
    assert entries(cache) == []


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path, first: Path):
    (tmp_path / "cache").write_text("a file, no folder")
    assert "Compiled programs are not kept" in train(tmp_path, "run", tmp_path / "cache")
    assert_same_run(first / "run", tmp_path / "run")


@pytest.mark.slow
def test_runs_at_once_share_it(tmp_path: Path, first: Path):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: train(tmp_path, name, tmp_path / "cache"), ("a", "b")))
    for name in ("a", "b"):
        assert_same_run(first / "run", tmp_path / name)


def test_programs_of_other_processors_lie_elsewhere(monkeypatch: pytest.MonkeyPatch):
    here = compilation_cache._machine()
    monkeypatch.setattr(compilation_cache, "processor_features", lambda: "another avx512f")
    assert compilation_cache._machine() != here
    monkeypatch.undo()
    monkeypatch.setattr(compilation_cache, "threads", lambda: (os.cpu_count() or 1) + 1)
    assert compilation_cache._machine() != here
