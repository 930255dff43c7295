from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from gru_bench.data.tokens.corpus import Corpus
from gru_bench.data.tokens.vocabulary import Vocabulary
from gru_bench.errors import DataError
from gru_bench.models.network import Network
from gru_bench.sections import TrainingConfig
from gru_bench.tasks.generation import Categorical, generate
from gru_bench.tasks.language_modeling import LanguageModeling
from gru_bench.training.evaluate import Evaluator
from tests.training.small import make_network, make_text

pytestmark = pytest.mark.usefixtures("strict")

CORPUS = make_text()


def make_task(corpus: Corpus = CORPUS, **options: Any) -> LanguageModeling:
    return LanguageModeling(corpus.describe(), **options)


@pytest.fixture(scope="module")
def network() -> Network:
    """A network whose predictions differ: its weights are far from zero."""
    return make_network(make_task(), "lstm", init="uniform", init_scale=1.0)


@pytest.fixture(scope="module")
def plain_nll(network: Network) -> np.ndarray:
    """The nll of each test symbol, computed in one piece."""
    return _nll(network, CORPUS.test)


@nnx.jit
def _scores(network: Network, inputs: jax.Array) -> jax.Array:
    return network(inputs, network.zero_carry(inputs.shape[0]))[0]


def _nll(network: Network, stream: np.ndarray, begin: Any = CORPUS.vocabulary.begin) -> np.ndarray:
    inputs = np.concatenate([[begin], stream[:-1]]).astype(np.int32)
    scores = _scores(network, jnp.asarray(inputs)[None])
    return np.asarray(optax.softmax_cross_entropy_with_integer_labels(scores[0], jnp.asarray(stream)))


def evaluate(network: Network, task: LanguageModeling, split: Any, **training: Any) -> dict[str, float]:
    graph, params = nnx.split(network)
    config = TrainingConfig(updates=1, **{"bptt_window": 7, "eval_batch_size": 1, **training})
    return Evaluator(graph, task)(params, task.eval_batches(CORPUS, split, config))


@pytest.mark.parametrize("window", [7, 1000])
def test_a_carry_that_is_handed_on_makes_windows_invisible(network: Network, plain_nll: np.ndarray, window: int):
    found = evaluate(network, make_task(), "test", bptt_window=window)
    assert found["items"] == CORPUS.test.size
    assert found["nll"] == pytest.approx(plain_nll.mean(), rel=1e-5)


def test_a_reset_forgets_what_was_before_the_window(network: Network, plain_nll: np.ndarray):
    found = evaluate(network, make_task(state="reset"), "test", bptt_window=7)
    begins = [CORPUS.vocabulary.begin, *(int(CORPUS.test[start - 1]) for start in range(7, 90, 7))]
    pieces = [
        _nll(network, CORPUS.test[start : start + 7], begin)
        for start, begin in zip(range(0, 90, 7), begins, strict=True)
    ]
    assert found["items"] == CORPUS.test.size
    assert found["nll"] == pytest.approx(np.concatenate(pieces).mean(), rel=1e-5)
    assert found["nll"] != pytest.approx(plain_nll.mean(), rel=1e-3)


