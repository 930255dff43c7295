import subprocess
import sys
from pathlib import Path

import pytest

from gru_bench.data.public.public_text import load_public
from gru_bench.errors import DataError
from tests.data.loopback import serve
from tests.data.public.small import TEXTS, make_card, make_mirror

CARD = make_card()


@pytest.fixture(scope="module")
def small_mirror(tmp_path_factory) -> Path:
    return make_mirror(tmp_path_factory.mktemp("small") / "mirror")


def test_a_text_is_read_from_the_mirror_and_nothing_is_written(small_mirror, tmp_path):
    corpus = load_public(CARD, small_mirror, tmp_path / "cache")
    assert corpus.vocabulary.decode(corpus.test) == TEXTS["test"]
    assert corpus.facts["symbols"] == CARD.symbols
    assert corpus.facts["source_sha256"] == {file.path: file.sha256[0] for file in CARD.files.values()}
    assert not (tmp_path / "cache").exists()


def test_a_download_is_kept_and_read_again_without_a_network(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")
    with serve({f"/{split}.txt": text.encode() for split, text in TEXTS.items()}) as (address, _):
        first = load_public(make_card(address), None, tmp_path)
    printed = capsys.readouterr()
    assert "downloading small/train.txt" in printed.err
    assert printed.out == ""
    again = load_public(make_card(address), None, tmp_path)
    assert again.facts["digest"] == first.facts["digest"]


def test_offline_and_absent(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DataError, match=r"3 file\(s\) are neither in the mirror nor in the cache"):
        load_public(CARD, None, tmp_path)
    assert list(tmp_path.rglob("*.txt")) == []


def test_unknown_counts_are_an_error(small_mirror, tmp_path):
    with pytest.raises(DataError, match=r"found .*'train': 120.* expected .*'train': 121"):
        load_public(make_card(symbols={"train": 121, "valid": 30, "test": 30}), small_mirror, tmp_path)


def test_tensorflow_and_jax_are_never_imported(small_mirror, tmp_path):
    code = """
import sys
from pathlib import Path
from gru_bench.data.public.public_text import load_public
from tests.data.public.small import make_card
load_public(make_card(), Path(sys.argv[1]), Path(sys.argv[2]))
print([name for name in ("tensorflow", "tensorflow_datasets", "jax", "torch") if name in sys.modules])
"""
    command = [sys.executable, "-c", code, str(small_mirror), str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
