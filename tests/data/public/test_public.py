import dataclasses
import math

import numpy as np
import pytest

from gru_bench.data.factory import make_data
from gru_bench.data.public import ptb, ptb_char, tiny_shakespeare, wikitext2
from gru_bench.data.public.public_text import load_public
from gru_bench.sections import DataConfig, PathsConfig
from tests.data.loopback import serve

MODULES = {"ptb": ptb, "ptb_char": ptb_char, "tiny_shakespeare": tiny_shakespeare, "wikitext2": wikitext2}


@pytest.fixture
def load(mirror, cache):
    paths = PathsConfig(mirror=str(mirror), cache=str(cache))
    return lambda name: make_data(DataConfig(source=name), paths, "tokens")


@pytest.mark.parametrize("name", MODULES)
def test_known_counts_and_same_digest_again(load, name):
    card = MODULES[name].CARD
    first, again = load(name), load(name)
    assert {"train": first.train.size, "valid": first.valid.size, "test": first.test.size} == card.symbols
    assert first.vocabulary.size == card.vocabulary
    assert first.facts["digest"] == again.facts["digest"]
    for split in (first.train, first.valid, first.test):
        assert split.dtype == np.int32
        assert 0 <= split.min() <= split.max() < card.vocabulary


def test_published_counts_are_what_the_cards_assert():
    assert ptb.CARD.symbols == {"train": 929_589, "valid": 73_760, "test": 82_430}
    assert ptb.CARD.vocabulary == 10_000
    assert wikitext2.CARD.symbols == {"train": 2_088_628, "valid": 217_646, "test": 245_569}
    assert wikitext2.CARD.vocabulary == 33_278


def test_ptb_reads_as_the_file_does(load, mirror):
    corpus = load("ptb")
    text = (mirror / "ptb/ptb.test.txt").read_text()
    assert corpus.vocabulary.decode(corpus.test).split() == text.split()
    assert (corpus.test == corpus.vocabulary.begin).sum() == text.count("\n") == 3761


def test_ptb_char_is_plain_text_of_the_same_sentences(load, mirror):
    corpus = load("ptb_char")
    words = (mirror / "ptb/ptb.test.txt").read_text()
    lines = [line.strip() for line in words.splitlines()]
    assert corpus.vocabulary.decode(corpus.test).splitlines()[:100] == lines[:100]


def test_tiny_shakespeare_is_cut_in_order(load, mirror):
    corpus = load("tiny_shakespeare")
    joined = np.concatenate([corpus.train, corpus.valid, corpus.test])
    assert corpus.vocabulary.decode(joined) == (mirror / "tiny_shakespeare/input.txt").read_text()


def test_wikitext2_counts_empty_lines(load, mirror):
    corpus = load("wikitext2")
    assert (corpus.valid == corpus.vocabulary.begin).sum() == (mirror / "wikitext2/valid.txt").read_text().count("\n")


def test_unigram_entropy_is_plausible(load):
    """Ids that were shuffled between splits or vocabularies would show here."""
    corpus = load("ptb")
    counts = np.bincount(corpus.train, minlength=corpus.vocabulary.size)
    nll = -np.log(counts[corpus.test] / counts.sum()).mean()
    assert math.exp(nll) == pytest.approx(640, rel=0.1)


def test_from_the_network_to_a_corpus(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")
    content = (mirror / "tiny_shakespeare/input.txt").read_bytes()
    with serve({"/input.txt": content}) as (address, asked):
        files = {
            name: dataclasses.replace(file, url=f"{address}/input.txt")
            for name, file in tiny_shakespeare.CARD.files.items()
        }
        corpus = load_public(dataclasses.replace(tiny_shakespeare.CARD, files=files), None, tmp_path)
    assert corpus.train.size == 1_003_854
    assert asked == ["/input.txt"]
