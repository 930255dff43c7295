"""Files in CoNLL columns: what is read at the first try, and what is refused with one message."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from gru_bench.data.tagged.conll import Columns, load, read_conll
from gru_bench.errors import ConfigError, DataError

NER = "-DOCSTART- -X- O O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\n# NN I-NP O\n7 CD I-NP O\n"
UD = """# sent_id = 1
# text = Vámonos al mar
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\t_\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
2.1\t_\t_\t_\t_\t_\t_\t_\t_\t_

# sent_id = 2
1\tal\tal\tADP\t_\t_\t0\troot\t_\t_
"""
INTENTS = "# text: set an alarm\n# intent: alarm\n1\tset\tO\n2\tan alarm\tB-x\n\n# intent: other\n1\thi\tO\n"


def read(tmp_path: Path, text: str | bytes, **columns: Any) -> Any:
    (tmp_path / "a.conll").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_conll(tmp_path / "a.conll", Columns(**columns), "data.path")


def test_columns_are_found(tmp_path: Path):
    sentences, columns = read(tmp_path, NER)
    assert [(one.words, one.tags) for one in sentences] == [
        (("EU", "rejects"), ("B-ORG", "O")),
        (("#", "7"), ("O", "O")),
    ]
    assert columns == Columns(word=1, tag=4)
    assert read(tmp_path, NER, tag=2)[0][0].tags == ("NNP", "VBZ")
    sentences, columns = read(tmp_path, UD)
    assert [(one.words, one.tags) for one in sentences] == [(("Vamos", "nos"), ("VERB", "PRON")), (("al",), ("ADP",))]
    assert columns == Columns(word=2, tag=4)
    sentences, columns = read(tmp_path, gzip.compress(INTENTS.replace("\n", "\r\n").encode()))
    assert sentences[0] == (("set", "an alarm"), ("O", "B-x"), "alarm")
    assert columns == Columns(word=2, tag=3, label="intent")


@pytest.mark.parametrize(
    ("text", "words", "columns"),
    [
        ("EU0 NNP B-NP B-ORG\n2-1 CD I-NP O\n1.5 CD I-NP O\n\n2-1 CD O O\n\n", ["EU0 2-1 1.5", "2-1"], (1, 4)),
        ("1 CD O\ndog NN O\n\na DT O\ndog NN O\n", ["1 dog", "a dog"], (1, 3)),
        ("1-0 CD O\n\nwon VBD O\n", ["1-0", "won"], (1, 3)),
        ("0 a DT O\n1 dog NN O\n\n0 yes UH O\n", ["a dog", "yes"], (2, 4)),
        ("#\thttp://a.b\t[2005]\n1\ta\tO\tO\n\n# text = a\tb\n1\tb\tO\tO\n", ["a", "b"], (2, 4)),
        ("# one two three\n# sentence\na O\n\n# sentence\n# O\nb X\n", ["a", "# b"], (1, 2)),
        ("# 1\n\na O\nb X\n\n# 2\n\nc O\n", ["a b", "c"], (1, 2)),
        ("a\tO\nb O\n10\u00a0000 O\n", ["a b 10\u00a0000"], (1, 2)),
    ],
)
def test_numbers_are_words_and_comments_none(tmp_path: Path, text: str, words: list[str], columns: tuple[int, int]):
    sentences, found = read(tmp_path, text)
    assert [" ".join(one.words) for one in sentences] == words
    assert (found.word, found.tag) == columns


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("a O\nb\n", {}, r"line 2: found 1 columns, expected 2 as in the first sentence"),
        ("just words\nof a long text\n", {}, r"line 2: found 4 columns"),
        ("word\n\nword\n", {}, r"line 1: found 1 columns, expected a word and its tag"),
        ("\n\n", {}, "found no sentence"),
        ("a O\n", {"tag": 3}, r"data.tag_column: found 3, allowed: a column from 1 to 2"),
        (INTENTS.replace("# intent: other\n", ""), {}, r"line 6: the sentence has no comment `# intent: ...`"),
        (INTENTS.replace("# intent: alarm\n", ""), {}, r"line 2: the sentence has no comment `# intent: ...`"),
        (UD + "\n1.1" + "\t_" * 9, {}, r"line 11: found a sentence without words"),
        (b"\x00\x01\x02", {}, "binary"),
    ],
)
def test_malformed_files_are_one_message(tmp_path: Path, text: str | bytes, columns: dict[str, int], message: str):
    with pytest.raises((DataError, ConfigError), match=message):
        read(tmp_path, text, **columns)


def test_splits_are_drawn_and_copies_stay_together(tmp_path: Path):
    sentences = "".join(f"word{number % 20} T{number % 2}\n\n" for number in range(40))
    (tmp_path / "all.txt").write_text(sentences)
    (tmp_path / "test.txt").write_text("new T1\n")
    data = load(mirror=None, cache=tmp_path, path=str(tmp_path / "all.txt"), valid_fraction=0.2, test_fraction=0.1)
    assert data.facts["sentences"] == {"train": 28, "valid": 8, "test": 4}
    assert not set(data.train.words) & {*data.valid.words, *data.test.words}
    other = load(mirror=None, cache=tmp_path, path=str(tmp_path / "all.txt"), test_path=str(tmp_path / "test.txt"))
    assert other.test.words == (("new",),)
    assert other.facts["drawn_from_path"] == ["valid"]
