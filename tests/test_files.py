from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from gru_bench.errors import UserError
from gru_bench.files import remove_unfinished, write_atomically


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
    for name in (".a.json.4711.tmp", ".update-000000005.npz.12.tmp", ".a.json.tmp", "a.json.1.tmp", ".a.json"):
        (tmp_path / name).write_text("half")
    remove_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.json", ".a.json.tmp", "a.json.1.tmp"]
    remove_unfinished(tmp_path / "absent")
