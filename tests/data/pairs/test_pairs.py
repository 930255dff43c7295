from __future__ import annotations

import json

import numpy as np
import pytest

from gru_bench.data.pairs.baselines import translations_without_network
from gru_bench.data.pairs.pairs import PairForm, Pairs, make_pairs
from gru_bench.data.pairs.scores import signatures, text_scores
from gru_bench.errors import DataError

NOUNS = {"dog": "hund", "cat": "katze", "bird": "vogel", "fish": "fisch"}
VERBS = {"runs": "rennt", "sings": "singt", "sleeps": "schläft"}
ALL = [(f"the {noun} {verb}", f"{NOUNS[noun]} {VERBS[verb]}") for noun in NOUNS for verb in VERBS]


def small(**changes: object) -> Pairs:
    texts = {"train": ALL[:9], "valid": ALL[9:10], "test": ALL[10:]}
    columns = {split: ([one for one, _ in rows], [two for _, two in rows]) for split, rows in texts.items()}
    return make_pairs("small", {**columns, **changes})  # pyright: ignore[reportArgumentType]


def test_the_form_survives_json_and_symbols_come_from_train_alone():
    data = small()
    form = PairForm.from_dict(json.loads(json.dumps(data.describe())))
    assert form == data.form
    assert "fish" not in form.source.symbols
    assert data.facts["unknown"] == {"train": [0, 0], "valid": [1, 1], "test": [2, 2]}
    assert data.facts["pairs"] == {"train": 9, "valid": 1, "test": 2}
    assert data.facts["signatures"]["bleu"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2")
    assert small().facts["digest"] == data.facts["digest"]


def test_a_share_of_train_keeps_symbols_and_has_another_digest():
    data = small()
    part, less = data.with_train_fraction(0.6, 0), data.with_train_fraction(0.3, 0)
    assert (len(part.train), len(less.train)) == (5, 3)
    assert set(less.train.sources) < set(part.train.sources) < set(data.train.sources)
    assert part.form == data.form
    assert len({each.facts["digest"] for each in (data, part, less)}) == 3


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((["a", "b"], ["x"]), "found 2 sources and 1 targets"),
        (([], []), "found no pairs"),
        ((["a", " "], ["x", "y"]), "the source of pair 2 is blank"),
    ],
)
def test_what_are_no_pairs_is_refused(columns: tuple[list[str], list[str]], message: str):
    with pytest.raises(DataError, match=message):
        small(test=columns)


def test_baselines():
    data = small(test=(["the bird runs", "the dog sings"], ["vogel rennt", "hund singt"]))
    outputs = translations_without_network(data)
    assert outputs["copy"] == ["the bird runs", "the dog sings"]
    assert outputs["nearest neighbour"] == ["vogel rennt", "hund singt"]
    assert [words.split()[-2:] for words in outputs["dictionary"]] == [["vogel", "rennt"], ["hund", "singt"]]


def test_scores_by_hand():
    """Six of seven words agree, in runs that give precisions 6/7, 4/6, 2/5 and 1/4, and no brevity penalty."""
    reference, output = "the cat sat on the mat now", "the cat sat on a mat now"
    scores = text_scores([output], [reference], "none", False)
    assert scores["bleu"] == pytest.approx(100 * np.prod([6 / 7, 4 / 6, 2 / 5, 1 / 4]) ** 0.25, rel=1e-6)
    assert scores["exact"] == 0
    short = text_scores(["the cat sat on"], [reference], "none", False)["bleu"]
    assert short == pytest.approx(100 * np.exp(1 - 7 / 4), rel=1e-6)
    assert text_scores(["A b c d"], ["a b c d"], "none", True)["bleu"] == pytest.approx(100)
    assert text_scores(["a", "b"], ["a", "c"], "none", True)["exact"] == 0.5


def test_signatures_name_case_and_tokeniser():
    assert "case:lc" in signatures("intl", True)["bleu"]
    assert "tok:intl" in signatures("intl", True)["bleu"]
    assert signatures("13a", False)["chrf"].startswith("nrefs:1|case:mixed")
