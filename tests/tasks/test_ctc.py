"""CTC beside enumeration of all alignments: the loss, transcripts without one, and both ways of decoding."""

from __future__ import annotations

import itertools
from collections import defaultdict

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.data.speech.language_model import NGrams
from gru_bench.tasks.ctc import CTC, best_path, ctc_nll, prefix_beam

OUTPUTS, FRAMES = 3, 5


def log_probabilities(seed: int, frames: int = FRAMES) -> np.ndarray:
    scores = 2 * np.random.default_rng(seed).normal(size=(frames, OUTPUTS))
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def enumerated(rows: np.ndarray) -> dict[tuple[int, ...], float]:
    """Return the probability of each text: the sum over all alignments that give it."""
    texts: defaultdict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(OUTPUTS), repeat=len(rows)):
        joined = [output for output, _ in itertools.groupby(path)]
        texts[tuple(output for output in joined if output)] += float(np.exp(rows[range(len(rows)), path].sum()))
    return texts


def test_the_loss_is_that_of_all_alignments_and_has_no_gradient_where_there_is_none():
    texts = [(), (1,), (2, 1), (1, 1), (1, 2, 1), (2, 2, 2), (1, OUTPUTS)]  # the last one cannot be written
    cases = list(itertools.product(texts, (FRAMES, 3)))
    rows = np.stack([log_probabilities(place) for place in range(len(cases))])
    targets = jnp.array([[*text, *[0] * (4 - len(text))] for text, _ in cases])
    frames = np.array([count for _, count in cases])
    padding = jnp.arange(FRAMES)[None] < frames[:, None]
    probabilities = [enumerated(row[:count]).get(text, 0.0) for row, (text, count) in zip(rows, cases, strict=True)]

    def total(scores: jax.Array) -> tuple[jax.Array, CTC]:
        ctc = ctc_nll(scores, padding, targets)
        return ctc.nll.sum(), ctc

    gradient, (nll, possible) = jax.jit(jax.grad(total, has_aux=True))(jnp.asarray(rows, jnp.float32))
    np.testing.assert_array_equal(possible, np.array(probabilities) > 0)
    assert not possible.all()
    expected = [-np.log(probability) if probability else 0.0 for probability in probabilities]
    np.testing.assert_allclose(nll, expected, rtol=1e-5, atol=1e-6)
    assert jnp.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient.any(axis=(1, 2)), possible)
    assert not jnp.where(padding[..., None], 0, gradient).any()


def test_the_loss_is_never_below_zero():
    scores = jnp.where(jnp.arange(OUTPUTS) == 1, 40.0, -40.0) * jnp.ones((1, 50, 1))
    nll, _ = jax.jit(ctc_nll)(scores, jnp.ones((1, 50), bool), jnp.array([[1]]))
    assert 0 <= float(nll[0]) < 1e-3


def test_the_best_path_joins_neighbours_and_drops_blanks():
    path = [0, 1, 1, 0, 1, 2, 2, 0]
    assert best_path(np.log(0.1 + np.eye(OUTPUTS)[path])) == ([1, 1, 2], [1, 4, 5])
    assert best_path(np.log(0.1 + np.eye(OUTPUTS)[[0, 0]])) == ([], [])


@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_the_most_probable_texts(seed: int):
    rows = log_probabilities(seed)
    texts = sorted(enumerated(rows).items(), key=lambda item: -item[1])
    found = prefix_beam(rows, 1000)
    assert [one.outputs for one in found] == [text for text, _ in texts]
    np.testing.assert_allclose([one.score for one in found], np.log([share for _, share in texts]), rtol=1e-9)
    narrow = prefix_beam(rows, 3)
    assert len(narrow) == 3
    assert narrow[0].score <= found[0].score + 1e-12


def test_a_language_model_and_a_bonus_are_added_to_each_symbol():
    rows = log_probabilities(7)
    model = NGrams({(1, 2): 3, (2, 2, 1): 1}, OUTPUTS, 2)

    def prior(text: tuple[int, ...]) -> float:
        return sum(float(model(text[:place])[output]) for place, output in enumerate(text))

    scores = {text: np.log(share) + 0.7 * prior(text) + 0.3 * len(text) for text, share in enumerated(rows).items()}
    found = prefix_beam(rows, 1000, language_model=model, weight=0.7, bonus=0.3)
    assert found[0].outputs == max(scores, key=scores.__getitem__)
    for one in found:
        assert one.score == pytest.approx(scores[one.outputs], rel=1e-9)
