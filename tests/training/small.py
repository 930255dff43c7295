"""A small language model with everything that one update needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from gru_bench.data.batches.base import Batches
from gru_bench.data.tokens.corpus import Corpus, make_corpus
from gru_bench.data.tokens.vocabulary import Level, Vocabulary
from gru_bench.models.network import Network
from gru_bench.sections import ModelConfig, OptimizerConfig, TrainingConfig
from gru_bench.tasks.language_modeling import LanguageModeling
from gru_bench.training.optimizer import make_optimizer
from gru_bench.training.step import Reduction, TrainState, UpdateMetrics, make_update
from tests.networks import make_model

TRAINING = TrainingConfig(updates=1, batch_size=3, bptt_window=7, eval_batch_size=2)
SYMBOLS = 6


def make_text(level: Level = "symbol", train: int = 300, valid: int = 101, test: int = 90) -> Corpus:
    """Draw a corpus of the symbols a to f; each depends on the one before it."""
    draw = np.random.default_rng(0)
    symbols = tuple("abcdef")
    vocabulary = Vocabulary.of_bytes() if level == "byte" else Vocabulary(symbols, level)
    offset = ord("a") if level == "byte" else 0
    splits = {}
    for name, size in {"train": train, "valid": valid, "test": test}.items():
        steps = draw.choice([1, 2, 3], size=size, p=[0.7, 0.2, 0.1])
        splits[name] = (np.cumsum(steps) % SYMBOLS + offset).astype(np.int32)
    return make_corpus("drawn", vocabulary, splits, {})


def make_network(task: LanguageModeling, cell: str = "gru", seed: int = 0, **model: Any) -> Network:
    """Build a network of hidden size 5."""
    config = ModelConfig(cell=cell, **{"hidden_size": 5, **model})
    return make_model(config, TRAINING, task.signature, jax.random.key(seed))


class Parts(NamedTuple):
    """What one update needs."""

    update: Callable[[TrainState, Any], tuple[TrainState, UpdateMetrics]]
    state: TrainState
    batches: list[Any]
    optimizer: optax.GradientTransformation


def make_batches(seed: int = 0) -> Batches[Any]:
    """Return the batches of a small text."""
    corpus = make_text()
    return LanguageModeling(corpus.describe()).train_batches(corpus, TRAINING, seed)


def make_parts(
    optimizer: OptimizerConfig,
    *,
    reduction: Reduction = "item_mean",
    weight_noise: float = 0.0,
    seed: int = 0,
    cell: str = "gru",
    **model: Any,
) -> Parts:
    """Build an update, its first state and all batches of an epoch."""
    corpus = make_text()
    task = LanguageModeling(corpus.describe())
    network = make_network(task, cell, seed, **model)
    graph, params = nnx.split(network)
    chain = make_optimizer(optimizer, optax.constant_schedule(optimizer.learning_rate))
    state = TrainState(
        params=params,
        optimizer=chain.init(params),
        carry=network.zero_carry(TRAINING.batch_size),
        key=jax.random.key(seed + 100),
        update=jnp.zeros((), jnp.int32),
    )
    windows = make_batches(seed)
    batches = [windows.at(0, index) for index in range(len(windows))]
    update = make_update(graph, task, lambda _: chain, reduction, weight_noise)
    return Parts(lambda state, batch: update(state, batch, {}), state, batches, chain)
