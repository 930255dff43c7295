import math
import re

import numpy as np
import pytest

from gru_bench.data.factory import make_data
from gru_bench.data.generated.reber import EMBEDDED_REBER, START, closed_form, log_probability
from gru_bench.errors import ConfigError
from gru_bench.sections import DataConfig, PathsConfig


def load(tmp_path, **options):
    return make_data(DataConfig(source="reber", options=options), PathsConfig(cache=str(tmp_path)), "tokens")


def test_closed_form_is_seven_bits_per_twelve_symbols():
    assert closed_form(EMBEDDED_REBER, START) == pytest.approx(7 * math.log(2) / 12, abs=1e-12)


def test_default_size_floor_and_digest(tmp_path):
    corpus = load(tmp_path)
    assert corpus.test.size >= 50_000
    assert corpus.level == "symbol"
    assert corpus.vocabulary.symbols[corpus.vocabulary.begin] == "E"
    assert corpus.floor is not None
    assert corpus.floor["closed-form floor"] == pytest.approx(0.40434, abs=1e-5)
    assert corpus.floor["floor"] == pytest.approx(corpus.floor["closed-form floor"], rel=0.005)
    assert corpus.facts["digest"] == "07cbf4eb3706ba1ef7ecbd719c53aa7b913fc88123fad9b09df7dfe56ea5503e"


def test_every_string_recalls_its_second_symbol(tmp_path):
    corpus = load(tmp_path, train_size=2000, valid_size=100, test_size=100)
    text = corpus.vocabulary.decode(corpus.train)
    inner = r"B(?:TS*X(?:XT*VPX|XT*VPS|XT*VV|S)|[BEPSTVX]*?)E"
    strings = re.findall(rf"B([TP]){inner}\1E(?=B|$)", text)
    assert "".join(match.group() for match in re.finditer(rf"B([TP]){inner}\1E(?=B|$)", text)) == text
    assert {"T", "P"} == set(strings)


def test_floor_by_counting_choices(tmp_path):
    """Within a string every symbol but six has a choice only where the grammar branches; count those by hand."""
    text = "BTBTXSETE" + "BPBPVVEPE"
    choices = 4 + 4  # outer T|P; inner T|P; S|X or T|V; X|S or P|V
    assert log_probability(EMBEDDED_REBER, START, list(text)) == pytest.approx(-choices * math.log(2))


def test_data_seed_is_an_option_of_its_own(tmp_path):
    first, again, other = (load(tmp_path, train_size=500, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train, again.train)
    assert first.facts["digest"] == again.facts["digest"] != other.facts["digest"]
    assert first.facts["data_seed"] == 1


def test_splits_are_drawn_apart(tmp_path):
    corpus = load(tmp_path, train_size=1000, valid_size=1000, test_size=1000)
    assert not np.array_equal(corpus.train[:200], corpus.valid[:200])
    assert not np.array_equal(corpus.valid[:200], corpus.test[:200])


@pytest.mark.parametrize(("key", "value"), [("train_size", 3), ("test_size", "many"), ("seed", -1)])
def test_bad_options_name_their_key(tmp_path, key, value):
    with pytest.raises(ConfigError, match=f"data.{key}: found {value!r}"):
        load(tmp_path, **{key: value})
