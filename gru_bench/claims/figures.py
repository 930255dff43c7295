"""Which pictures a claim has: it follows from what its parts hold, never from its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gru_bench.claims.analysis import Outcome
from gru_bench.claims.claim import Part
from gru_bench.claims.curve_figures import at_train_losses, to_targets
from gru_bench.claims.forest import forest
from gru_bench.claims.level_figures import has_lags, over_lags, over_levels, tuning_budget
from gru_bench.claims.needs import NeedAnswer
from gru_bench.claims.needs_figure import described, needs_forest
from gru_bench.claims.wording import effect_text, place
from gru_bench.replacing import holds, is_picture

FOLDER = "figures"
MOST_EFFECTS = 12  # effects in the text that stands for a picture


@dataclass(frozen=True)
class Drawn:
    """A picture of a claim.

    Attributes:
        file: in the claim's folder.
        title: what it shows.
        alt: what it says, for those who do not see it.
    """

    file: Path
    title: str
    alt: str


def draw_all(outcome: Outcome, folder: Path) -> list[Drawn]:
    """Draw what a claim's rows allow into `folder`/figures, and remove pictures of an earlier call that are not drawn.

    Args:
        outcome: the claim and what its rows say.
        folder: the claim's.
    """
    drawn = [*_effects(outcome, folder)]
    for name, title, draw in _of_parts(outcome):
        file = folder / FOLDER / f"{_plain(name)}.png"
        if draw(file):
            drawn.append(Drawn(file, title, f"{outcome.claim.title}: {title}."))
    kept = {picture.file for picture in drawn}
    for file in (folder / FOLDER).glob("*.png"):
        if file not in kept and holds(is_picture, file):
            file.unlink()
    return drawn


def draw_needs(answers: Sequence[NeedAnswer], folder: Path) -> Drawn | None:
    """Draw the findings that answer needs into `folder`/figures; None where there is nothing to draw."""
    file = folder / FOLDER / "needs.png"
    if not needs_forest(answers, file):
        return None
    title = "All cases in units of the margin, within which (grey) a difference does not matter; arrows: more than six"
    return Drawn(file, title, described(answers))


def _effects(outcome: Outcome, folder: Path) -> Iterator[Drawn]:
    file = folder / FOLDER / "effects.png"
    count = forest(outcome.findings, file)
    if not count:
        return
    known = [finding for finding in outcome.findings if finding.effect is not None]
    effects = [
        f"{finding.comparison.name}, {place(finding)}: {effect_text(finding)} {finding.answer}"
        for finding in known
        if finding.comparison.verdict
    ]
    more = f" and {len(effects) - MOST_EFFECTS} more" if len(effects) > MOST_EFFECTS else ""
    title = "Effects with 95 % intervals"
    if count < len(known):
        title += f"; {count} of {len(known)}, the tables have all"
    yield Drawn(file, title, f"{title}: {'; '.join(effects[:MOST_EFFECTS])}{more}.")


def _of_parts(outcome: Outcome) -> Iterator[tuple[str, str, Callable[[Path], bool]]]:
    """Yield name, title and how to draw it, for each picture that a part of the claim may have."""
    claim = outcome.claim
    for name, part in claim.parts.items():
        rows = [row for row in outcome.rows if row.key.part == name]
        if part.trials is not None:
            yield f"budget-{name}", "Expected best of a tuning budget", partial(tuning_budget, claim, part, rows)
        elif has_lags(part):
            title = "Gradient norm against lag, geometric mean over seeds"
            yield f"lags-{name}", title, partial(over_lags, claim, part, rows)
        elif part.targets:
            yield (
                f"targets-{name}",
                "Updates to targets, mean and 95 % interval",
                partial(to_targets, claim, part, rows),
            )
        elif part.train_losses:
            title = "Validation metric at equal training loss, mean and 95 % interval"
            yield f"losses-{name}", title, partial(at_train_losses, claim, part, rows)
        elif part.levels is not None:
            for number in _compared(outcome, name, part):
                title = f"{number.replace('_', ' ')} over {part.levels.title}, mean and 95 % interval"
                yield f"levels-{name}-{number}", title, partial(over_levels, claim, part, number, rows)


def _compared(outcome: Outcome, name: str, part: Part) -> list[str]:
    """Return the columns of a part that comparisons use, or its first one."""
    used = dict.fromkeys(comparison.number for comparison in outcome.claim.comparisons if comparison.part == name)
    return list(used) or list(part.numbers[:1])


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name)[:60].strip("-")
