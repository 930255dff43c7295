"""The comparison as one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gru_bench.reporting.curves import scheme_css
from gru_bench.reporting.html import render
from gru_bench.reporting.page_group import group_section
from gru_bench.reporting.page_overview import RATIOS, differences, overview_row
from gru_bench.reporting.run_files import Budget
from gru_bench.reporting.table import LEGEND, collection_notes
from gru_bench.results.collect import Collection
from gru_bench.results.comparison import REFERENCE, Group, set_apart

GROUPS_IN_DETAIL = 40  # those that compare cells first; the overview has all
GROUPS_WITH_PICTURES = 12
LISTED_NOTES = 60


def page(collection: Collection, groups: Sequence[Group]) -> str:
    """Return the whole comparison as HTML.

    Args:
        collection: all runs, for those that are not counted.
        groups: the comparisons, in order.
    """
    apart, cells = set_apart(groups), sorted({arm.cell for group in groups for arm in group.arms})
    detailed = _first(groups, GROUPS_IN_DETAIL)
    with_pictures = _first(groups, GROUPS_WITH_PICTURES)
    order = _order(groups)
    budget = Budget()
    sections = [
        group_section(group, settings, order, budget if index in with_pictures else None)
        for index, (group, settings) in enumerate(zip(groups, apart, strict=True))
        if index in detailed
    ]
    left_out = [*collection_notes(collection), *(f"Unreadable: {text}" for _, text in collection.unreadable)]
    return render(
        Path(__file__).with_name("page.html.jinja"),
        scheme_css() + "\n",
        title=_title(groups),
        facts=_facts(collection, groups),
        reference=REFERENCE,
        cells=cells,
        ratios=RATIOS,
        overview=[
            overview_row(group, settings, cells, index in detailed)
            for index, (group, settings) in enumerate(zip(groups, apart, strict=True))
        ],
        differences=differences(groups, apart),
        sections=sections,
        not_detailed=len(groups) - len(sections),
        left_out=left_out[:LISTED_NOTES],
        not_listed=max(0, len(left_out) - LISTED_NOTES),
        legend=LEGEND,
    )


def _first(groups: Sequence[Group], limit: int) -> set[int]:
    """Return the indices of the groups that matter most: those that compare cells, over most runs."""
    order = sorted(range(len(groups)), key=lambda index: (not groups[index].others, -len(groups[index].runs), index))
    return set(order[:limit])


def _order(groups: Sequence[Group]) -> dict[str, int]:
    """Number the arms so that one arm has one colour and line style on the whole page."""
    names = {arm.name: arm.cell for group in groups for arm in group.arms}
    return {name: index for index, name in enumerate(sorted(names, key=lambda name: (name != names[name], name)))}


def _title(groups: Sequence[Group]) -> str:
    places = sorted({f"{group.first.task} on {group.first.data}" for group in groups})
    return "GRU or LSTM? " + (", ".join(places) if len(places) <= 2 else f"{len(places)} tasks and data sets")


def _facts(collection: Collection, groups: Sequence[Group]) -> str:
    runs = f"{len(collection.finished)} finished {'run' if len(collection.finished) == 1 else 'runs'}"
    compared = f"{len(groups)} {'group' if len(groups) == 1 else 'groups'} of equal settings"
    ended = max((str(run.record.ended or run.record.started) for run in collection.finished), default="")
    parts = [runs, compared, f"the last of {ended[:10]}" if ended else ""]
    skipped = len(collection.unfinished) + len(collection.replaced) + len(collection.unreadable)
    return ", ".join([*filter(None, parts), *([f"{skipped} not counted (see the end)"] if skipped else [])]) + "."
