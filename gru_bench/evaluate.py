"""`python -m gru_bench.evaluate run=DIR`: score the test split again with the best weights of a run."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gru_bench.arguments import run_command
from gru_bench.errors import UserError

EXAMPLES = ("python -m gru_bench.evaluate run=runs/language_modeling/reber/gru-1a2b3c4d/seed0",)


def evaluate(*, run: Path, mirror: str | None = None, cache: str | None = None) -> int:
    """Score the test split again with the best weights of a finished run, and compare with its record.

    The same machine, versions and thread count give the same numbers to the last bit.

    Args:
        run: a run directory
        mirror: folder of local copies of public files; default: the variable GRU_BENCH_MIRROR
        cache: folder of downloads and prepared data; default: the user's cache folder

    Returns:
        0 when all numbers equal the recorded ones, 1 when one differs.

    Raises:
        UserError: there is no such run, it has no weights, or the data is not the one it was trained on.
    """
    import dataclasses

    from flax import nnx

    from gru_bench.data.factory import make_data
    from gru_bench.training.evaluate import Evaluator
    from gru_bench.training.saved import load_run

    saved = load_run(run)
    paths = dataclasses.replace(saved.config.paths, mirror=mirror, cache=cache)
    data = make_data(saved.config.data, paths)
    recorded_digest = saved.record.data_facts.get("digest")
    if data.facts["digest"] != recorded_digest:
        raise UserError(
            f"the data is not what {run} was trained on: found digest {data.facts['digest'][:16]}, expected "
            f"{str(recorded_digest)[:16]}. The file, or the interpreter whose source it is, has changed."
        )
    graph, params = nnx.split(saved.network)
    batches = saved.task.eval_batches(data, "test", saved.config.training)
    found = Evaluator(graph, saved.task)(params, batches)
    items = found.pop("items")
    recorded = saved.record.metrics.get("test", {})
    title = f"{run}: {items:,} {saved.task.item} scored"
    table = Table("test", "now", "recorded", "", title=title, title_justify="left")
    for name, value in found.items():
        note = "" if name not in recorded else "equal" if value == recorded[name] else "DIFFERENT"
        table.add_row(name, repr(value), repr(recorded.get(name)), note)
    Console().print(table)
    return int(any(recorded.get(name, value) != value for name, value in found.items()))


if __name__ == "__main__":
    sys.exit(run_command(evaluate, examples=EXAMPLES))
