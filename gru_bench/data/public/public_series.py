"""Public CSV files of series: their source, columns and usual splits."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gru_bench.data.files.cells import Place
from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.series.series import Rows, Series, make_series
from gru_bench.data.series.table import SeriesLayout, to_readings
from gru_bench.errors import ConfigError, nearest


@dataclass(frozen=True, kw_only=True)
class SeriesCard:
    """A public series.

    Attributes:
        name: name of the data set.
        file: its source.
        rows: number of rows of the file, asserted.
        columns: the possible targets.
        cut: from the number of rows to the splits; rows after the test split are left out.
        missing: missing-value markers of the file.
        season: period in rows.
        description: a short description.
        homepage: its web page.
        citation: the reference to cite.
        license: terms of use.
    """

    name: str
    file: RemoteFile
    rows: int
    columns: tuple[str, ...]
    cut: Callable[[int], Mapping[str, Rows]]
    missing: tuple[str, ...] = ()
    season: int
    description: str
    homepage: str
    citation: str
    license: str


def load_public_series(
    card: SeriesCard,
    mirror: Path | None,
    cache: Path,
    *,
    targets: Sequence[str] | None,
    context: int,
    horizon: int,
    season: int | None,
    calendar: bool,
) -> Series:
    """Load a public series; each row is one step, independent of its time.

    Args:
        card: its description.
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        targets: the columns to forecast; None takes all.
        context: rows of the context.
        horizon: rows of the forecast.
        season: period in rows; None takes that of the card.
        calendar: whether to add calendar features.

    Raises:
        ConfigError: there is no such column.
        DataError: the file is missing or damaged, or the splits are too short for context and horizon.
    """
    import pandas as pd

    chosen = tuple(card.columns if targets is None else targets)
    for target in chosen:
        if target not in card.columns:
            raise ConfigError("data.targets", target, ", ".join(card.columns), nearest(target, card.columns))
    raw = fetch({"file": card.file}, mirror, cache)["file"]
    frame = pd.read_csv(io.BytesIO(raw), dtype=object, keep_default_na=False, na_filter=False)
    frame = frame.set_axis(["date", *card.columns], axis=1)
    assert len(frame) == card.rows
    layout = SeriesLayout(time_columns=("date",), steps="rows", decimal=".", missing=card.missing)
    splits = card.cut(len(frame))
    last = max(end for _, end in splits.values())
    readings, step, layout = to_readings(
        frame.iloc[:last], layout, chosen, (), Place(card.file.path, range(2, last + 2))
    )
    return make_series(
        card.name,
        readings,
        splits,
        targets=chosen,
        step=step,
        context=context,
        horizon=horizon,
        season=card.season if season is None else season,
        calendar=calendar,
        reading=asdict(layout),
        facts={"file_sha256": card.file.sha256[0]},
    )
