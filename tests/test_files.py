from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from gru_bench.errors import UserError
from gru_bench.files import (
    LIST_FILE,
    ForeignFile,
    WrittenFiles,
    listing,
    open_for_appending,
    remove,
    remove_unfinished,
    write_atomically,
)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_happens_whole_or_not_at_all(tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch):
    write_atomically(tmp_path / "a.json", b"old")

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", full) if step == "fsync" else (Path, "replace", full)))
    with pytest.raises(UserError, match=r"cannot write .*a.json: No space left on device. Free space"):
        write_atomically(tmp_path / "a.json", b"new content")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.json": b"old"}
    monkeypatch.undo()
    write_atomically(tmp_path / "a.json", b"new content")
    assert (tmp_path / "a.json").read_bytes() == b"new content"


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path):
    (tmp_path / "a.json" / "in").mkdir(parents=True)
    with pytest.raises(UserError, match=r"cannot write .*a.json"):
        write_atomically(tmp_path / "a.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a.json", b"new")
    assert not list(tmp_path.iterdir())


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path: Path):
    theirs = [".a.json.4711.tmp", ".a.json.gru_bench.tmp", ".a.json", "a.json.1.gru_bench.tmp"]
    for name in (".a.json.4711.gru_bench.tmp", ".b.npz.12.gru_bench.new.tmp", *theirs):
        (tmp_path / name).write_text("half")
    assert remove_unfinished(tmp_path) == ["b.npz"]
    assert {path.name for path in tmp_path.iterdir()} == {*theirs}
    assert remove_unfinished(tmp_path / "absent") == []


def test_a_listed_directory_takes_no_file_of_others(tmp_path: Path):
    for name in ("a.json", "link.json", "rows.jsonl"):
        (tmp_path / name).symlink_to("nowhere") if name == "link.json" else (tmp_path / name).write_text("theirs")
    with listing(WrittenFiles(tmp_path)):
        for name in ("a.json", "link.json"):
            with pytest.raises(ForeignFile, match=rf"{name} is not a file of this run"):
                write_atomically(tmp_path / name, b"ours")
        with pytest.raises(ForeignFile):
            open_for_appending(tmp_path / "rows.jsonl")
        remove(tmp_path / "a.json")
        write_atomically(tmp_path / "figures" / "b.png", b"first")
        write_atomically(tmp_path / "figures" / "b.png", b"second")
        os.close(open_for_appending(tmp_path / "own.jsonl"))
    write_atomically(tmp_path / "elsewhere.json", b"")  # nobody holds the directory now
    assert (tmp_path / "a.json").read_text() == (tmp_path / "rows.jsonl").read_text() == "theirs"
    found = WrittenFiles.read(tmp_path)
    assert found is not None
    assert list(found) == [tmp_path / "figures" / "b.png", tmp_path / "own.jsonl"]


@pytest.mark.parametrize("killed_at", [LIST_FILE, "new.json"])
def test_a_kill_at_any_point_leaves_a_list_that_is_true(
    tmp_path: Path, killed_at: str, monkeypatch: pytest.MonkeyPatch
):
    files = WrittenFiles(tmp_path)
    with listing(files):
        write_atomically(tmp_path / "old.json", b"ours")
    rename = Path.replace

    def rename_until_killed(path: Path, target: Path) -> None:
        if target.name == killed_at:
            raise KeyboardInterrupt
        rename(path, target)

    with monkeypatch.context() as patch, listing(files):
        patch.setattr(Path, "replace", rename_until_killed)
        patch.setattr("gru_bench.files._remove", lambda path: None)  # a process that is killed removes nothing
        with pytest.raises(KeyboardInterrupt):
            write_atomically(tmp_path / "new.json", b"ours")
    (tmp_path / "new.json").write_text("theirs, written since")
    found = WrittenFiles.read(tmp_path)
    assert found is not None
    found.settle([tmp_path])
    assert list(found) == [tmp_path / "old.json"]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("content", ['{"files": ["../a"]}', '{"files": ["/a"]}', "[]", "{", '{"files": [1]}'])
def test_a_list_that_leads_elsewhere_is_refused(tmp_path: Path, content: str):
    (tmp_path / LIST_FILE).write_text(content)
    with pytest.raises(UserError, match="cannot be read as the list of the files of a run"):
        WrittenFiles.read(tmp_path)
