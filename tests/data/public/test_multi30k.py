from __future__ import annotations

from pathlib import Path

import pytest

from gru_bench.data.pairs.baselines import translations_without_network
from gru_bench.data.public.multi30k import load


def test_both_directions_of_the_published_captions(mirror: Path, tmp_path: Path):
    data = load(mirror=mirror, cache=tmp_path)
    assert data.facts["pairs"] == {"train": 29_000, "valid": 1_014, "test": 1_000}
    assert data.test.sources[0] == "ein mann mit einem orangefarbenen hut, der etwas anstarrt."
    assert data.test.targets[0] == "a man in an orange hat starring at something."
    assert data.form.source.size == 8038
    back = load(mirror=mirror, cache=tmp_path, direction="en-de", lowercase=False)
    assert back.test.sources[0] == "A man in an orange hat starring at something."
    assert back.facts["signatures"]["bleu"].startswith("nrefs:1|case:mixed")


@pytest.mark.slow
def test_scores_of_the_baselines(mirror: Path, tmp_path: Path):
    data = load(mirror=mirror, cache=tmp_path)
    outputs = translations_without_network(data)
    bleu = {name: data.form.scores(texts, data.test.targets)["bleu"] for name, texts in outputs.items()}
    assert bleu == pytest.approx({"copy": 0.75, "nearest neighbour": 10.41, "dictionary": 24.61}, abs=0.02)
