"""A folder of WAV files and a table with their transcripts, as a user has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import wavfile

RATE = 8000


def write_recordings(folder: Path, count: int = 20) -> Path:
    """Write tones of two pitches, one a letter, and the table; return its path."""
    folder.mkdir(exist_ok=True)
    rows = ["speaker,file,said"]
    for number in range(count):
        letters = "lh" if number % 2 else "hl l"
        times = np.arange(RATE // 5) / RATE
        parts = [np.sin(2 * np.pi * {"l": 300, "h": 900, " ": 0}[letter] * times) for letter in letters]
        samples = 8000 * np.concatenate(parts) + np.random.default_rng(number).normal(0, 50, len(parts) * times.size)
        wavfile.write(folder / f"clip {number}.wav", RATE, samples.astype(np.int16))
        rows.append(f"person {number % 4},clip {number}.wav,{letters.upper()}")
    (folder / "said.csv").write_text("\n".join(rows) + "\n")
    return folder / "said.csv"
