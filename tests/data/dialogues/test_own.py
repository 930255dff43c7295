from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gru_bench.data.dialogues.own import load, read_exchanges
from gru_bench.errors import ConfigError, DataError

LINES = [f"hello {number} __eou__ hi __eou__ bye {number} __eou__" for number in range(20)]


def write(folder: Path, name: str, content: str) -> str:
    (folder / name).write_text(content, encoding="utf-8")
    return str(folder / name)


def test_lines(tmp_path: Path):
    path = write(tmp_path, "chat.txt", "\n".join([*LINES, LINES[0], ""]))
    data = load(mirror=None, cache=tmp_path, path=path, min_count=1)
    assert (
        data.facts["dialogues"] == {"train": 17, "valid": 2, "test": 2} or sum(data.facts["dialogues"].values()) == 21
    )
    splits = [{context[0] for context in part.contexts} for part in (data.train, data.valid, data.test)]
    assert not splits[0] & splits[1] | splits[0] & splits[2] | splits[1] & splits[2]
    assert data.test.replies[:2][0] == "hi"
    contexts, replies = read_exchanges(Path(write(tmp_path, "more.txt", "a__eou__b")), data.form, "path")
    assert (contexts, replies) == ([("a",)], ["b"])


def test_a_table_has_a_turn_per_row(tmp_path: Path):
    rows = [f"{number},turn {number} {turn}" for number in range(9) for turn in range(3)]
    path = write(tmp_path, "chat.csv", "\n".join(["dialogue_id,text", *rows]))
    data = load(mirror=None, cache=tmp_path, path=path, turns=1, min_count=1)
    assert sum(map(len, (data.train, data.valid, data.test))) == 18
    assert data.test.replies[0].startswith("turn ")
    assert data.test.replies[0].endswith(" 1")


def test_other_tables_are_read_in_the_layout_of_the_training_data(tmp_path: Path):
    rows = [f"x,{number},turn {number} {turn}" for number in range(5) for turn in range(2)]
    path = write(tmp_path, "chat.csv", "\n".join(rows))
    settings: dict[str, Any] = {"header": False, "dialogue_column": 2, "text_column": 3}
    data = load(mirror=None, cache=tmp_path, path=path, **settings)
    assert read_exchanges(Path(path), data.form, "path")[1] == [f"turn {number} 1" for number in range(5)]
    other = write(tmp_path, "other.csv", "\n".join(rows).replace(",", ";"))
    with pytest.raises(DataError, match="delimiter ';', the training data ','"):
        load(mirror=None, cache=tmp_path, path=path, test_path=other, **settings)


def test_a_tab_separates_turns(tmp_path: Path):
    path = write(tmp_path, "chat.txt", "".join(f"a {number}\tb\n" for number in range(5)))
    assert load(mirror=None, cache=tmp_path, path=path, separator="\\t").test.replies == ("b",)


@pytest.mark.parametrize(
    ("name", "content", "settings", "words"),
    [
        ("a.txt", "hello\nbye\n", {}, r"two turns.*data\.separator"),
        ("a.txt", "hello __eou__ __eou__ bye\n", {}, "line 1: turn 2 is blank"),
        ("a.txt", "\n\n", {}, "blank lines alone"),
        ("a.txt", "a __eou__ b\n", {}, "different dialogues"),
        ("a.csv", "id,text\n1,a\n2,b\n", {}, "two turns"),
        ("a.csv", "id,text\n1,a\n1,b\nNaN,c\n,d\n", {}, r"line 4: found 'NaN' in column 'id', expected which dialogue"),
    ],
)
def test_bad_files_are_one_message(tmp_path: Path, name: str, content: str, settings: dict[str, Any], words: str):
    with pytest.raises(DataError, match=words):
        load(mirror=None, cache=tmp_path, path=write(tmp_path, name, content), **settings)


def test_columns_must_be_clear(tmp_path: Path):
    path = write(tmp_path, "a.csv", "who,said\n1,a\n1,b\n2,c\n2,d\n")
    with pytest.raises(ConfigError, match=r"data\.dialogue_column.*who, said"):
        load(mirror=None, cache=tmp_path, path=path)
    with pytest.raises(ConfigError, match=r"data\.separator"):
        load(mirror=None, cache=tmp_path, path=path, separator="")
