from __future__ import annotations

from pathlib import Path

import pytest

from gru_bench.data.generated.verb_final import ADJECTIVES, ARTICLES, ENDINGS, JOINTS, NOUNS, PLACES, VERBS, load
from gru_bench.errors import DataError

SIZES = {"train_size": 300, "valid_size": 40, "test_size": 200}


def translated(source: str) -> str:
    """Translate by the rules of the page, word by word, without the generator."""
    out: list[str] = []
    for clause in _split(source.split(), {english for english, _ in JOINTS}):
        out += [dict(JOINTS)[clause[0]]] if clause[0] in dict(JOINTS) else []
        words = clause[len(clause) - len([word for word in clause if word not in dict(JOINTS)]) :]
        verbs = {english: forms for english, *forms in VERBS}
        place = next(index for index, word in enumerate(words) if word in verbs)
        subject, object = _phrase(words[:place], "nominative"), _phrase(words[place + 1 :], "accusative")
        first = next(word for word in words if any(word in noun[:2] for noun in NOUNS))
        plural = any(first == noun[1] for noun in NOUNS)
        out += [*subject, *object, verbs[words[place]][plural]]
    return " ".join(out)


def _split(words: list[str], starts: set[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word in starts:
            parts.append([])
        parts[-1].append(word)
    return parts


def _phrase(words: list[str], case: str) -> list[str]:
    out: list[str] = []
    for part in _split(words, set(dict(PLACES))):
        if part[0] in dict(PLACES):
            out.append(dict(PLACES)[part.pop(0)])
            case = "dative"
        noun = next(noun for noun in NOUNS if part[-1] in noun[:2])
        plural = part[-1] == noun[1]
        form = 3 if plural else "mfn".index(noun[2])
        adjectives = [dict(ADJECTIVES)[word] + ENDINGS[case][form] for word in part[1:-1]]
        out += [ARTICLES[part[0]][case][form], *adjectives, noun[4] if plural else noun[3]]
    return out


def test_every_translation_follows_from_its_source(tmp_path: Path):
    data = load(mirror=None, cache=tmp_path, **SIZES)
    for split in (data.train, data.valid, data.test):
        assert [translated(source) for source in split.sources] == list(split.targets)
    assert any(" because " in source for source in data.test.sources)


def test_sentences_of_test_are_longer_and_none_occurs_twice(tmp_path: Path):
    data = load(mirror=None, cache=tmp_path, **SIZES)
    lengths = {split: [len(ids) for ids in getattr(data, split).source_ids] for split in ("train", "valid", "test")}
    assert max(lengths["train"] + lengths["valid"]) == 18
    assert 18 < max(lengths["test"]) <= 20
    assert data.facts["longer_than_train"] == sum(length > 18 for length in lengths["test"]) / 200 > 0.01
    sources = [*data.train.sources, *data.valid.sources, *data.test.sources]
    assert len(set(sources)) == len(sources) == 540
    with pytest.raises(DataError, match=r"data\.test_length=18"):
        load(mirror=None, cache=tmp_path, test_length=18)


def test_it_is_a_pure_function_of_its_seed(tmp_path: Path):
    one, again, other = (load(mirror=None, cache=tmp_path, **SIZES, seed=seed) for seed in (0, 0, 1))
    assert one.facts["digest"] == again.facts["digest"] != other.facts["digest"]
