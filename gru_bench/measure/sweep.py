"""Time every implementation at every point; each point is stored before the next one begins."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from gru_bench.cells import cell_class
from gru_bench.errors import UserError
from gru_bench.machine_load import LoadMeter
from gru_bench.measure.implementations import Available
from gru_bench.measure.layer import Prepared, tree_bytes
from gru_bench.measure.rounds import interleave
from gru_bench.measurement import Measurement, Pass, Point, Shape, append, read
from gru_bench.models.sizing import BACKWARD_AND_FORWARD, cell_flops
from gru_bench.training.environment import device, environment, threads, versions

MOST_FLOPS = 50e9
"""Maximum floating-point operations of a point on a CPU; larger points are timed only on a GPU."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the timing.

    Attributes:
        cells: registered names, timed in the same rounds.
        precision: dtype of the products.
        rounds: maximum number of rounds.
        seconds: time limit of the rounds of a point.
    """

    cells: Sequence[str]
    precision: str
    rounds: int
    seconds: float


def sweep(
    work: Sequence[tuple[Shape, Pass]],
    available: Sequence[Available],
    settings: Settings,
    path: Path,
    report: Callable[[str], None],
) -> None:
    """Time all points missing from the file, and append them.

    Args:
        work: shapes and passes.
        available: the implementations to time.
        settings: settings of the timing.
        path: the CSV file, which may already have points.
        report: called with a line about each point, and about skipped work.

    Raises:
        UserError: the file has times of another machine, or cannot be read or written.
    """
    known = read(path) if path.exists() else []
    machine = _machine()
    _check_machine(known, machine, path)
    recorded = {(row.point, row.implementation, row.library): row.rounds for row in known}
    skipped: set[str] = set()

    def skip(line: str) -> None:
        if line not in skipped:
            skipped.add(line)
            report(line)

    for number, (shape, what) in enumerate(work, start=1):
        requested = [
            (point, candidate)
            for cell in settings.cells
            if _fits(point := Point(cell, shape, what, settings.precision), skip)
            for candidate in available
            if _accepts(candidate, point, skip)
        ]
        done = {recorded.get((point, candidate.name, candidate.library)) for point, candidate in requested}
        if len(done) == 1 and None not in done:
            continue
        if requested:
            rows = _time(requested, settings, machine)
            append(path, rows)
            report(_line(f"{number}/{len(work)}", rows))


def flops(point: Point) -> float:
    """Return the floating-point operations of the matrix products of a point."""
    shape = point.shape
    per_time_step = cell_flops(cell_class(point.cell)(hidden_size=shape.hidden), shape.input)
    passes = BACKWARD_AND_FORWARD if point.what == "training" else 1
    return float(per_time_step * shape.batch * shape.time * passes)


def _fits(point: Point, skip: Callable[[str], None]) -> bool:
    fits = flops(point) <= MOST_FLOPS or jax.devices()[0].platform == "gpu"
    if not fits:
        skip(f"{point} skipped: {flops(point) / 1e9:,.0f} GFLOP, and above {MOST_FLOPS / 1e9:.0f} it takes a GPU")
    return fits


def _accepts(candidate: Available, point: Point, skip: Callable[[str], None]) -> bool:
    refusal = candidate.implementation.refusal(point)
    if refusal:
        skip(f"{candidate.name} skipped: {refusal}")
    return not refusal


def _time(
    requested: Sequence[tuple[Point, Available]], settings: Settings, machine: tuple[str, int, str]
) -> list[Measurement]:
    begun = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
    layers = {(point, candidate): candidate.implementation.prepare(point) for point, candidate in requested}
    load = LoadMeter()
    load.start()
    times = interleave(layers, settings.rounds, settings.seconds * len({point for point, _ in requested}))
    others = round(load.stop(), 3)
    return [
        _measurement(point, candidate, layers[point, candidate], seconds, others, begun, machine)
        for (point, candidate), seconds in times.items()
    ]


def _measurement(
    point: Point,
    candidate: Available,
    layer: Prepared,
    seconds: Sequence[float],
    load: float,
    begun: str,
    machine: tuple[str, int, str],
) -> Measurement:
    q25, median, q75 = (float(f"{value:.6g}") for value in np.quantile(seconds, (0.25, 0.5, 0.75)))
    carry = cell_class(point.cell)(hidden_size=point.shape.hidden).zero_carry(1)
    return Measurement(
        cell=point.cell,
        what=point.what,
        **point.shape._asdict(),
        precision=point.precision,
        implementation=candidate.name,
        library=candidate.library,
        count=len(seconds),
        median=median,
        q25=q25,
        q75=q75,
        compile_seconds=None if layer.compile_seconds is None else round(layer.compile_seconds, 4),
        kernel=layer.kernel,
        parameter_bytes=layer.parameter_bytes,
        carry_bytes=tree_bytes(carry),
        step_bytes=layer.step_bytes,
        flops=flops(point),
        load=load,
        rounds=begun,
        device=machine[0],
        threads=machine[1],
        versions=machine[2],
        commit=versions()["commit"] or "",
    )


def _machine() -> tuple[str, int, str]:
    """Return device, threads and versions, which must be equal for times to be comparable."""
    known = {name: value for name, value in environment().items() if name not in ("device", "threads")}
    known["source"] = _source()
    return device(), threads(), " ".join(f"{name}={value}" for name, value in known.items() if value is not None)


def _source() -> str:
    """Return a digest of the code that affects our times."""
    package = Path(__file__).parents[1]
    files = sorted(file for folder in ("measure", "models") for file in (package / folder).rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _check_machine(known: Sequence[Measurement], machine: tuple[str, int, str], path: Path) -> None:
    for row in known:
        recorded = (row.device, row.threads, row.versions)
        if recorded != machine:
            texts = [f"{device}, {threads} threads, {versions}" for device, threads, versions in (recorded, machine)]
            raise UserError(
                f"{path} has times of\n  {texts[0]}\nbut this is\n  {texts[1]}\n"
                "These are not comparable. Start over with fresh=true, or give another folder: out=FOLDER."
            )


def _line(progress: str, rows: Sequence[Measurement]) -> str:
    first = rows[0]
    lines = [f"[{progress}] {first.what} {first.shape}, {first.count} rounds, other processes {first.load:.2f} cores"]
    for cell in dict.fromkeys(row.cell for row in rows):
        times = (f"{row.implementation} {row.median * 1e3:.3g} ms" for row in rows if row.cell == cell)
        lines.append(f"    {cell}: {', '.join(times)}")
    return "\n".join(lines)
