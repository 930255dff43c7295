"""A plan in five lines."""

from __future__ import annotations

from gru_bench.comparison.plan import Plan
from gru_bench.comparison.request import Request
from gru_bench.comparison.runs import free_sizes
from gru_bench.reporting.format import count, duration, number
from gru_bench.results.statistics.sequential import ERROR

_NAMES = {
    "optimizer.learning_rate": "learning rate",
    "model.output_dropout": "dropout",
    "model.hidden_size": "hidden size",
}
_RETENTION = "initial retention of the state"


def plan_lines(request: Request, plan: Plan) -> list[str]:
    """Return what is compared, how it is tuned, on how many seeds, by which rule, and in which time."""
    probe, size, arms = plan.probe, plan.size, request.arms
    unit = f" {probe.unit}" if probe.unit else ""
    metric = probe.metric.replace("_", " ")
    free = ", ".join(f"{name} {number(value)}" for name, value in probe.baselines.items()) or "none"
    searched = ", ".join(_searched(request)) or "nothing is left to search"
    pruned = "; the better half goes on after a third of the updates" if size.pruned else ""
    updates = " and ".join(map(count, dict.fromkeys(plan.updates.values())))
    epochs = number(plan.updates[arms[0].name] / probe.updates_per_epoch, 2)
    longest, together = duration(60 * plan.minutes), f"{plan.workers} sessions side by side"
    paces = ", ".join(f"{arm.title} {1000 * plan.probes[arm.name].update:.3g} ms" for arm in arms)
    return [
        f"Cells:   {', '.join(arm.title for arm in arms)} at {_matched(request, plan)}. "
        f"Free baselines by test {metric}: {free}.",
        f"Tuning:  {size.trials} trials of each cell at the same points of {searched}{pruned}.",
        f"Seeds:   at most {size.seeds} pairs, {updates} updates a run ({epochs} epochs; the task's settings have "
        f"{probe.full_updates:,} updates).",
        f"Rule:    test {metric} of pairs, looked at after {' and '.join(map(str, plan.looks))} of them; margin "
        f"{number(plan.margin, 3)}{unit}, {plan.reason}. False verdicts: at most {ERROR:.0%}. A difference of two "
        f"margins is found in 80% of cases where pairs have a standard deviation of at most {number(plan.spread, 2)}.",
        f"Time:    at most {longest} of {request.minutes:g} min, {together}; an update takes {paces}.",
    ]


def _matched(request: Request, plan: Plan) -> str:
    if request.match != "parameters":
        return f"equal {request.match.replace('_', ' ')}"
    counts = " and ".join(count(plan.probes[arm.name].parameters["recurrent"]) for arm in request.arms)
    return f"the closest recurrent parameters ({counts})"


def _searched(request: Request) -> list[str]:
    sizes = free_sizes(request)
    spaces = [arm.space(tuple(request.settings), sizes) for arm in request.arms]
    return list(dict.fromkeys(_NAMES.get(key, _RETENTION) for space in spaces for key in space.searched))
