"""Generated sound: pairs of tones that rise or fall, of random pitch and length, in words.

A syllable is two tones of equal length, a lower and a higher one; `r` is a rising pair, `f` a falling one. Both have
the same spectrum: only the order tells them apart. A word is one to three syllables with short pauses between them,
longer pauses divide words; a recording is one to three words under white noise. All of it can be heard, so the optimum
is an error rate of 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.audio.features import SpectralFeatures
from gru_bench.data.audio.wav import Recording
from gru_bench.data.changes import normal
from gru_bench.data.data_set import SPLITS
from gru_bench.data.generated.sentiment_grammar import Dice
from gru_bench.data.source import gives
from gru_bench.data.speech.utterances import Speech, Utterances, make_speech
from gru_bench.validation import Natural, NonNegativeFloat, Range

Size = Annotated[int, Range(low=10, high=100_000)]
Samples = NDArray[np.float64]

RATE, HOP = 4_000, 0.02
FEATURES = SpectralFeatures(rate=RATE, kind="log_mel", window=0.032, hop=HOP, filters=16, pre_emphasis=0.0)
TONE = (0.05, 0.12)  # seconds
PITCH = (250.0, 900.0)  # Hz, of the lower tone
INTERVAL = (1.4, 1.9)  # higher over lower pitch
PAUSE, LONG_PAUSE = (0.05, 0.09), (0.25, 0.4)  # seconds
RAMP = 0.005  # seconds from silence to the full tone, and back


def syllable(dice: Dice, rising: bool) -> Samples:
    """Draw the samples of a pair of tones."""
    low = _between(dice, PITCH)
    pitches, size = [low, low * _between(dice, INTERVAL)], round(_between(dice, TONE) * RATE)
    times = np.arange(size) / RATE
    ramp = np.minimum(1, np.minimum(times, times[::-1]) / RAMP)
    tones = [0.3 * ramp * np.sin(2 * np.pi * pitch * times) for pitch in pitches]
    return np.concatenate(tones if rising else tones[::-1])


def sound(dice: Dice) -> tuple[list[Samples], str]:
    """Draw the parts of a recording, pauses included, and its transcript."""
    parts, words = [_silence(dice, PAUSE)], []
    for _ in range(1 + dice.integer(3)):
        letters = ["fr"[dice.integer(2)] for _ in range(1 + dice.integer(3))]
        for letter in letters:
            parts += [syllable(dice, letter == "r"), _silence(dice, PAUSE)]
        parts[-1] = _silence(dice, LONG_PAUSE)
        words.append("".join(letters))
    return parts, " ".join(words)


def _silence(dice: Dice, seconds: tuple[float, float]) -> Samples:
    return np.zeros(round(_between(dice, seconds) * RATE))


def _between(dice: Dice, limits: tuple[float, float]) -> float:
    return limits[0] + (limits[1] - limits[0]) * dice.integer(1 << 20) / (1 << 20)


@gives("speech")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    train_size: Size = 2_000,
    valid_size: Size = 200,
    test_size: Size = 500,
    noise: NonNegativeFloat = 0.01,
    seed: Natural = 0,
) -> Speech:
    """Generate recordings and their log-mel energies, 50 frames a second.

    Args:
        mirror: unused.
        cache: unused.
        train_size: number of training recordings.
        valid_size: number of validation recordings.
        test_size: number of test recordings.
        noise: standard deviation of the white noise; tones have an amplitude of 0.3.
        seed: seed of the data, independent of the seed of the run.
    """
    sizes = {"train": train_size, "valid": valid_size, "test": test_size}
    splits = {}
    for place, split in enumerate(SPLITS, 1):
        dice = Dice((seed, place, 1))
        frames, transcripts = [], []
        for number in range(1, sizes[split] + 1):
            parts, transcript = sound(dice)
            samples = np.concatenate(parts)
            samples = samples + noise * normal((samples.size, 1), (seed, place, 2, number))[:, 0]
            frames.append(FEATURES(Recording(samples.astype(np.float32), RATE)))
            transcripts.append(transcript)
        names = tuple(f"{split} {number + 1}" for number in range(sizes[split]))
        splits[split] = Utterances(tuple(frames), tuple(transcripts), names)
    facts = {"data_seed": seed, "optimum": 0.0}
    return make_speech("tones", splits, FEATURES.names, 1 / HOP, extraction=FEATURES, facts=facts)
