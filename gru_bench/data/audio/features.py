"""Log-mel energies and mel-frequency cepstral coefficients (MFCC) of a recording, frame by frame."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.audio.wav import Recording, Samples
from gru_bench.errors import ConfigError
from gru_bench.validation import Positive, PositiveFloat

Kind = Literal["mfcc", "log_mel"]
Values = NDArray[np.float64]

FLOOR = 1e-10  # least energy of a band before the logarithm
DELTA_FRAMES = 2  # before and after the frame of a derivative


@dataclass(frozen=True, kw_only=True)
class SpectralFeatures:
    """Features of frames of a recording.

    0. If `scale_to_peak`, the recording is divided by its largest absolute sample, so that loudness says nothing.
    1. Pre-emphasis: y[t] = x[t] - pre_emphasis * x[t - 1].
    2. Frames of `window` seconds, each `hop` seconds after the one before, under a Hamming window. What is left at the
       end is dropped; a recording shorter than a frame is one, filled up with zeros.
    3. Power spectrum |FFT|^2 / N; N is the least power of two that holds a frame.
    4. Energies of `filters` triangular bands, whose edges are evenly spaced from 0 to half the sample rate in
       mel(f) = 2595 log10(1 + f / 700 Hz); each triangle has height 1.
    5. Natural logarithm, of at least 1e-10: log-mel.
    6. The first `coefficients` of their orthonormal discrete cosine transform (type II), c0 included: MFCC.
    7. Deltas: sum over n = 1, 2 of n (c[t + n] - c[t - n]) / 10, with the edge frames repeated.

    Attributes:
        rate: samples per second; recordings are resampled to it.
        kind: `mfcc` or `log_mel`.
        window: seconds of a frame.
        hop: seconds from one frame to the next.
        pre_emphasis: 0 switches it off.
        filters: bands.
        coefficients: of MFCC.
        deltas: whether the deltas of all features follow them.
        scale_to_peak: whether every recording is scaled to a peak of 1.

    References: Davis & Mermelstein 1980, Comparison of parametric representations for monosyllabic word recognition.
    """

    rate: int
    kind: Kind = "mfcc"
    window: float = 0.025
    hop: float = 0.010
    pre_emphasis: float = 0.97
    filters: int = 26
    coefficients: int = 13
    deltas: bool = False
    scale_to_peak: bool = False

    def __post_init__(self) -> None:
        if self.kind == "mfcc" and self.coefficients > self.filters:
            raise ConfigError("data.coefficients", self.coefficients, f"at most data.filters={self.filters}")
        if not self._bands.any(axis=0).all():
            allowed = f"fewer: a frame of {self.window:g} s at {self.rate} samples per second does not resolve them"
            raise ConfigError("data.filters", self.filters, allowed, "Or take a longer data.window.")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features of a frame."""
        count = self.coefficients if self.kind == "mfcc" else self.filters
        names = tuple(f"{self.kind} {number}" for number in range(count))
        return (*names, *(f"delta {name}" for name in names)) if self.deltas else names

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    def __call__(self, recording: Recording) -> NDArray[np.float32]:
        """Return the features of a recording, of shape (frames, features)."""
        samples = recording.at_rate(self.rate).samples
        if self.scale_to_peak:
            samples = samples / max(float(np.abs(samples).max()), FLOOR)
        energies = self._power(samples) @ self._bands
        features = np.log(np.maximum(energies, FLOOR))
        if self.kind == "mfcc":
            from scipy.fft import dct

            features = np.asarray(dct(features, type=2, norm="ortho", axis=1))[:, : self.coefficients]
        if self.deltas:
            features = np.hstack([features, deltas(features)])
        return features.astype(np.float32)

    def _power(self, samples: Samples) -> Values:
        signal = samples.astype(np.float64)
        signal = np.append(signal[:1], signal[1:] - self.pre_emphasis * signal[:-1])
        signal = np.pad(signal, (0, max(0, self._samples - signal.size)))
        hop = max(1, round(self.hop * self.rate))
        frames = np.lib.stride_tricks.sliding_window_view(signal, self._samples)[::hop] * np.hamming(self._samples)
        return np.abs(np.fft.rfft(frames, self._size, axis=1)) ** 2 / self._size

    @property
    def _samples(self) -> int:
        """Samples of a frame."""
        return max(1, round(self.window * self.rate))

    @property
    def _size(self) -> int:
        """Length of the Fourier transform."""
        return 1 << (self._samples - 1).bit_length()

    @cached_property
    def _bands(self) -> Values:
        """Weights of the spectrum in each band, of shape (frequencies, filters)."""
        top = 2595 * np.log10(1 + self.rate / 2 / 700)
        edges = 700 * (10 ** (np.linspace(0, top, self.filters + 2) / 2595) - 1)
        frequencies = np.fft.rfftfreq(self._size, 1 / self.rate)[:, None]
        rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
        falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
        return np.maximum(0, np.minimum(rising, falling))


def deltas(features: Values) -> Values:
    """Return the slope of each feature over `DELTA_FRAMES` frames before and after each frame, by least squares."""
    padded = np.pad(features, ((DELTA_FRAMES, DELTA_FRAMES), (0, 0)), mode="edge")
    count = len(features)
    shifts = range(1, DELTA_FRAMES + 1)
    slopes = (n * (padded[DELTA_FRAMES + n :][:count] - padded[DELTA_FRAMES - n :][:count]) for n in shifts)
    return sum(slopes, np.zeros_like(features)) / (2 * sum(n * n for n in shifts))


def feature_options(
    *,
    features: Kind = "mfcc",
    window: PositiveFloat = 0.025,
    hop: PositiveFloat = 0.010,
    filters: Positive = 26,
    coefficients: Positive = 13,
    deltas: bool = True,
) -> dict[str, Any]:
    """Return the options of `SpectralFeatures` from the settings that sources of recordings share.

    Args:
        features: `mfcc`, cepstral coefficients, or `log_mel`, energies of bands.
        window: seconds of a frame.
        hop: seconds from one frame to the next.
        filters: bands.
        coefficients: of `mfcc`.
        deltas: whether the slopes of the features follow them.
    """
    sizes = {"window": window, "hop": hop, "filters": filters, "coefficients": coefficients}
    return {"kind": features, **sizes, "deltas": deltas}
