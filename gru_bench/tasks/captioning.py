"""Captioning: a convolution reads the frames of a video, and an encoder-decoder writes a caption."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gru_bench.data.batches.pairs import references
from gru_bench.data.captions.baselines import captions_without_network
from gru_bench.data.captions.captions import CaptionForm, Captions, Clips, Video
from gru_bench.data.captions.own import read_clips, read_for
from gru_bench.data.random import permutation
from gru_bench.data.tokens.vocabulary import Tokens
from gru_bench.errors import ConfigError
from gru_bench.models.builder import Cells
from gru_bench.models.encoder_decoder import EncoderDecoder
from gru_bench.models.frames import ByteFrames
from gru_bench.tasks.captioning_pictures import strips
from gru_bench.tasks.sequence_to_sequence import SequenceToSequence
from gru_bench.tasks.task import Batch, Prediction, Sample
from gru_bench.validation import Beam, Natural, NonNegativeFloat, Positive, Range, Rate


class Decoded(NamedTuple):
    """The best output for each video of a batch, and the references."""

    outputs: list[str]
    references: list[str]


class Captioning(SequenceToSequence):
    """Captions of videos or still pictures.

    Args:
        description: the description of the data, from its `describe`.
        buckets: maximum number of shapes of batches; videos are sorted into this many buckets by length.
        beam: number of hypotheses of the beam search behind the metrics; 1 is greedy search.
        length_penalty: exponent of the length penalty; 0 compares hypotheses by their log-probability alone.
        longest: the most words of an output.
        label_smoothing: share of the target distribution that is spread over all words in the training loss.
        samples: number of test videos to show at the end of a run, as strips of frames with their captions.
    """

    accepts = "captioned_videos"

    def __init__(
        self,
        description: Mapping[str, Any],
        *,
        buckets: Positive = 2,
        beam: Beam = 1,
        length_penalty: NonNegativeFloat = 0.6,
        longest: Annotated[int, Range(low=1, high=1000)] = 30,
        label_smoothing: Rate = 0.0,
        samples: Natural = 6,
    ):
        self.form = CaptionForm.from_dict(description)
        self.buckets, self.shown, self.label_smoothing = buckets, samples, label_smoothing
        self.beam, self.length_penalty, self.longest = beam, length_penalty, longest

    def build(self, cells: Cells, key: Array) -> EncoderDecoder:
        """Build an encoder-decoder that reads the features of frames."""
        reader_key, key = jax.random.split(key)
        size = cells.settings.embedding_size or cells.cell.hidden_size
        reader = ByteFrames(reader_key, self.form.shape, size, cells.initializer, cells.execution.precision)
        return EncoderDecoder(cells, key, reader, self.form.codec.size)

    def pairs(self, examples: Clips) -> tuple[Sequence[Video], Sequence[Tokens], Sequence[str]]:
        """Return videos, the symbols of their captions, and these."""
        return examples.videos, examples.ids, examples.captions

    def read(self, path: Path) -> Clips:
        """Return the videos of a table.

        Raises:
            ConfigError: the table lacks a column.
            DataError: the table or a picture is missing or broken, or a caption is blank.
        """
        return self.form.encode(*read_clips(path, self.form, "path"))

    def limits(self, sources: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the most symbols of an output, the same for all videos."""
        return np.full(sources.shape, self.longest)

    def decode(self, network: EncoderDecoder, batch: Batch) -> Decoded:
        """Return the captions of the videos of a batch."""
        outputs = [self.form.codec.decode(best[0].ids) for best in self.written(network, batch, self.beam)]
        return Decoded(outputs, references(batch))  # pyright: ignore[reportArgumentType]

    def decoded_metrics(self, decoded: Sequence[Decoded]) -> dict[str, float]:
        """Return BLEU, chrF and exact match."""
        outputs = [text for batch in decoded for text in batch.outputs]
        return self.form.scores(outputs, [text for batch in decoded for text in batch.references])

    def baselines(self, data: Captions) -> dict[str, dict[str, float]]:
        """Return scores on test of the most frequent caption, and of the training video with the nearest mean frame."""
        outputs = captions_without_network(data)
        return {name: self.form.scores(texts, data.test.captions) for name, texts in outputs.items()}

    def samples(self, network: EncoderDecoder, data: Captions, seed: int) -> Sequence[Sample]:
        """Return captions of a few test videos with their references."""
        places = permutation(seed, 0, len(data.test))[: self.shown]
        chosen = data.test.take(places)
        outputs = self.caption(network, chosen.videos)
        return [
            Sample(given=f"test video {place}, {len(video)} frames", output=f"output:    {output}\nreference: {true}")
            for place, video, output, true in zip(places, chosen.videos, outputs, chosen.captions, strict=True)
        ]

    def figures(
        self, network: EncoderDecoder, data: Captions, sums: Mapping[str, Any]
    ) -> Mapping[str, Callable[[], Figure]]:
        """Return strips of some test videos with their captions."""
        chosen = data.test.take(permutation(0, 0, len(data.test))[: self.shown])
        draw = lambda: strips(chosen.videos, self.caption(network, chosen.videos), chosen.captions)  # noqa: E731
        return {"captions": draw} if len(chosen) else {}

    def predict(
        self,
        network: EncoderDecoder,
        *pictures: Path,
        beam: Beam | None = None,
        length_penalty: NonNegativeFloat | None = None,
    ) -> Prediction:
        """Write a caption for each picture or video.

        Args:
            network: the trained network
            pictures: PNG files, or folders of PNG files that are the frames of a video
            beam: number of hypotheses of the beam search; 1 is greedy search; by default that of the run
            length_penalty: exponent of the length penalty; by default that of the run

        Raises:
            ConfigError: there is no picture.
            DataError: a file is missing or broken.
        """
        if not pictures:
            raise ConfigError("pictures", None, "PNG files, or folders of PNG files that are the frames of a video")
        videos = [read_for(self.form, str(place)) for place in pictures]
        best = [outputs[0] for outputs in self.write(network, videos, beam or self.beam, length_penalty)]
        texts = [self.form.codec.decode(output.ids) for output in best]
        rows = [
            {"picture": str(place), "caption": text, "score": output.score, "log_probability": output.log_probability}
            for place, text, output in zip(pictures, texts, best, strict=True)
        ]
        return Prediction("\n".join(texts), rows, lambda: strips(videos, texts))

    def caption(self, network: EncoderDecoder, videos: Sequence[Video]) -> list[str]:
        """Return the best caption of each video."""
        return [self.form.codec.decode(best[0].ids) for best in self.write(network, videos, self.beam)]