@pytest.mark.parametrize("lanes", [2, 13, 500])
def test_every_symbol_is_scored_once_in_any_number_of_lanes(network: Network, lanes: int):
    stream = CORPUS.valid  # 101 symbols, a prime: no number of lanes divides it
    found = evaluate(network, make_task(), "valid", eval_batch_size=lanes)
    assert found["items"] == stream.size
    lane = -(-stream.size // lanes)
    missing = -stream.size % lane
    targets = np.pad(stream, (0, missing)).reshape(-1, lane)
    inputs = np.pad(np.concatenate([[CORPUS.vocabulary.begin], stream[:-1]]), (0, missing)).reshape(-1, lane)
    scores = _scores(network, jnp.asarray(inputs, jnp.int32))
    nll = optax.softmax_cross_entropy_with_integer_labels(scores, jnp.asarray(targets)).reshape(-1)
    assert found["nll"] == pytest.approx(float(nll[: stream.size].mean()), rel=1e-5)


@pytest.mark.parametrize("state", ["carry", "reset"])
def test_training_windows_follow_the_policy(network: Network, state: Any):
    task = make_task(state=state)
    training = TrainingConfig(updates=1, batch_size=3, bptt_window=7)
    windows = task.train_batches(CORPUS, training, 0)

    @nnx.jit
    def loss(network: Network, batch: Any, carry: Any) -> Any:
        return task.loss(network, batch, carry, None)

    zero = network.zero_carry(3)
    first = loss(network, windows.at(0, 0), zero)
    second = loss(network, windows.at(0, 1), first.carry)
    anew = loss(network, windows.at(0, 1), zero)
    assert first.items == 21
    assert bool(second.total == anew.total) == (state == "reset")
    lanes = np.concatenate([windows.at(0, index)["targets"] for index in (0, 1)], axis=1)
    whole = [_nll(network, lane, begin) for lane, begin in zip(lanes, windows.at(0, 0)["inputs"][:, 0], strict=True)]
    assert np.isclose(first.total + second.total, np.sum(whole), rtol=1e-5) == (state == "carry")
    next_epoch = loss(network, windows.at(1, 0), second.carry)  # an epoch starts anew under both policies
    assert next_epoch.total == first.total


@pytest.mark.parametrize(
    ("level", "units"),
    [
        ("symbol", {"nll": 1.5}),
        ("char", {"nll": 1.5, "bits_per_character": 1.5 / math.log(2)}),
        ("byte", {"nll": 1.5, "bits_per_character": 1.5 / math.log(2)}),
        ("word", {"nll": 1.5, "perplexity": math.exp(1.5)}),
    ],
)
def test_units_fit_the_level(level: Any, units: dict[str, float]):
    if level == "word":
        vocabulary = Vocabulary(("<eos>", "a"), "word", 0)
        task = LanguageModeling({"vocabulary": vocabulary.to_dict()})
    else:
        task = make_task(make_text(level))
    assert task.metrics({"nll": np.float32(30.0), "items": 20}) == {**units, "items": 20}


@pytest.mark.parametrize("level", ["char", "byte"])
def test_a_text_is_scored_from_standard_input(level: Any, monkeypatch: pytest.MonkeyPatch):
    corpus = make_text(level)
    monkeypatch.setattr("sys.stdin", io.StringIO(corpus.vocabulary.decode(corpus.test[:9])))
    batches = make_task(corpus).file_batches(Path("-"), TrainingConfig(updates=1, bptt_window=9, eval_batch_size=1))
    np.testing.assert_array_equal(batches[0]["targets"], corpus.test[None, :9])
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(DataError, match=r"^path: standard input is empty"):
        make_task(corpus).file_batches(Path("-"), TrainingConfig(updates=1))


def test_a_hopeless_model_has_a_finite_perplexity():
    task = LanguageModeling({"vocabulary": Vocabulary(("<eos>", "a"), "word", 0).to_dict()})
    assert math.isfinite(task.metrics({"nll": np.float32(1e6), "items": 1})["perplexity"])


def test_the_unigram_baseline_by_hand():
    """Counts of train plus one: a 3 + 1, b 1 + 1, c 0 + 1 of 7."""
    vocabulary = Vocabulary(("a", "b", "c"), "char", 0)
    train, test = vocabulary.encode("aaab"), vocabulary.encode("abc")
    corpus = Corpus("hand", "char", vocabulary, train, test, test, {"digest": ""}, {"floor": 0.5})
    found = make_task(corpus).baselines(corpus)
    nll = -(math.log(4 / 7) + math.log(2 / 7) + math.log(1 / 7)) / 3
    assert found["unigram"] == pytest.approx({"nll": nll, "bits_per_character": nll / math.log(2)})
    assert found["floor"] == pytest.approx({"nll": 0.5, "bits_per_character": 0.5 / math.log(2)})


def test_shifted_epochs_begin_elsewhere():
    training = TrainingConfig(updates=1, batch_size=3, bptt_window=7)
    fixed, shifted = (make_task(shift_epochs=shift).train_batches(CORPUS, training, 0) for shift in (False, True))
    assert (fixed.at(0, 0)["inputs"] == fixed.at(1, 0)["inputs"]).all()
    assert (shifted.at(0, 0)["inputs"] != shifted.at(1, 0)["inputs"]).any()
    again = make_task(shift_epochs=True).train_batches(CORPUS, training, 0)
    assert (again.at(1, 5)["inputs"] == shifted.at(1, 5)["inputs"]).all()


def continue_text(network: Network, prompt: str = "abc", **options: Any) -> str:
    settings = {"length": 30, "temperature": 1.0, "top_k": None, "seed": 0, **options}
    (row,) = make_task().predict(network, prompt=prompt, **settings).rows
    return row["continuation"]


def test_greedy_text_is_what_the_whole_context_makes_most_probable(network: Network):
    """The carry of generation against the network run anew over everything before each symbol."""
    ids = np.zeros(16, np.int32)
    ids[:4] = [CORPUS.vocabulary.begin, *CORPUS.vocabulary.encode("abc")]
    for place in range(4, 16):
        ids[place] = np.argmax(_scores(network, jnp.asarray(ids)[None])[0, place - 1])
    expected = CORPUS.vocabulary.decode(ids[4:])
    assert continue_text(network, temperature=0.0, length=12) == expected
    assert continue_text(network, temperature=0.0, length=12, seed=5) == expected
    assert continue_text(network, top_k=1, length=12, seed=5) == expected


def test_draws_depend_on_the_seed_alone(network: Network):
    first = continue_text(network)
    assert first == continue_text(network)
    assert first != continue_text(network, seed=1)
    assert len(first) == 30
    assert len(continue_text(network, "", length=1)) == 1
    assert set(first) <= set("abcdef")


def test_top_k_draws_from_the_most_probable_alone(network: Network):
    scores = np.asarray(_scores(network, jnp.array([[CORPUS.vocabulary.begin]], jnp.int32))[0, -1])
    likely = {CORPUS.vocabulary.symbols[index] for index in np.argsort(scores)[-2:]}
    drawn = {continue_text(network, "", length=1, top_k=2, temperature=5.0, seed=seed) for seed in range(30)}
    assert drawn == likely
    assert continue_text(network, top_k=99) == continue_text(network, top_k=6) == continue_text(network)


def test_draws_follow_the_predicted_probabilities(network: Network):
    start = jnp.array([CORPUS.vocabulary.begin], jnp.int32)
    scores = _scores(network, start[None])[0, -1]
    keys = jax.random.split(jax.random.key(0), 4000)
    drawn = jax.jit(jax.vmap(lambda key: generate(network, start, 1, Categorical(0.5), key)[0]))(keys)
    found = np.bincount(np.asarray(drawn), minlength=6) / 4000
    np.testing.assert_allclose(found, jax.nn.softmax(scores / 0.5), atol=0.04)


@pytest.mark.parametrize(
    ("level", "described", "written"),
    [
        ("char", {}, False),
        ("char", {"unknown_in_train": False}, False),
        ("word", {"unknown_in_train": False}, False),
        ("word", {"unknown_in_train": True}, True),
        ("word", {}, True),
    ],
)
def test_the_unknown_symbol_is_written_only_where_train_has_it(
    network: Network, level: Any, described: Any, written: bool
):
    vocabulary = Vocabulary((*"abcde", "<unk>"), level)
    task = LanguageModeling({"vocabulary": vocabulary.to_dict(), **described})
    assert LanguageModeling(task.describe()).unknown_in_train == task.unknown_in_train == written
    (row,) = task.predict(network, length=60, temperature=50.0).rows
    assert ("<unk>" in row["continuation"]) == written


@pytest.mark.parametrize(("train", "unknown"), [("ab", False), ("a?", True)])
def test_a_corpus_says_whether_its_train_split_has_unknown_symbols(train: str, unknown: bool):
    vocabulary = Vocabulary(("a", "b", "<unk>"), "word")
    ids = vocabulary.encode_symbols(list(train))
    corpus = Corpus("hand", "word", vocabulary, ids, ids, vocabulary.encode_symbols(["?"]), {})
    assert corpus.describe()["unknown_in_train"] is unknown


def test_a_prompt_with_an_unknown_symbol_is_refused(network: Network):
    with pytest.raises(DataError, match=r"'z' at position 2 is not among the 6 symbols"):
        continue_text(network, "abz")


def test_samples(network: Network):
    assert make_task(sample_length=0).samples(network, CORPUS, 0) == []
    (sample,) = make_task(sample_length=9, sample_temperature=0.0).samples(network, CORPUS, 0)
    assert sample.given == ""
    assert sample.output == continue_text(network, "", length=9, temperature=0.0)


def test_what_a_saved_run_needs_is_plain():
    task = make_task()
    assert LanguageModeling(task.describe()).vocabulary == CORPUS.vocabulary
    assert task.signature.symbols == task.signature.outputs == 6
