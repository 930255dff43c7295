"""`python -m gru_bench.bench`: how fast a recurrent layer is, beside other libraries and its products alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.console import Group as Lines
from rich.text import Text

from gru_bench.arguments import run_command
from gru_bench.classes import preset_places
from gru_bench.errors import ConfigError, UserError, nearest
from gru_bench.jax_import import import_jax
from gru_bench.measurement import COLUMNS, PASSES, Measurement, Pass, Shape, read
from gru_bench.replacing import begins_with, check_replaceable, is_picture
from gru_bench.reporting.bench_tables import notes, page, sheets
from gru_bench.reporting.csv_file import write_text
from gru_bench.terminal import Terminal, print_whole
from gru_bench.validation import PositiveFloat, Range

if TYPE_CHECKING:
    from gru_bench.measure.sweep import Settings

CSV_NAME, PAGE_NAME = "bench.csv", "bench.md"
PICTURES = ("peers.png", "products.png", "gru_lstm.png")
PEERS = ("flax", "keras", "torch", "cudnn")
SECONDS = {"quick": 3.0, "full": 20.0, "none": 3.0}
NARROWEST = 100  # columns
EXAMPLES = (
    "python -m gru_bench.bench",
    "python -m gru_bench.bench grid=full out=benchmarks/full",
    "python -m gru_bench.bench shapes=16x500x64x64,20x35x650x650 cells=lstm peers=torch passes=training seconds=20",
    "python -m gru_bench.bench grid=none out=benchmarks/full",
)


def bench(
    *,
    grid: Literal["quick", "full", "none"] = "quick",
    shapes: str | None = None,
    cells: str = "gru,lstm",
    peers: str = ",".join(PEERS),
    passes: str = ",".join(PASSES),
    precision: Literal["float32", "bfloat16"] = "float32",
    rounds: Annotated[int, Range(low=5)] = 30,
    seconds: PositiveFloat | None = None,
    out: Path = Path("benchmarks"),
    fresh: bool = False,
) -> int:
    """Time one recurrent layer of gru_bench beside the same layer in other libraries and its matrix products alone.

    All are timed in turn, in rounds, so that a disturbance affects all of them. Each point is saved as soon as it is
    measured; the same command again continues with the missing ones. Writes bench.csv, bench.md and pictures.

    Args:
        grid: quick: five shapes in a few minutes; full: hidden 64 to 1024, batch 1 to 128, 35 to 500 time steps;
            none: no timing, only the tables and pictures of an existing bench.csv, which needs no JAX
        shapes: your own shapes instead of a grid, each batch x time x input x hidden: 16x500x64x64,20x35x650x650
        cells: names of cells, separated by commas
        peers: flax, keras (on JAX), torch and cudnn (the LSTM of jax.experimental.rnn, on a GPU), separated by commas,
            or none
        passes: forward, training (forward and gradients with respect to weights and inputs) and step (one time step
            of one sequence, as in streaming), separated by commas
        precision: dtype of the products; bfloat16 only on a GPU
        rounds: at most this many rounds
        seconds: how long the rounds of a point last, at least 5 rounds; 3 if not set, with grid=full 20
        out: folder of bench.csv, bench.md and pictures
        fresh: start over instead of continuing

    Returns:
        The exit code 0.

    Raises:
        ConfigError: an unknown name, or a precision that is not timed here.
        UserError: a file cannot be read or written, or holds times of another machine or other versions.
    """
    path = out / CSV_NAME
    _check_folder(out)
    terminal = Terminal(soft_wrap=True, highlight=False)
    if grid != "none" or shapes is not None:
        chosen = _names("peers", peers, PEERS) if peers != "none" else []
        done = _names("passes", passes, PASSES)
        work = _work(grid, shapes, [what for what in PASSES if what in done])
        settings = _settings(cells, precision, rounds, SECONDS[grid] if seconds is None else seconds)
        if fresh:
            path.unlink(missing_ok=True)
        _measure(work, chosen, settings, path, terminal)
    if not path.exists():
        raise UserError(f"{path}: there is no such file, nothing was timed. For example: {EXAMPLES[0]}")
    rows = read(path)
    _print_tables(rows)
    write_text(page(rows), out / PAGE_NAME, "out")
    for file in (path, out / PAGE_NAME, *_pictures(rows, out)):
        terminal.print(file)
    return 0


def _check_folder(out: Path) -> None:
    """Check that the files of a folder are those of an earlier call, or not there."""
    check_replaceable(out / CSV_NAME, "out", begins_with(",".join(COLUMNS[:5])), hint="Choose another folder.")
    if not (out / CSV_NAME).exists():
        for name in (PAGE_NAME, *PICTURES):
            check_replaceable(out / name, "out", is_picture, hint="Choose another folder.")


def _work(grid: str, shapes: str | None, passes: Sequence[Pass]) -> list[tuple[Shape, Pass]]:
    from gru_bench.measure.grid import GRIDS, parse_shapes, work_of

    return work_of(GRIDS[grid] if shapes is None else parse_shapes(shapes), passes)


def _settings(cells: str, precision: str, rounds: int, seconds: float) -> Settings:
    chosen = _names("cells", cells, preset_places("model"))
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # a GPU's memory is PyTorch's as well

    import_jax()
    import jax

    from gru_bench.measure.sweep import Settings
    from gru_bench.training.jax_settings import check_xla_flags, set_up_jax

    check_xla_flags()
    set_up_jax()

    if precision != "float32" and jax.devices()[0].platform != "gpu":
        raise ConfigError("precision", precision, "float32 where there is no GPU")
    return Settings(cells=chosen, precision=precision, rounds=rounds, seconds=seconds)


def _measure(
    work: Sequence[tuple[Shape, Pass]], peers: Sequence[str], settings: Settings, path: Path, terminal: Terminal
) -> None:
    from gru_bench.measure.implementations import load
    from gru_bench.measure.sweep import sweep
    from gru_bench.training.environment import keep_freed_memory

    keep_freed_memory()
    available, missing = load(peers)
    for line in missing:
        terminal.print(line)
    sweep(work, available, settings, path, terminal.print)
    terminal.print()


def _print_tables(rows: Sequence[Measurement]) -> None:
    terminal = Terminal(highlight=False)
    tables = Lines(*(table.terminal() for table in sheets(rows)), *(Text(f"· {note}") for note in notes(rows)), Text())
    print_whole(terminal, tables, at_least=NARROWEST)


def _pictures(rows: Sequence[Measurement], out: Path) -> list[Path]:
    from gru_bench.reporting.bench_figures import draw_all  # matplotlib takes its time to load, and --help needs none

    return draw_all(rows, out)


def _names(key: str, text: str, known: Iterable[str]) -> list[str]:
    names = list(dict.fromkeys(part.strip() for part in text.split(",")))
    for name in names:
        if name not in known:
            raise ConfigError(key, name, f"{', '.join(known)}, joined by commas", nearest(name, known))
    return names


if __name__ == "__main__":
    sys.exit(run_command(bench, examples=EXAMPLES, go_on=True))
