"""The measurements of `python -m gru_bench.bench`: the only bridge from timing to analysis, one CSV row each."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_type_hints

from gru_bench.errors import UserError

Pass = Literal["forward", "training", "step"]
PASSES: tuple[Pass, ...] = get_args(Pass)


class Shape(NamedTuple):
    """The shape of a layer's work, written as `batch x time x input x hidden`: 16x500x64x64."""

    batch: int
    time: int
    input: int
    hidden: int

    def __str__(self) -> str:
        return "x".join(map(str, self))


class Point(NamedTuple):
    """A point at which implementations are compared.

    Attributes:
        cell: the cell by its registered name.
        shape: of the work.
        what: `forward`, all hidden states of a batch; `training`, these and the gradients with respect to weights
            and inputs; `step`, one time step of one sequence, as in streaming.
        precision: dtype of the products.
    """

    cell: str
    shape: Shape
    what: Pass
    precision: str = "float32"

    def __str__(self) -> str:
        return f"{self.cell} {self.what} {self.shape}"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One implementation at one point; times in seconds, of one forward pass, training step or time step.

    Attributes:
        implementation: its short name; `library` is its package with the version.
        count: rounds.
        median: of the rounds; `q25` and `q75` are the quartiles.
        compile_seconds: tracing and compilation, not part of other times; None if nothing is compiled.
        kernel: library calls for the products, read from the compiled program or a profile.
        parameter_bytes: bytes of the layer's weights.
        carry_bytes: bytes of the carry of one sequence.
        step_bytes: arguments, results and temporaries of the compiled program; None if unknown.
        flops: floating-point operations of the matrix products.
        load: cores that other processes kept busy meanwhile, on average.
        rounds: start time of its rounds; only rows with equal rounds were timed in turn.
        device: processor or accelerator.
        threads: cores available to the process.
        versions: of all that affects times, as `jax=0.10.2 ...`, with XLA flags and a digest of our own code.
        commit: commit of the checkout, if any.
    """

    cell: str
    what: Pass
    batch: int
    time: int
    input: int
    hidden: int
    precision: str
    implementation: str
    library: str
    count: int
    median: float
    q25: float
    q75: float
    compile_seconds: float | None
    kernel: str
    parameter_bytes: int
    carry_bytes: int
    step_bytes: int | None
    flops: float
    load: float
    rounds: str
    device: str
    threads: int
    versions: str
    commit: str

    @property
    def shape(self) -> Shape:
        """The shape of the work."""
        return Shape(self.batch, self.time, self.input, self.hidden)

    @property
    def point(self) -> Point:
        """The point of the measurement."""
        return Point(self.cell, self.shape, self.what, self.precision)

    @property
    def time_steps_per_second(self) -> float:
        """Time steps of all sequences together, per second: tokens per second of a language model."""
        return self.batch * self.time / self.median


_TYPES = get_type_hints(Measurement)
COLUMNS = tuple(field.name for field in dataclasses.fields(Measurement))


def append(path: Path, rows: Sequence[Measurement]) -> None:
    """Append rows to a CSV file in one write, so that an interruption leaves complete points.

    Raises:
        UserError: the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            writer.writerow(COLUMNS)
        writer.writerows([getattr(row, name) for name in COLUMNS] for row in rows)
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}). Give another folder: out=FOLDER.") from error


def read(path: Path) -> list[Measurement]:
    """Read a CSV file; of a point timed several times, the rows of the last rounds count.

    Raises:
        UserError: the file cannot be read or is not a file of measurements.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = list(csv.reader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}).") from error
    if not table or tuple(table[0]) != COLUMNS:
        raise UserError(f"{path}: not a file of gru_bench.bench of this version. Start over: fresh=true.")
    rows = []
    for number, values in enumerate(table[1:], start=2):
        try:
            rows.append(_parse_row(values))
        except ValueError as error:
            raise UserError(
                f"{path}: line {number} is damaged ({error}). Remove it or start over: fresh=true."
            ) from error
    return latest(rows)


def latest(rows: Iterable[Measurement]) -> list[Measurement]:
    """Return the rows of the last rounds of each point, in the order of the points' first appearance."""
    last: dict[Point, list[Measurement]] = {}
    for row in rows:
        known = last.get(row.point, [])
        last[row.point] = [*known, row] if known and known[0].rounds == row.rounds else [row]
    return [row for point_rows in last.values() for row in point_rows]


def _parse_row(texts: Sequence[str]) -> Measurement:
    values: dict[str, Any] = {name: _parse(name, text) for name, text in zip(COLUMNS, texts, strict=True)}
    return Measurement(**values)


def _parse(name: str, text: str) -> str | int | float | None:
    kind = _TYPES[name]
    if name == "what" and text not in PASSES:
        raise ValueError(f"found {text!r}, expected one of {', '.join(PASSES)}")
    if kind == (int | None) or kind == (float | None):
        return None if not text else int(text) if kind == (int | None) else float(text)
    return kind(text) if kind in (int, float) else text
