"""Learning curves of a claim: updates to each of several targets, and validation at equal training loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gru_bench.claims.claim import Claim, Part, curve_columns
from gru_bench.claims.estimates import shared_updates
from gru_bench.claims.panels import LONGEST_LABEL, arm_looks, draw_intervals, new_panels, save, set_title
from gru_bench.claims.rows import Row
from gru_bench.claims.wording import shortened


def to_targets(claim: Claim, part: Part, rows: Sequence[Row], path: Path) -> bool:
    """Draw mean and 95 % interval of the updates to each target, per arm, a panel per setting.

    A run that never reached a target counts as the updates that all runs had.

    Args:
        claim: whose rows they are.
        part: has targets.
        rows: of the part.
        path: the PNG file; its folder is made.

    Returns:
        Whether there was anything to draw.
    """

    def value(row: Row, column: str, limit: float) -> float:
        found = row.numbers.get(column)
        return limit if found is None else min(found, limit)

    return _curves(claim, part, rows, path, ("updates_to_target", part.targets), "target, {unit}", "updates", value)


def at_train_losses(claim: Claim, part: Part, rows: Sequence[Row], path: Path) -> bool:
    """Draw mean and 95 % interval of the validation metric at each training loss.

    Arguments and return value are as in `to_targets`.
    """

    def value(row: Row, column: str, limit: float) -> float | None:
        return row.numbers.get(column)

    where = ("valid_at_train_loss", part.train_losses)
    return _curves(claim, part, rows, path, where, "training loss, nats", "validation, {unit}", value)


def _curves(
    claim: Claim,
    part: Part,
    rows: Sequence[Row],
    path: Path,
    where: tuple[str, Mapping[str, Sequence[float]]],
    x_label: str,
    y_label: str,
    value: Callable[[Row, str, float], float | None],
) -> bool:
    """Draw a number that is taken at several values, by setting, against these values."""
    number, values = where
    finished = {row.key.setting for row in rows if row.finished}
    settings = [name for name, several in values.items() if len(several) > 1 and name in finished]
    if not settings:
        return False
    figure, panels = new_panels(len(settings))
    for panel, setting in zip(panels, settings, strict=True):
        here = [row for row in rows if row.key.setting == setting]
        limit = shared_updates(here) or 0.0
        for arm, look in arm_looks(claim, part).items():
            of_arm = [row for row in here if row.key.arm == arm]
            points = {
                x: [found for row in of_arm if (found := value(row, column, limit)) is not None]
                for column, x in curve_columns(number, values[setting]).items()
            }
            draw_intervals(panel, {x: found for x, found in points.items() if found}, look)
        known = claim.settings[setting]
        set_title(panel, known.title)
        panel.set_xlabel(shortened(x_label.format(unit=known.unit), LONGEST_LABEL))
        panel.set_ylabel(shortened(y_label.format(unit=known.unit), LONGEST_LABEL))
        if values[setting][0] > values[setting][-1]:
            panel.invert_xaxis()  # in the order of the claim: training goes to the right
    save(figure, panels, path)
    return True
