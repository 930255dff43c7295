"""What run directories hold for a page beside their numbers: sample outputs and pictures, in bounded amounts."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gru_bench.errors import UserError
from gru_bench.history import read_samples
from gru_bench.reporting.html import Picture, data_uri
from gru_bench.results.collect import Run
from gru_bench.results.comparison import Arm

REDRAWN = ("learning_curve", "gate_activity")  # the page has its own curves; gates are for one run's directory
PICTURES_PER_RUN = 6
LARGEST_PICTURE = 400 * 2**10  # bytes
SAMPLES_PER_RUN = 4
LONGEST_TEXT = 1200  # characters

_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass
class Budget:
    """How many bytes of pictures a page still takes."""

    left: int = 8 * 2**20


@dataclass(frozen=True)
class RunFiles:
    """The samples and pictures of one run of an arm, and notes on what was left out."""

    arm: str
    run: Run
    samples: list[tuple[str, str]] = field(default_factory=list)
    pictures: dict[str, Picture] = field(default_factory=dict)  # by file stem
    notes: list[str] = field(default_factory=list)


def run_files(arms: Iterable[Arm], budget: Budget) -> list[RunFiles]:
    """Return for each arm what its first run holds."""
    return [_files(arm.name, arm.runs[0], budget) for arm in arms]


def by_kind(files: Sequence[RunFiles]) -> list[list[Picture]]:
    """Return the pictures of all arms, those of one kind together."""
    stems = dict.fromkeys(stem for found in files for stem in found.pictures)
    return [[found.pictures[stem] for found in files if stem in found.pictures] for stem in stems]


def _files(name: str, run: Run, budget: Budget) -> RunFiles:
    found = RunFiles(name, run)
    try:
        samples = read_samples(run.directory)
    except UserError as error:
        samples = []
        found.notes.append(f"No samples: {error}")
    found.samples.extend((_cut(given), _cut(output)) for given, output in samples[:SAMPLES_PER_RUN])
    if len(samples) > SAMPLES_PER_RUN:
        found.notes.append(f"{name}: {SAMPLES_PER_RUN} of {len(samples)} samples are shown.")
    left_out = []
    for path in sorted((run.directory / "figures").glob("*.png")):
        if path.stem in REDRAWN:
            continue
        content = _start(path, min(LARGEST_PICTURE, budget.left) + 1)
        if not content.startswith(_PNG) or len(content) < 24:
            left_out.append(f"{path.name} (no picture)")
        elif len(found.pictures) == PICTURES_PER_RUN or len(content) > min(LARGEST_PICTURE, budget.left):
            left_out.append(path.name)
        else:
            budget.left -= len(content)
            title = f"{name}, seed {run.seed}: {path.stem.replace('_', ' ')}"
            width, height = struct.unpack(">II", content[16:24])
            found.pictures[path.stem] = Picture(data_uri(content, "image/png"), title, title, wide=width > 2 * height)
    if left_out:
        found.notes.append(
            f"{name}: left out to keep this page small: {', '.join(left_out)} in {run.directory}/figures."
        )
    return found


def _start(path: Path, size: int) -> bytes:
    """Return the first bytes of a file, none where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(max(size, 24))
    except OSError:
        return b""


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + " …"
