"""Run directories with everything that a page shows, some of it hostile, and pages made of them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gru_bench.reporting.page import page
from gru_bench.results.collect import collect
from gru_bench.results.comparison import compare
from tests.results.records import make_record, write_run

HOSTILE = '</script><script>window.broken = 1</script><img src=x onerror="window.broken = 1">{{ 7 * 7 }}\'"&'


def write_full_run(folder: Path, record: dict[str, Any], name: str, *, samples: int = 2, pictures: int = 1) -> Path:
    """Write a run with its record, history, samples and pictures, and return its directory."""
    directory = write_run(folder, record, name)
    better = 1 if record["direction"] == "max" else -1
    end = record["metrics"]["valid"][record["metric"]]
    pace = record["speed"].get("seconds_per_update") or 0.01
    rows: list[dict[str, Any]] = []
    for update in range(50, 2001, 50):
        away = 0.5 * math.exp(-update / 300) + 0.004 * math.sin(update + record["seed"])
        row = {"update": update, "epoch": update / 200, "seconds": update * pace}
        rows.append({**row, "split": "train", "loss": 0.4 + away, "gradient_norm": 0.3})
        if update % 250 == 0:
            rows.append({**row, "split": "valid", record["metric"]: end - better * away})
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (directory / "metrics.jsonl").write_text(text, encoding="utf-8")
    given = [
        ("", "BTSSXXTVVE BPVVE"),
        ("a review: not bad at all", f"positive 0.98 {HOSTILE}"),
        *[("x", "y " * 2000)] * 8,
    ]
    content = [{"given": left, "output": right} for left, right in given[:samples]]
    (directory / "samples.json").write_text(json.dumps(content), encoding="utf-8")
    (directory / "figures").mkdir()
    for index in range(pictures):
        write_picture(directory / "figures" / f"confusion_{index}.png")
    write_picture(directory / "figures" / "learning_curve.png")
    if pictures:
        write_picture(directory / "figures" / "attention.png", width=14)
    return directory


def write_picture(path: Path, width: float = 4) -> None:
    """Write a small PNG file, `width` inches by 3."""
    figure = Figure(figsize=(width, 3), dpi=60)
    FigureCanvasAgg(figure)
    figure.subplots().plot([0, 1], [1, 0])
    figure.savefig(path, format="png")


def write_everything(folder: Path) -> None:
    """Write runs of three tasks: three seeds, accuracy with a better baseline, one seed, hostile names."""
    for cell, values in {"gru": (0.41, 0.42, 0.43), "lstm": (0.40, 0.42, 0.43), "rnn": (1.90, 1.91, 1.90)}.items():
        for seed, nll in enumerate(values):
            write_full_run(folder, make_record(cell, seed, nll), f"reber/{cell}/{seed}")
    for cell, values in {"gru": (0.97, 0.98, 0.975), "lstm": (0.90, 0.91, 0.905)}.items():
        for seed, accuracy in enumerate(values):
            metrics = {"accuracy": accuracy, "macro_f1": accuracy - 0.01, "nll": 0.2, "ece": 0.03}
            changes: dict[str, Any] = {
                "task": "sentiment",
                "data": "sentiment_grammar",
                "metric": "accuracy",
                "direction": "max",
                "metrics": {"valid": metrics, "test": metrics},
                "baselines": {"bag of words": {"accuracy": 0.93}, "majority": {"accuracy": 0.5}},
                "speed__item": "texts",
                "speed__shared_machine": cell == "lstm",
            }
            write_full_run(folder, make_record(cell, seed, **changes), f"sentiment/{cell}/{seed}", pictures=2)
    for cell in ("gru", "lstm"):
        for hidden in (32, 64):
            metrics = {
                "mse": 0.37 if cell == "gru" else 0.36,
                "mae": 0.4,
                "mse_units": 5.2,
                "mae_units": 1.9,
                "mase": 0.9,
            }
            changes = {
                "task": "time_series",
                "data": f"series_csv {HOSTILE}",
                "metric": "mse",
                "metrics": {"valid": metrics, "test": metrics},
                "baselines": {"linear": {"mse": 0.31}, "last value": {"mse": 1.2}},
                "speed__item": "windows",
                "config__model__hidden_size": hidden,
                "config__data__path": f"/data/{HOSTILE}.csv",
                "option__note": HOSTILE,
            }
            write_full_run(folder, make_record(cell, 0, **changes), f"series/{cell}-{hidden}", samples=9, pictures=8)
    write_run(folder, make_record("gru", 5, status="diverged", reason=HOSTILE, metrics={}), "diverged <b>run</b>")


def page_of(*paths: Path) -> str:
    """Return the page of all runs below the paths."""
    collection = collect(paths)
    return page(collection, compare(collection.finished))
