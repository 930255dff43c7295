"""A search as files: a CSV of its trials and pictures."""

from __future__ import annotations

from pathlib import Path

from gru_bench.plotting import save_figure
from gru_bench.reporting.csv_file import csv_text
from gru_bench.reporting.search_figures import budget_curve, importance_bars, parallel_coordinates
from gru_bench.search.trials import Search


def table(search: Search) -> str:
    """Return the trials as CSV, one row each: number, outcome, values, validation value, updates, directory, reason."""
    return csv_text(
        [
            {
                "trial": trial.number,
                "outcome": trial.outcome,
                **trial.values,
                f"valid_{search.metric}": trial.value,
                "updates": trial.updates,
                "directory": trial.run,
                "reason": trial.reason,
            }
            for trial in search.trials
        ]
    )


def pictures(search: Search, folder: Path) -> list[Path]:
    """Draw what can be drawn of a search and return the PNG files."""
    drawn = {
        "parallel_coordinates": parallel_coordinates(search),
        "importance": importance_bars(search),
        "budget": budget_curve(search),
    }
    paths = []
    for name, figure in drawn.items():
        if figure is not None:
            paths.append(folder / f"{name}.png")
            save_figure(figure, paths[-1])
    return paths
