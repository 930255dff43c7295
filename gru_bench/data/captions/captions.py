"""Videos with captions in three splits, and all that a trained model needs to know of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.containers import ExampleData, Form, Tuples
from gru_bench.data.data_set import SPLITS
from gru_bench.data.pairs.codec import Codec
from gru_bench.data.pairs.scores import signatures, text_scores
from gru_bench.data.tokens.vocabulary import Tokens
from gru_bench.errors import DataError

Video = NDArray[np.uint8]
"""Grey values or colours of shape (frames, height, width, channels), 255 is the brightest."""
Layout = Literal["frames", "rows"]


@dataclass(frozen=True)
class Clips(Tuples):
    """The videos of a split.

    Attributes:
        videos: all of one size, of any number of frames.
        captions: their texts.
        ids: symbols of these, without ends.
    """

    videos: tuple[Video, ...] = field(repr=False)
    captions: tuple[str, ...] = field(repr=False)
    ids: tuple[Tokens, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class CaptionForm(Form):
    """All that a trained model needs to know of its data.

    Attributes:
        codec: symbols of the captions.
        shape: height, width and channels of a frame as the network reads it.
        layout: whether a still picture is one frame, or each of its rows is one.
    """

    nested = MappingProxyType({"codec": Codec})

    codec: Codec
    shape: tuple[int, int, int]
    layout: Layout = "frames"

    def encode(self, videos: Sequence[Video], captions: Sequence[str]) -> Clips:
        """Encode videos with captions; these are kept as they are read."""
        texts = tuple(map(self.codec.normalised, captions))
        return Clips(tuple(videos), texts, tuple(map(self.codec.encode, texts)))

    def scores(self, outputs: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        """Return BLEU, chrF and the share of exact matches."""
        return text_scores(outputs, references, "13a", self.codec.lowercase)


@dataclass(frozen=True)
class Captions(ExampleData[CaptionForm, Clips]):
    """Videos with captions in three splits; `form` has the symbols of the captions, and the size of a frame."""

    kind: ClassVar[str] = "captioned_videos"

    def counts(self) -> dict[str, Any]:
        """Return the facts that change with the videos."""
        return {
            "videos": self.each(len),
            "symbols": self.each(lambda part: sum(map(len, part.ids)) + len(part)),
            "frames": self.each(lambda part: sum(map(len, part.videos))),
            "shape": list(self.form.shape),
            "vocabulary": self.form.codec.size,
        }

    def content(self, part: Clips) -> Iterator[bytes]:
        """Yield the size, the caption and the pixels of each video."""
        for video, caption in zip(part.videos, part.captions, strict=True):
            yield f"{video.shape} {caption}\n".encode("utf-8", "surrogatepass") + video.tobytes()


def make_captions(
    name: str,
    clips: Mapping[str, tuple[Sequence[Video], Sequence[str]]],
    *,
    lowercase: bool = False,
    min_count: int = 1,
    layout: Layout = "frames",
    reading: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Captions:
    """Return a data set of videos; the words of captions come from the training split alone.

    Args:
        name: name of the data set.
        clips: videos and captions by split.
        lowercase: whether captions are written and scored in lower case.
        min_count: rarer words of train become `<unk>`.
        layout: see `CaptionForm`.
        reading: layout of a table of captions.
        facts: further facts that identify the data.

    Raises:
        DataError: a split is empty, or a caption is blank.
    """
    for split in SPLITS:
        videos, captions = clips[split]
        if not videos:
            raise DataError(f"data={name}: found no video in {split}, expected at least one.")
        if blank := next((number for number, text in enumerate(captions, 1) if not text.strip()), None):
            raise DataError(f"data={name}, {split}: caption {blank} is blank, expected text. Remove it or fill it in.")
    codec = Codec.fit(clips["train"][1], "word", lowercase=lowercase, min_count=min_count)
    shape = clips["train"][0][0].shape[1:]
    form = CaptionForm(name=name, codec=codec, shape=shape, layout=layout, reading=dict(reading or {}))
    splits = {split: form.encode(*clips[split]) for split in SPLITS}
    return Captions.of(form, splits, {"signatures": signatures("13a", lowercase), **(facts or {})})
