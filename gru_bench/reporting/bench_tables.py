"""Measurements as tables: times, ratios, latency, memory, and the kernels that ran."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Callable, Sequence

from gru_bench.machine_load import SHARED_LOAD
from gru_bench.measurement import PASSES, Measurement, Pass
from gru_bench.reporting.format import count, mebibytes, milliseconds, number, times
from gru_bench.reporting.sheet import Sheet
from gru_bench.results.measurements import OURS, PRODUCTS, best_peer, by_point, cell_ratios, implementations

TITLES = {
    "fast": "ours\nfast",
    "scan": "ours\nscan",
    "flax": "Flax\nnnx.RNN",
    "keras": "Keras\non JAX",
    "torch": "PyTorch",
    "cudnn": "jax\ncuDNN",
    "products": "products\nalone",
}
_WORDS: dict[Pass, str] = {"forward": "forward", "training": "training step", "step": "one time step"}
_KIBIBYTE = 2**10


def sheets(rows: Sequence[Measurement]) -> list[Sheet]:
    """Return all tables that the measurements allow."""
    precisions = list(dict.fromkeys(row.precision for row in rows))
    found = [sheet for name in precisions for sheet in _of_precision([row for row in rows if row.precision == name])]
    return [sheet for sheet in [*found, kernels(rows)] if sheet.rows]


def _of_precision(rows: Sequence[Measurement]) -> list[Sheet]:
    cells = dict.fromkeys(row.cell for row in rows)
    layers = [row for row in rows if row.what != "step"]
    return [
        *(speed([row for row in rows if row.cell == cell and row.what == what]) for cell in cells for what in PASSES),
        *(cell_ratio([row for row in rows if row.what == what]) for what in PASSES),
        *(throughput([row for row in layers if row.cell == cell and row.what == "training"]) for cell in cells),
        *(memory([row for row in layers if row.cell == cell and row.what == "training"]) for cell in cells),
        sizes([row for row in rows if row.implementation == OURS]),
        compilation(rows),
    ]


def notes(rows: Sequence[Measurement]) -> list[str]:
    """Return what a reader must know to trust the tables."""
    machines = dict.fromkeys((row.device, row.threads, row.versions) for row in rows)
    found = [f"{device}, {threads} threads; {versions}" for device, threads, versions in machines]
    commits = dict.fromkeys(row.commit for row in rows if row.commit)
    if commits:
        found.append(f"Commit: {', '.join(commits)}.")
    libraries = dict.fromkeys(row.library for row in rows)
    counts = [row.count for row in rows]
    found.append(f"Timed in turn: {', '.join(libraries)}; {min(counts)} to {max(counts)} rounds.")
    found.append("Median ± half the interquartile range in percent of it; compilation is apart.")
    shared = {row.rounds: row for row in rows if row.load > SHARED_LOAD}
    points = len({row.rounds for row in rows})
    worst = max(rows, key=lambda row: row.load)
    load = f"Other processes kept at most {worst.load:.2f} cores busy"
    if shared:
        found.append(
            f"Warning: {load} (at {worst.what} {worst.shape}), and more than {SHARED_LOAD} at {len(shared)} of "
            f"{points} points. These times are those of a shared machine; measure again on an idle one."
        )
    else:
        found.append(f"{load}.")
    return found


def page(rows: Sequence[Measurement]) -> str:
    """Return all tables and notes as Markdown."""
    return "\n".join(
        ["\n".join(f"- {note}" for note in notes(rows)), "", *(table.markdown() for table in sheets(rows))]
    )


def speed(rows: Sequence[Measurement]) -> Sheet:
    """Return the times of one cell in one pass, ours over the fastest peer's and over the products alone."""
    names, points = implementations(rows), by_point(rows)
    table = []
    for point, found in points.items():
        best = best_peer(found)
        to_best = "" if best is None else f"{times(best.value)} {best.under.implementation}"
        to_products = times(found[OURS].median / found[PRODUCTS].median) if {OURS, PRODUCTS} <= found.keys() else ""
        table.append([str(point.shape), *(_time(found.get(name)) for name in names), to_best, to_products])
    first = rows[0] if rows else None
    unit = "µs" if first and first.what == "step" else "ms"
    title = f"{first.cell}, {_WORDS[first.what]}, {first.precision}: {unit}" if first else ""
    return Sheet(title, ["shape", *(TITLES[name] for name in names), "fast to\nbest peer", "to\nproducts"], table)


