"""`python -m gru_bench.evaluate run=DIR [path=FILE]`: score the test split again, or another file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group as Lines
from rich.table import Table
from rich.text import Text

from gru_bench.arguments import names, run_command
from gru_bench.data.files.text import existing_path
from gru_bench.jax_import import import_jax
from gru_bench.record import read_record
from gru_bench.terminal import Terminal, print_whole

if TYPE_CHECKING:
    from gru_bench.training.saved import SavedRun

EXAMPLES = (
    "python -m gru_bench.evaluate run=runs/language_modeling/reber/gru-1a2b3c4d/seed0",
    "python -m gru_bench.evaluate run=runs/sentiment/imdb/lstm-1a2b3c4d/seed0 path=reviews.csv",
)


def evaluate(
    *, run: Path, path: Path | None = None, mirror: str | None = None, cache: str | None = None, plugins: str = ""
) -> int:
    """Score the test split again with the best weights of a run and compare with its record, or score another file.

    On the same machine, with the same versions and number of threads, the numbers are equal to the last bit.

    Args:
        run: a run directory
        path: a file of the same format as the run's data, scored instead of the test split; the training data is
            not needed then
        mirror: folder of local copies of public files, instead of the variable GRU_BENCH_MIRROR
        cache: folder of downloads, instead of the user's cache folder
        plugins: your own modules or packages, separated by commas, whose classes the run may use

    Returns:
        0 when all numbers equal the recorded ones, 1 when one differs; 0 with `path`.

    Raises:
        UserError: there is no such run, it has no weights, its data is not the one it was trained on, or the file
            cannot be read.
    """
    read_record(run)  # JAX takes seconds to load, and a wrong directory or file needs none
    if path is not None and str(path) != "-":
        existing_path(str(path), "path")
    import_jax()
    from gru_bench.training.jax_settings import check_xla_flags, set_up_jax
    from gru_bench.training.saved import load_run

    check_xla_flags()
    set_up_jax()
    saved = load_run(run, names(plugins))
    if path is not None:
        metrics = saved.score(saved.task.file_batches(path, saved.config.training))
        print_whole(Terminal(soft_wrap=True), _table(f"{path}", saved, metrics))
        return 0
    metrics = saved.score(saved.task.eval_batches(saved.load_data(mirror, cache), "test", saved.config.training))
    recorded = saved.record.metrics.get("test")
    print_whole(Terminal(soft_wrap=True), _table(f"{run}", saved, metrics, recorded))
    if recorded is None:
        print(f"The run is {saved.record.status}: there is nothing recorded to compare with.", file=sys.stderr)
        return 0
    return int(any(recorded.get(name, value) != value for name, value in metrics.items() if name != "items"))


def _table(
    heading: str, saved: SavedRun, metrics: Mapping[str, float], recorded: Mapping[str, float] | None = None
) -> Lines:
    columns = ("", "now") if recorded is None else ("test", "now", "recorded", "")
    table = Table(*columns, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name, value in metrics.items():
        if name == "items":
            continue
        row = [name, repr(value)]
        if recorded is not None:
            note = "" if name not in recorded else "equal" if value == recorded[name] else "DIFFERENT"
            row += [repr(recorded.get(name)), note]
        table.add_row(*row)
    return Lines(Text(f"{heading}: {int(metrics['items']):,} {saved.task.item} scored"), Text(), table)


if __name__ == "__main__":
    sys.exit(run_command(evaluate, examples=EXAMPLES))
