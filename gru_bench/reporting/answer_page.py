"""The answer of a comparison as one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gru_bench.plotting import COLOURS, STYLES
from gru_bench.reporting.answer_figures import effect_picture, tuning_picture
from gru_bench.reporting.answer_text import headline, paragraph, table
from gru_bench.reporting.curves import learning_curves, scheme_css
from gru_bench.reporting.format import number
from gru_bench.reporting.html import Cell, Picture, render
from gru_bench.results.answer import Answer, CellAnswer
from gru_bench.results.collect import Run
from gru_bench.results.comparison import Arm, Group

_TEMPLATE = Path(__file__).with_name("answer.html.jinja")


def answer_page(answer: Answer, plan: Sequence[str], runs: dict[str, list[Run]]) -> str:
    """Return the answer as HTML.

    Args:
        answer: what it says.
        plan: the lines of the plan.
        runs: the finished runs of the pairs by cell, for learning curves.
    """
    order = {cell.title: index for index, cell in enumerate(answer.cells.values())}
    curves, remarks = _curves(answer, runs, order)
    sheet = table(answer)
    return render(
        _TEMPLATE,
        scheme_css() + "\n",
        title=f"{' or '.join(order)}? {answer.task} on {answer.data}",
        facts="",
        kind="better" if answer.pick else "none",
        headline=headline(answer),
        paragraph=paragraph(answer),
        numbers={
            "caption": "Mean over seeds with its 95 % interval; times of the short runs before the plan",
            "first": sheet.columns[0],
            "columns": [(name, "") for name in sheet.columns[1:]],
            "bodies": [[(row[0], [Cell(text) for text in row[1:]], "") for row in sheet.rows]],
        },
        effect=effect_picture(answer),
        command=answer.cells[answer.pick].command if answer.pick else "",
        plan=plan,
        not_tested=answer.not_tested,
        legend=[
            {"name": name, "colour": index % len(COLOURS), "style": index % len(STYLES)}
            for name, index in order.items()
        ],
        curves=curves,
        remarks=remarks,
        cells=[
            {"title": cell.title, "settings": cell.settings, "command": cell.command, "runs": _runs(cell)}
            for cell in answer.cells.values()
        ],
    )


def _curves(answer: Answer, runs: dict[str, list[Run]], order: dict[str, int]) -> tuple[list[Picture], list[str]]:
    arms = tuple(Arm(answer.cells[name].title, tuple(of_cell), ()) for name, of_cell in runs.items() if of_cell)
    tuning = tuning_picture(answer)
    drawn, remarks = learning_curves(Group(arms, None), order, seconds=False) if arms else ([], [])
    return [*([tuning] if tuning is not None else []), *drawn], remarks


def _runs(cell: CellAnswer) -> list[tuple[int, str, str]]:
    scores = cell.scores.items()
    return [
        (seed, "diverged" if score is None else number(score), run)
        for (seed, score), run in zip(scores, cell.runs, strict=True)
    ]