def cell_ratio(rows: Sequence[Measurement]) -> Sheet:
    """Return the time of a GRU over that of an LSTM, each column within one implementation."""
    ratios = {(ratio.over.shape, ratio.over.implementation): ratio.value for ratio in cell_ratios(rows)}
    names = [name for name in implementations(rows) if any(name == found for _, found in ratios)]
    table = [
        [str(shape), *(times(ratios.get((shape, name))) for name in names)]
        for shape in dict.fromkeys(shape for shape, _ in ratios)
    ]
    what = _WORDS[rows[0].what] if rows else ""
    return Sheet(f"GRU : LSTM at equal size, {what}, within one implementation", ["shape", *_titles(names)], table)


def throughput(rows: Sequence[Measurement]) -> Sheet:
    """Return time steps of all sequences per second of training."""
    return _by_shape(
        rows,
        "training, thousands of time steps x batch per second",
        lambda row: number(row.time_steps_per_second / 1e3, 3),
    )


def memory(rows: Sequence[Measurement]) -> Sheet:
    """Return what the compiled training step needs."""
    return _by_shape(
        [row for row in rows if row.step_bytes is not None],
        "memory of the compiled training step (arguments, results, temporaries), MiB",
        lambda row: mebibytes(row.step_bytes),
    )


def sizes(rows: Sequence[Measurement]) -> Sheet:
    """Return bytes of parameters and carry of each size of layer."""
    found = dict.fromkeys((row.cell, row.input, row.hidden, row.parameter_bytes, row.carry_bytes) for row in rows)
    table = [
        [cell, f"{inputs}x{hidden}", number(parameters / _KIBIBYTE), count(carry)]
        for cell, inputs, hidden, parameters, carry in found
    ]
    columns = ["cell", "input x hidden", "parameters, KiB", "carry of a sequence, bytes"]
    return Sheet("Bytes of a layer in float32", columns, table)


def compilation(rows: Sequence[Measurement]) -> Sheet:
    """Return the median of the seconds that tracing and compilation took."""
    compiled = [row for row in rows if row.compile_seconds is not None]
    names = implementations(compiled)
    seconds: dict[tuple[str, Pass], dict[str, list[float]]] = {}
    for row in compiled:
        by_name = seconds.setdefault((row.cell, row.what), {})
        by_name.setdefault(row.implementation, []).append(row.compile_seconds or 0.0)
    table = []
    for (cell, what), by_name in seconds.items():
        values = (by_name.get(name) for name in names)
        table.append([f"{cell} {_WORDS[what]}", *(number(statistics.median(v), 2) if v else "" for v in values)])
    return Sheet("Tracing and compilation, median over shapes, s", ["", *_titles(names)], table)


def kernels(rows: Sequence[Measurement]) -> Sheet:
    """Return what computed the products; where shapes differ, with the number of shapes."""
    found: dict[tuple[str, str, Pass], Counter[str]] = {}
    for row in rows:
        names = re.sub(r"\b\d+ ", "", row.kernel)
        found.setdefault((row.implementation, row.cell, row.what), Counter())[names] += 1
    works: dict[tuple[str, str], list[str]] = {}
    for (name, cell, what), seen in found.items():
        texts = [f"{text} ({number} shapes)" if len(seen) > 1 else text for text, number in seen.most_common()]
        works.setdefault((name, "; ".join(texts)), []).append(f"{cell} {_WORDS[what]}")
    order = implementations(rows)
    table = sorted(
        ([name, ", ".join(work), text] for (name, text), work in works.items()), key=lambda row: order.index(row[0])
    )
    return Sheet(
        "What computed the products (numbers of calls: CSV)", ["", "work", "kernels"], table, frozenset({1, 2})
    )


def _by_shape(rows: Sequence[Measurement], title: str, write: Callable[[Measurement], str]) -> Sheet:
    names, points = implementations(rows), by_point(rows)
    table = [
        [str(point.shape), *(write(found[name]) if name in found else "" for name in names)]
        for point, found in points.items()
    ]
    return Sheet(f"{rows[0].cell}, {title}" if rows else title, ["shape", *_titles(names)], table)


def _titles(names: Sequence[str]) -> list[str]:
    return [TITLES[name] for name in names]


def _time(row: Measurement | None) -> str:
    if row is None:
        return ""
    spread = f"±{100 * (row.q75 - row.q25) / 2 / row.median:.0f}%"
    return f"{number(row.median * 1e6, 3) if row.what == 'step' else milliseconds(row.median)} {spread}"
