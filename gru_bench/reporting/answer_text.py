"""The answer of a comparison in sentences and one table."""

from __future__ import annotations

from collections.abc import Iterator

from gru_bench.record import BETTER
from gru_bench.reporting.format import count, mebibytes, milliseconds, number, times
from gru_bench.reporting.sheet import Sheet
from gru_bench.results.answer import Answer, CellAnswer
from gru_bench.results.decision import Pairing
from gru_bench.results.statistics import Verdict

_IMPROVING = 0.2  # share of runs at their best at their end, above which longer training could change the answer


def paragraph(answer: Answer) -> str:
    """Return the answer as one paragraph; that no cell beats what is free comes first."""
    return " ".join([*_baseline(answer), *_pick(answer), *_cost(answer), *_cautions(answer)])


def headline(answer: Answer) -> str:
    """Return the answer in a few words."""
    if not _useful(answer):
        return f"No cell surely beats what is free: {answer.baseline}"
    if answer.kind == "open":
        return "Open: these runs do not settle it"
    pick = answer.cells[answer.pick].title
    return f"Take the {pick}" if answer.kind == "better" else f"Either: take the {pick}, the cheaper one"


def table(answer: Answer) -> Sheet:
    """Return scores and costs of the cells beside the free baselines."""
    unit = f" ({answer.unit})" if answer.unit else ""
    better = BETTER[answer.direction]
    columns = (
        *("", f"test {answer.metric.replace('_', ' ')}{unit}, {better} is better", "seeds", "seconds per epoch"),
        *("parameters", "carried state", "memory of an update (MiB)", "one time step (ms)"),
    )
    rows = [_row(cell) for cell in answer.cells.values()]
    rows += [(f"{name} (free)", number(value), *[""] * 6) for name, value in answer.baselines.items()]
    return Sheet(f"{answer.task} on {answer.data}", columns, rows)


def difference(answer: Answer, pairing: Pairing) -> str:
    """Return by how much one cell is ahead of the other, with its interval, in the unit of the metric."""
    look = pairing.look
    ahead, behind = (pairing.first, pairing.second) if look.mean >= 0 else (pairing.second, pairing.first)
    low, high = (look.low, look.high) if look.mean >= 0 else (-look.high, -look.low)
    word = "lower" if answer.direction == "min" else "higher"
    first, second = (answer.cells[name].title for name in (ahead, behind))
    if not look.mean:
        return (
            f"the mean test {answer.metric.replace('_', ' ')} of {first} and {second} is the same ({look.pairs} pairs)"
        )
    unit = f" {answer.unit}" if answer.unit else ""
    return (
        f"the test {answer.metric.replace('_', ' ')} of the {first} is {word} than that of the {second} by "
        f"{number(abs(look.mean), 3)}{unit} (95 % interval {number(low, 3)} to {number(high, 3)}, {look.pairs} pairs)"
    )


def _row(cell: CellAnswer) -> tuple[str, ...]:
    found = cell.estimate
    interval = "" if found is None or found.low is None else f" ({number(found.low)} to {number(found.high)})"
    diverged = sum(value is None for value in cell.scores.values())
    return (
        cell.title,
        ("" if found is None else number(found.mean)) + interval,
        f"{len(cell.scores)}" + (f", {diverged} diverged" if diverged else ""),
        number(cell.seconds_per_epoch, 3),
        count(cell.parameters),
        count(cell.state_size),
        mebibytes(cell.step_bytes),
        milliseconds(cell.latency),
    )


def _useful(answer: Answer) -> bool:
    return any(cell.beats_baseline for cell in answer.cells.values())


def _baseline(answer: Answer) -> Iterator[str]:
    cells = answer.cells.values()
    if not answer.baseline:
        return
    value = number(answer.baselines[answer.baseline])
    if not _useful(answer):
        reached = ", ".join(f"{cell.title} {number(cell.estimate.mean)}" for cell in cells if cell.estimate is not None)
        yield (
            f"No cell surely beats the best free baseline: {answer.baseline} has a test {answer.metric} of {value}"
            f"{f', against {reached}' if reached else ''}. Take the baseline, or train longer."
        )
        return
    weaker = [cell.title for cell in cells if not cell.beats_baseline]
    if weaker:
        yield f"{' and '.join(weaker)} does not surely beat the best free baseline, {answer.baseline} ({value})."


def _pick(answer: Answer) -> Iterator[str]:
    margin = f"the margin of {number(answer.margin, 3)}"
    differences = "; ".join(difference(answer, pairing) for pairing in answer.pairings)
    if answer.lost:
        yield f"All trials of {' and '.join(answer.lost)} diverged."
    lead = "" if _useful(answer) else "Between the cells: "
    if answer.kind == "better":
        yield f"{lead}Take the {answer.cells[answer.pick].title}" + (f": {differences}." if differences else ".")
    elif answer.kind == "either":
        yield (
            f"{lead}Either will do; take the {answer.cells[answer.pick].title}, the cheaper one: {differences}. "
            f"That is surely less than {margin}, so it does not matter."
        )
    else:
        undecided = [pairing for pairing in answer.pairings if pairing.look.verdict is Verdict.OPEN]
        yield (
            f"{lead}Open: {differences}. "
            + (
                "This is neither surely a difference nor surely less than "
                if len(undecided) == len(answer.pairings)
                else "Not all of this is surely a difference or surely less than "
            )
            + f"{margin}."
        )
        yield (
            "How many pairs would settle it cannot be foreseen."
            if answer.needed is None
            else f"It would take about {answer.needed} pairs: minutes={answer.needed_minutes} seeds={answer.needed}."
        )


def _cost(answer: Answer) -> Iterator[str]:
    if not answer.pick:
        return
    pick = answer.cells[answer.pick]
    for name, cell in answer.cells.items():
        if name != answer.pick:
            yield (
                f"The {pick.title} has {times(pick.parameters / cell.parameters)} the parameters and needs "
                f"{times(pick.flops_per_update / cell.flops_per_update)} the operations per update of the {cell.title}."
            )


def _cautions(answer: Answer) -> Iterator[str]:
    improving = [cell.title for cell in answer.cells.values() if cell.improving > _IMPROVING]
    if improving:
        yield f"Runs of {' and '.join(improving)} were still improving at their end: longer training could change this."
