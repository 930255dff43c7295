"""Spoken digits joined to strings: recordings of one speaker one after the other, speakers held out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from gru_bench.data.audio.features import SpectralFeatures, feature_options
from gru_bench.data.audio.wav import Recording
from gru_bench.data.data_set import SPLITS
from gru_bench.data.files.download import fetch
from gru_bench.data.generated.sentiment_grammar import Dice
from gru_bench.data.public.spoken_digit import ARCHIVE, DIGITS, RATE, SPEAKERS, Take, read_archive
from gru_bench.data.source import gives, with_settings_of
from gru_bench.data.speech.utterances import Speech, Unit, Utterances, make_speech
from gru_bench.errors import ConfigError
from gru_bench.validation import Natural, Positive, Range

Size = Annotated[int, Range(low=1, high=100_000)]

PAUSE = 0.12  # seconds, the longest one between two digits


@gives("speech")
@with_settings_of(feature_options)
def load(
    *,
    mirror: Path | None,
    cache: Path,
    train_size: Size = 1_500,
    valid_size: Size = 150,
    test_size: Size = 300,
    longest: Positive = 6,
    test_speaker: str = "theo",
    valid_speaker: str = "jackson",
    unit: Unit = "word",
    seed: Natural = 0,
    **sound: Any,
) -> Speech:
    """Join recordings of digits by one speaker to strings of two digits or more, with short pauses.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        train_size: number of training strings, of the other three speakers.
        valid_size: number of validation strings.
        test_size: number of test strings.
        longest: the most digits of a string.
        test_speaker: speaker of all test strings.
        valid_speaker: speaker of all validation strings.
        unit: whether the network writes characters or words.
        seed: seed of the strings, independent of the seed of the run.
        sound: settings of the features; see `gru_bench.data.audio.features.feature_options`.

    Raises:
        ConfigError: a speaker is unknown, or of two splits; or strings would have a single digit.
        DataError: the archive is missing or damaged.
    """
    for key, name in (("valid_speaker", valid_speaker), ("test_speaker", test_speaker)):
        if name not in SPEAKERS or (key == "test_speaker" and name == valid_speaker):
            raise ConfigError(f"data.{key}", name, f"another one of {', '.join(SPEAKERS)} for each split")
    if longest < 2:
        raise ConfigError("data.longest", longest, "an integer >= 2")
    extraction = SpectralFeatures(rate=RATE, **feature_options(**sound))
    takes = sorted(read_archive(fetch({"all": ARCHIVE}, mirror, cache)["all"]), key=lambda take: take[:3])
    of_split: dict[str, tuple[str, ...]] = {"valid": (valid_speaker,), "test": (test_speaker,)}
    of_split["train"] = tuple(name for name in SPEAKERS if name not in (valid_speaker, test_speaker))
    by_speaker = {name: tuple(take for take in takes if take.speaker == name) for name in SPEAKERS}
    sizes = {"train": train_size, "valid": valid_size, "test": test_size}
    splits = {}
    for place, split in enumerate(SPLITS, 1):
        dice = Dice((seed, place))
        speakers = [dice.one_of(of_split[split]) for _ in range(sizes[split])]
        strings = [_join(dice, by_speaker[name], longest) for name in speakers]
        frames = tuple(extraction(recording) for recording, _ in strings)
        names = tuple(f"{name} {number}" for number, name in enumerate(speakers, 1))
        splits[split] = Utterances(frames, tuple(text for _, text in strings), names)
    facts = {"data_seed": seed, "source_sha256": {ARCHIVE.path: ARCHIVE.sha256[0]}}
    return make_speech(
        "joined_digits", splits, extraction.names, 1 / extraction.hop, unit=unit, extraction=extraction, facts=facts
    )


def _join(dice: Dice, takes: tuple[Take, ...], longest: int) -> tuple[Recording, str]:
    """Draw digits of a speaker, and return them as one recording with its transcript."""
    chosen = [dice.one_of(takes) for _ in range(2 + dice.integer(longest - 1))]
    pauses = [np.zeros(dice.integer(round(PAUSE * RATE)), np.float32) for _ in chosen]
    parts = [part for take, pause in zip(chosen, pauses, strict=True) for part in (take.recording.samples, pause)]
    return Recording(np.concatenate(parts), RATE), " ".join(DIGITS[take.digit] for take in chosen)
