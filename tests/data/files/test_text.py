from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pytest

from gru_bench.data.files.text import decode, digest_of, existing_path
from gru_bench.errors import DataError


@pytest.mark.parametrize("read", [existing_path, digest_of])
def test_what_the_system_refuses_is_one_message(read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(DataError, match=r"data\.path: cannot read .*a{300}: File name too long"):
        read(str(tmp_path / ("a" * 300)), "data.path")

    def refuse(self, **_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(DataError, match=r"data\.path: cannot read .*locked: Permission denied. Make it readable."):
        read(str(tmp_path / "locked"), "data.path")


def test_digests_of_files_and_folders(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(b"a")
    content = hashlib.sha256(b"a").hexdigest()
    assert digest_of(str(tmp_path / "a.txt")) == content
    assert digest_of(str(tmp_path)) == hashlib.sha256(f"a.txt {content}\n".encode()).hexdigest()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Bär, Bär".encode()[:-2], "Bär, B"),
        ("Bär €".encode()[:-1], "Bär "),
        ("€ für".encode()[1:], " für"),
        ("Bär ist süß 🙂".encode()[2:-1], "r ist süß "),
        ("ein Café".encode("cp1252"), "ein Café"),
        ("é, café".encode("cp1252"), "é, café"),
    ],
)
def test_a_cut_character_is_left_out(raw: bytes, text: str, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        assert decode(raw, "auto", "own.txt")[0] == text
    assert "own.txt" in caplog.text


def test_a_byte_order_mark_alone_is_no_text():
    with pytest.raises(DataError, match=r"data\.path: own\.txt is empty, expected text"):
        decode(b"\xef\xbb\xbf", "auto", "own.txt")
