"""Videos with captions in three splits, and all that a trained model needs to know of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.changes import fraction_facts, random_subset
from gru_bench.data.data_set import SPLITS, DataSet
from gru_bench.data.pairs.codec import Codec
from gru_bench.data.pairs.scores import signatures, text_scores
from gru_bench.data.tokens.vocabulary import Tokens
from gru_bench.errors import DataError

Video = NDArray[np.uint8]
"""Grey values or colours of shape (frames, height, width, channels), 255 is the brightest."""
Layout = Literal["frames", "rows"]


@dataclass(frozen=True)
class Clips:
    """The videos of a split.

    Attributes:
        videos: all of one size, of any number of frames.
        captions: their texts.
        ids: symbols of these, without ends.
    """

    videos: tuple[Video, ...] = field(repr=False)
    captions: tuple[str, ...] = field(repr=False)
    ids: tuple[Tokens, ...] = field(repr=False)

    def __len__(self) -> int:
        """Number of videos."""
        return len(self.videos)

    def take(self, places: NDArray[np.int64]) -> Clips:
        """Return some of the videos, in the order of `places`."""
        columns = (self.videos, self.captions, self.ids)
        return Clips(*(tuple(column[place] for place in places) for column in columns))


@dataclass(frozen=True, kw_only=True)
class CaptionForm:
    """All that a trained model needs to know of its data.

    Attributes:
        name: name of the data set.
        codec: symbols of the captions.
        shape: height, width and channels of a frame as the network reads it.
        layout: whether a still picture is one frame, or each of its rows is one.
        reading: layout of a table of captions; see `gru_bench.data.captions.own`.
    """

    name: str
    codec: Codec
    shape: tuple[int, int, int]
    layout: Layout = "frames"
    reading: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, JSON-able."""
        known = {"shape": list(self.shape), "layout": self.layout, "reading": dict(self.reading)}
        return {"name": self.name, "codec": self.codec.to_dict(), **known}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CaptionForm:
        """Rebuild from `to_dict`, also from JSON."""
        return cls(**{**values, "codec": Codec.from_dict(values["codec"]), "shape": tuple(values["shape"])})

    def encode(self, videos: Sequence[Video], captions: Sequence[str]) -> Clips:
        """Encode videos with captions; these are kept as they are read."""
        texts = tuple(map(self.codec.normalised, captions))
        return Clips(tuple(videos), texts, tuple(map(self.codec.encode, texts)))

    def scores(self, outputs: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        """Return BLEU, chrF and the share of exact matches."""
        return text_scores(outputs, references, "13a", self.codec.lowercase)


@dataclass(frozen=True)
class Captions(DataSet):
    """Videos with captions, in three splits.

    Attributes:
        form: symbols of the captions, and the size of a frame.
        train: training videos.
        valid: validation videos.
        test: test videos.
        facts: plain values for the run record; `digest` covers pixels and captions.
    """

    kind: ClassVar[str] = "captioned_videos"

    form: CaptionForm
    train: Clips
    valid: Clips
    test: Clips
    facts: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        """Return all that a trained model needs to be used without the videos, JSON-able."""
        return self.form.to_dict()

    def with_train_fraction(self, share: float, seed: int) -> Captions:
        """Keep a random share of the videos."""
        part = self.train.take(random_subset(len(self.train), share, seed))
        facts = fraction_facts(self.facts, share, len(part), len(self.train), draw_seed=seed)
        splits = {split: getattr(self, split) for split in SPLITS} | {"train": part}
        return replace(self, train=part, facts=facts | _counts(self.form, splits))


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
    known = {"digest": _digest(form, splits), **_counts(form, splits), "signatures": signatures("13a", lowercase)}
    return Captions(form, **splits, facts=known | dict(facts or {}))


def _counts(form: CaptionForm, splits: Mapping[str, Clips]) -> dict[str, Any]:
    return {
        "videos": {split: len(part) for split, part in splits.items()},
        "symbols": {split: sum(map(len, part.ids)) + len(part) for split, part in splits.items()},
        "frames": {split: sum(map(len, part.videos)) for split, part in splits.items()},
        "shape": list(form.shape),
        "vocabulary": form.codec.size,
    }


def _digest(form: CaptionForm, splits: Mapping[str, Clips]) -> str:
    known = {name: value for name, value in form.to_dict().items() if name != "reading"}
    state = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for split, part in splits.items():
        state.update(f"{split} {len(part)}\n".encode())
        for video, caption in zip(part.videos, part.captions, strict=True):
            state.update(f"{video.shape} {caption}\n".encode("utf-8", "surrogatepass") + video.tobytes())
    return state.hexdigest()
