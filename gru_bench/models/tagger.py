"""A network with an output per word, and one per sentence if the data has classes."""

from __future__ import annotations

import jax
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from gru_bench.errors import ConfigError
from gru_bench.models.builder import Cells
from gru_bench.models.model import Model


class Tagger(Model):
    """Embedding, recurrent layers, a head over the hidden state of each word, another over the pooled ones.

    Args:
        cells: the cells of the settings.
        key: of the initial weights.
        symbols: size of the vocabulary.
        tags: number of tags.
        classes: number of classes of sentences; 0: there are none.
    """

    def __init__(self, cells: Cells, key: Array, symbols: int, tags: int, classes: int):
        if cells.settings.tied_embeddings:
            raise ConfigError("model.tied_embeddings", True, "false: this task reads words and returns tags")
        embedding_key, stack_key, tag_key, class_key = jax.random.split(key, 4)
        self.embedding = cells.embedding(embedding_key, symbols)
        self.stack = cells.stack(stack_key, self.embedding.size)
        last = self.stack.layers[-1]
        self.tag_head = cells.readout(tag_key, last.output_size, tags)
        pooling = cells.pooling(jax.random.fold_in(class_key, 1), last.output_size, len(last.weights))
        self.pooling = nnx.data(pooling if classes else None)
        self.class_head = nnx.data(cells.readout(class_key, last.output_size, classes) if classes else None)

    def __call__(
        self, inputs: Int[Array, "batch time"], padding: Bool[Array, "batch time"], key: Array | None = None
    ) -> tuple[Float[Array, "batch time tags"], Float[Array, "batch classes"] | None]:
        """Return the scores of the tags of each word and of the classes of each sentence.

        Args:
            inputs: words.
            padding: True for words, False for padding.
            key: of the dropout masks; None switches dropout off.
        """
        hidden, _ = self.stack.run(
            self.embedding(inputs), self.stack.zero_carry(inputs.shape[0]), padding=padding, key=key
        )
        scores = None
        if self.class_head is not None and self.pooling is not None:
            scores = self.class_head(self.pooling(hidden, padding))
        return self.tag_head(hidden), scores
