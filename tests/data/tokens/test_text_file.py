import codecs
import gzip
import random

import pytest

from gru_bench.data.factory import make_data
from gru_bench.data.tokens.text_file import cut_tail
from gru_bench.errors import ConfigError, DataError
from gru_bench.sections import DataConfig, PathsConfig

TEXT = "Der Bär läuft über die Straße.\nDie Straße ist grün.\n" * 40


@pytest.fixture
def load(tmp_path):
    def load(content=None, **options):
        path = tmp_path / "own.txt"
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        config = DataConfig(source="text_file", options={"path": str(path)} | options)
        return make_data(config, PathsConfig(cache=str(tmp_path / "cache")), "tokens")

    return load


def whole(corpus):
    return "".join(corpus.vocabulary.decode(split) for split in (corpus.train, corpus.valid, corpus.test))


def test_characters_are_cut_in_order(load):
    corpus = load(TEXT, valid_fraction=0.1, test_fraction=0.2)
    assert whole(corpus) == TEXT
    assert corpus.valid.size == int(len(TEXT) * 0.1)
    assert corpus.test.size == int(len(TEXT) * 0.2)
    assert corpus.facts["encoding"] == "utf-8"
    assert "unknown" not in corpus.facts


def test_words(load):
    corpus = load(TEXT, level="word")
    assert corpus.level == "word"
    assert corpus.train.size + corpus.valid.size + corpus.test.size == 40 * 12
    assert corpus.vocabulary.symbols[corpus.vocabulary.begin] == "<eos>"


def test_words_are_composed(load):
    data = load("cafe\u0301 ou thé the\u0301 \u0925\u0940\n".encode() * 60, level="word")
    assert set(data.vocabulary.symbols) == {"café", "ou", "thé", "\u0925\u0940", "<eos>"}
    assert data.vocabulary.decode(data.vocabulary.encode("cafe\u0301")) == "café"


def test_bytes_hold_anything(load):
    content = bytes(range(256)) * 4
    corpus = load(content, level="byte")
    assert corpus.vocabulary.size == 256
    assert corpus.test.tolist() == list(content[-51:])
    assert "encoding" not in corpus.facts


def test_what_train_lacks_becomes_unknown_only_where_needed(load):
    corpus = load("abc\n" * 100 + "xyz\n" * 5)
    assert corpus.vocabulary.symbols == ("\n", "a", "b", "c", "<unk>")
    assert corpus.facts["unknown"] == {"train": 0, "valid": 0, "test": 15}
    assert corpus.vocabulary.decode(corpus.test[-4:]) == "<unk><unk><unk>\n"


def test_rare_words_and_a_limit(load):
    text = "common " * 300 + "rare " + "middle " * 20 + "common " * 60
    corpus = load(text, level="word", min_count=2)
    assert corpus.vocabulary.symbols == ("common", "middle", "<eos>", "<unk>")
    assert corpus.facts["unknown"]["train"] == 1
    assert load(text, level="word", max_vocabulary=3).vocabulary.symbols == ("common", "<eos>", "<unk>")


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-32", "utf-32"),
    ],
)
def test_encodings_that_are_certain(load, encoding, said):
    corpus = load(TEXT.encode(encoding))
    assert whole(corpus) == TEXT
    assert corpus.facts["encoding"] == said


def test_big_endian_marks(load):
    corpus = load(codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"))
    assert whole(corpus) == TEXT


def test_a_guess_is_recorded_and_warned_about(load, caplog):
    corpus = load(TEXT.encode("cp1252"))
    assert whole(corpus) == TEXT
    assert corpus.facts["encoding"] not in ("auto", "utf-8")
    assert "is not UTF-8; reading it as" in caplog.text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("égal, already seen\nnul, 3\n" * 30, "cp1252"),  # few accents, before letters that complete Chinese signs
        ("a façade – “naïve” € 5\n" * 9, "cp1252"),
        ("Zażółć gęślą jaźń, żeby było łatwiej. Proszę bardzo, miłego dnia życzę wszystkim.\n" * 9, "cp1250"),
        ("Съешь же ещё этих мягких французских булок, да выпей чаю.\n" * 9, "cp1251"),
        ("色は匂へど散りぬるを我が世誰ぞ常ならむ、有為の奥山今日越えて。\n" * 9, "shift_jis"),
        ("天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏。\n" * 9, "big5"),
    ],
)
def test_guesses_of_one_and_two_byte_encodings(load, text, encoding):
    assert whole(load(text.encode(encoding))) == text


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16-le"])
def test_a_said_encoding_is_used(load, encoding):
    corpus = load(TEXT.encode(encoding), encoding=encoding)
    assert whole(corpus) == TEXT
    assert corpus.facts["encoding"] == encoding


