"""The plan of a comparison: fixed by probes, written down before the runs, and all that decides beside them."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_bench.comparison.probe import Probe
from gru_bench.comparison.request import Request
from gru_bench.comparison.sizing import RUNG, Size, estimated_seconds, sizes, updates_of
from gru_bench.config import differences
from gru_bench.errors import ConfigError, UserError
from gru_bench.files import write_atomically
from gru_bench.reporting.format import number
from gru_bench.results.decision import best_baseline, default_margin
from gru_bench.results.statistics.sequential import Rule, largest_spread, make_rule

PLAN_FILE = "plan.json"
MARGIN_SHARE = 0.02
"""The default margin as a share of the distance between the best free baseline and a perfect score."""

SAFETY = 1.1  # times the estimate: sessions disturb each other more than probes do
PAGE_SECONDS = 6.0  # answer, pictures, page
SELECTION_SEED = 1000  # of the trials, from the first seed of the pairs on


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that decides beside the runs; a stopped comparison continues with the plan it began with.

    Attributes:
        facts: what was asked for.
        minutes: the estimate for everything.
        size: how large it is.
        updates: of a run, by cell.
        matched: settings that match a cell with the first one, by cell.
        workers: how many sessions train side by side.
        margin: the difference that does not matter; `reason` says where it is from.
        reason: see `margin`.
        looks: numbers of pairs at which the pairs are tested.
        levels: of each one-sided test.
        spread: the standard deviation of paired differences up to which a difference of two margins is found with a
            chance of 80 %.
        probes: what the probe runs found, by cell.
    """

    facts: Mapping[str, Any]
    minutes: float
    size: Size
    updates: Mapping[str, int]
    matched: Mapping[str, tuple[str, ...]]
    workers: int
    margin: float
    reason: str
    looks: tuple[int, ...]
    levels: tuple[float, ...]
    spread: float
    probes: Mapping[str, Probe]

    @property
    def probe(self) -> Probe:
        """What all cells have in common: metrics, baselines, data."""
        return next(iter(self.probes.values()))

    @property
    def rule(self) -> Rule:
        """The decision rule."""
        return Rule(self.margin, self.looks, self.levels)

    @property
    def baseline(self) -> tuple[str, float] | None:
        """The best predictor that is no network, and its score."""
        return best_baseline(self.probe.baselines, self.probe.direction)

    def eval_every(self, cell: str) -> int:
        """Return the updates between evaluations."""
        return max(1, self.updates[cell] // self.size.evaluations)

    def rung(self, cell: str) -> int:
        """Return the update after which the better half of the trials goes on; that of the end without pruning."""
        part = self.size.evaluations // RUNG
        return part * self.eval_every(cell) if self.size.pruned else self.updates[cell]

    def budget(self, cell: str) -> tuple[str, ...]:
        """Return the settings that say how long a run is."""
        length = f"training.updates={self.updates[cell]}"
        return (length, f"training.eval_every={self.eval_every(cell)}", "training.patience=null")

    def write(self, folder: Path) -> None:
        """Write the plan down at once.

        Raises:
            UserError: it cannot be written.
        """
        text = json.dumps(dataclasses.asdict(self) | {"size": self.size._asdict()}, indent=2)
        write_atomically(folder / PLAN_FILE, f"{text}\n".encode())


def read_plan(folder: Path, facts: Mapping[str, Any]) -> Plan | None:
    """Return the plan of a folder; None where there is none yet.

    Raises:
        ConfigError: it is the plan of another comparison.
        UserError: it is damaged.
    """
    path = folder / PLAN_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        known = values["facts"]
        values["probes"] = {name: Probe(**probe) for name, probe in values["probes"].items()}
        values["matched"] = {name: tuple(options) for name, options in values["matched"].items()}
        values |= {"size": Size(**values["size"])} | {name: tuple(values[name]) for name in ("looks", "levels")}
        plan = Plan(**values)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: cannot be read as the plan of a comparison ({error}). Give another folder.") from None
    if changed := list(differences(json.loads(json.dumps(facts)), known)):
        raise ConfigError(
            "out",
            str(folder),
            f"a folder of its own for each comparison: this one holds another ({'; '.join(changed[:5])})",
            "Choose another out=... or leave it out.",
        )
    return plan


def make_plan(
    request: Request,
    facts: Mapping[str, Any],
    probes: Mapping[str, Probe],
    matched: Mapping[str, tuple[str, ...]],
    programs: Mapping[str, tuple[int, ...]],
    cores: int,
    seconds: float,
) -> Plan:
    """Return the largest plan that fits the time that is left.

    Args:
        request: what is asked for.
        facts: the same, JSON-able.
        probes: by cell.
        matched: settings that match a cell with the first one, by cell.
        programs: by cell, for each trial in order the number of its program.
        cores: of this machine.
        seconds: that are left of `minutes`.

    Raises:
        UserError: not even the smallest plan fits.
        ConfigError: there is no baseline that the margin could be derived from.
    """
    first = next(iter(probes.values()))
    workers = 2 if first.accelerated else max(1, cores)
    margin, reason = _margin(request, first)
    fits = [
        (size, needed)
        for size in sizes(request, first)
        if (needed := SAFETY * estimated_seconds(size, request, probes, programs, workers) + PAGE_SECONDS) <= seconds
    ]
    if not fits:
        least = min(estimated_seconds(size, request, probes, programs, workers) for size in sizes(request, first))
        needed = math.ceil((SAFETY * least + PAGE_SECONDS) / 60 + facts["minutes"] - seconds / 60)
        raise UserError(
            f"minutes: found {facts['minutes']:g}, and the smallest plan of these runs takes {needed}. Give "
            f"minutes={needed} or more, or fewer trials=, seeds=, training.updates=."
        )
    size, needed = fits[0]
    updates = {name: updates_of(name, size, request, probes) for name in probes}
    comparisons = math.comb(len(probes), 2)
    rule = make_rule(size.seeds, margin, comparisons)
    return Plan(
        facts=facts,
        minutes=(needed + 60 * facts["minutes"] - seconds) / 60,
        size=size,
        updates=updates,
        matched=matched,
        workers=workers,
        margin=margin,
        reason=reason,
        looks=rule.looks,
        levels=rule.levels,
        spread=largest_spread(size.seeds, 2 * margin, rule.levels[-1]),
        probes=probes,
    )


def _margin(request: Request, probe: Probe) -> tuple[float, str]:
    """Return the margin and where it is from; a baseline with a perfect score leaves nothing to take a share of."""
    if request.margin is not None:
        return request.margin, "as given"
    margins = {name: default_margin(value, probe.perfect, MARGIN_SHARE) for name, value in probe.baselines.items()}
    known = {name: margin for name, margin in margins.items() if margin > 0}
    if not known:
        allowed = f"the difference in test {probe.metric} that does not matter"
        raise ConfigError("margin", None, allowed, "No free baseline gives one.")
    name = min(known, key=lambda name: known[name])
    best = "best free baseline" if len(known) == len(margins) else "best free baseline that is not perfect"
    return known[name], f"{MARGIN_SHARE:.0%} of the way from the {best}, {name}, to {number(probe.perfect)}"
