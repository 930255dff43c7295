"""Read WAV files: any sample format that SciPy reads, any number of channels, any sample rate."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.files.text import read_file
from gru_bench.errors import DataError

DAMAGED = (
    EOFError,
    struct.error,
    UnboundLocalError,
    ZeroDivisionError,
    TypeError,
)  # what SciPy makes of damaged headers

UNKNOWN = 0x7FFF0000
"""The least size that programs give where they cannot know it: 2 GB (sox) or 4 GB (ffmpeg)."""

Samples = NDArray[np.float32]
"""Of one channel, of shape (samples,); full scale is 1."""


@dataclass(frozen=True)
class Recording:
    """One channel of sound.

    Attributes:
        samples: within -1 and 1 unless the file holds floats beyond.
        rate: samples per second.
    """

    samples: Samples
    rate: int

    def at_rate(self, rate: int) -> Recording:
        """Return the recording at another sample rate, by a polyphase filter that removes what would alias."""
        return Recording(_resampled(self.samples, Fraction(rate, self.rate)), rate)

    def at_speed(self, speed: float) -> Recording:
        """Return the recording played at another speed, with all its frequencies: another voice, as it were."""
        return Recording(_resampled(self.samples, Fraction(1 / speed).limit_denominator(100)), self.rate)


def _resampled(samples: Samples, ratio: Fraction) -> Samples:
    if ratio == 1:
        return samples
    from scipy.signal import resample_poly

    return np.asarray(resample_poly(samples.astype(np.float64), ratio.numerator, ratio.denominator), np.float32)


def read_wav(path: Path, key: str) -> Recording:
    """Read a WAV file; see `parse_wav`.

    Args:
        path: the file.
        key: the setting or argument that names it, for messages.
    """
    return parse_wav(read_file(str(path), key), f"{key}: {path}")


def parse_wav(content: bytes, place: str) -> Recording:
    """Parse the bytes of a WAV file; the mean of its channels is taken.

    Args:
        content: PCM of 8, 16, 24 or 32 bits, or floats.
        place: where they come from, for messages.

    Raises:
        DataError: it is no WAV file, is cut off, compressed, or has no samples, or a sample is not finite.
    """
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=wavfile.WavFileWarning)
            warnings.filterwarnings("error", message="Reached EOF", category=wavfile.WavFileWarning)
            rate, raw = wavfile.read(io.BytesIO(_with_sizes(content)))
    except wavfile.WavFileWarning:
        raise DataError(f"{place} is cut off: it is shorter than its header says. Copy or record it again.") from None
    except (ValueError, *DAMAGED) as error:
        reason = "it is damaged" if isinstance(error, DAMAGED) else f"{error}".rstrip(".")
        expected = "Expected PCM of 8, 16, 24 or 32 bits, or floats."
        raise DataError(f"{place} cannot be read as WAV: {reason}. {expected}") from None
    if not raw.size or rate < 1:
        raise DataError(f"{place} has {raw.size} samples at {rate} per second, expected at least one.")
    samples = _scaled(raw).reshape(len(raw), -1).mean(axis=1)
    if not np.isfinite(samples).all():
        raise DataError(f"{place}: sample {int((~np.isfinite(samples)).argmax()) + 1} is not a finite number.")
    return Recording(samples.astype(np.float32), int(rate))


def _with_sizes(content: bytes) -> bytes:
    """Return a WAV file with the sizes that a program left open when it wrote into a pipe: samples go on to the end."""
    if content[:4] != b"RIFF" or not _open(content, 4):
        return content
    place = 12
    while content[place : place + 4] not in (b"data", b""):
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        place += 8 + size + size % 2
    if len(content) < place + 8 or not _open(content, place + 4):
        return content
    sized = bytearray(content)
    for start in (4, place + 4):
        sized[start : start + 4] = (len(content) - start - 4).to_bytes(4, "little")
    return bytes(sized)


def _open(content: bytes, place: int) -> bool:
    """Return whether the size of a chunk is none: 0, or far beyond the end."""
    size = int.from_bytes(content[place : place + 4], "little")
    return size == 0 or UNKNOWN <= size != len(content) - place - 4


def _scaled(raw: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return samples with full scale 1; SciPy puts 24 bits into the upper ones of 32."""
    values = raw.astype(np.float64)
    if raw.dtype.kind == "f":
        return values
    if raw.dtype == np.uint8:
        return (values - 128) / 128
    return values / 2.0 ** (8 * raw.dtype.itemsize - 1)