def test_a_mark_is_not_a_character(load):
    assert whole(load(TEXT.encode("utf-8-sig"), encoding="utf-8")) == TEXT


def test_line_ends_of_other_systems(load):
    assert whole(load(TEXT.replace("\n", "\r\n"))) == TEXT
    assert whole(load(TEXT.replace("\n", "\r"))) == TEXT


def test_home_and_relative_paths(load, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    load(TEXT)
    assert whole(load(path="~/own.txt")) == TEXT
    assert whole(load(path="own.txt")) == TEXT


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, r"own\.txt is empty"),
        ("ab", {}, "expected at least 10"),
        (TEXT, {"path": "/nowhere/own.txt"}, "no folder /nowhere either"),
        (TEXT, {"path": "."}, "is a folder, expected a file"),
        (TEXT, {"path": "/dev/null"}, "no regular file"),
        (gzip.compress(TEXT.encode()), {}, "looks binary .*data.level=byte"),
        (b"\x7fELF" + bytes(4000), {}, r"looks binary \(byte 0x00 at offset 4\)"),
        (TEXT.encode("utf-16-le"), {}, "looks binary .*data.encoding=utf-16-le"),
        (TEXT.encode("cp1252"), {"encoding": "utf-8"}, r"is not utf-8: byte 0xe4 at offset 5, line 1"),
        (TEXT.encode("cp1252"), {"encoding": "ascii"}, "data.encoding=auto"),
        (codecs.BOM_UTF16_LE + b"abc", {}, "is not utf-16: .*offset"),
        (rb"a\ b", {"encoding": "unicode_escape"}, "is not unicode_escape: .*invalid escape sequence"),
    ],
)
def test_bad_files_are_data_errors(load, content, options, message):
    with pytest.raises(DataError, match=message):
        load(content, **options)


def test_a_misspelt_name_finds_its_neighbour(load, tmp_path):
    load(TEXT)
    (tmp_path / "owm").mkdir()
    with pytest.raises(DataError, match=r"Did you mean 'own\.txt'"):
        load(path=str(tmp_path / "owm.txt"))


def test_a_file_that_cannot_be_read(load, tmp_path, monkeypatch):
    load(TEXT)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(DataError, match=r"cannot read .*own\.txt: Permission denied"):
        load()


def test_bytes_that_nobody_can_guess(load):
    """Random bytes above 0x7f: no control characters, no language."""
    noise = bytes(random.Random(0).choices(range(128, 256), k=3000))
    with pytest.raises(DataError, match=r"not UTF-8 \(byte 0x.. at offset \d+\).*data\.encoding="):
        load(noise)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "utf9"}, "data.encoding: found 'utf9', .*Did you mean 'utf-"),
        ({"encoding": "base64"}, "data.encoding: found 'base64'"),
        ({"path": None}, r"data.path: found nothing.*data\.path=\.\.\."),
        ({"level": "sentence"}, "data.level: found 'sentence', allowed: word or char or byte"),
        ({"valid_fraction": 0.9}, "data.valid_fraction: found 0.9"),
        ({"min_cuont": 2}, "data.min_cuont: .*Did you mean 'min_count'"),
    ],
)
def test_bad_options_name_their_key(load, options, message):
    with pytest.raises(ConfigError, match=message):
        load(TEXT, **options)


def test_cut_tail_keeps_everything_in_order():
    parts = cut_tail(list(range(100)), {"valid": 0.1, "test": 0.25})
    assert parts["train"] + parts["valid"] + parts["test"] == list(range(100))
    assert (len(parts["valid"]), len(parts["test"])) == (10, 25)
    assert cut_tail("abc", {}) == {"train": "abc"}
