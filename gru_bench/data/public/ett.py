"""ETT: oil temperature and six loads of two electricity transformers, hourly and every 15 minutes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gru_bench.data.files.download import RemoteFile
from gru_bench.data.public.public_series import SeriesCard, load_public_series
from gru_bench.data.series.series import Rows, Series
from gru_bench.data.source import gives
from gru_bench.validation import Positive

MONTH = 30 * 24  # rows of an hourly file
COLUMNS = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")


def cut_by_months(per_hour: int) -> Callable[[int], Mapping[str, Rows]]:
    """Return the split into 12, 4 and 4 months of 30 days; later rows are left out."""
    month = MONTH * per_hour
    return lambda rows: {"train": (0, 12 * month), "valid": (12 * month, 16 * month), "test": (16 * month, 20 * month)}


def _card(name: str, file: str, size: int, sha256: str, packed: tuple[str, ...], per_hour: int) -> SeriesCard:
    return SeriesCard(
        name=name,
        file=RemoteFile(
            path=f"ett/{file}",
            url=f"https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small/{file}",
            size=size,
            sha256=(sha256,),
            packed_sha256=packed,
        ),
        rows=17_420 * per_hour,
        columns=COLUMNS,
        cut=cut_by_months(per_hour),
        season=24 * per_hour,
        description="Loads and oil temperature of an electricity transformer, July 2016 to June 2018.",
        homepage="https://github.com/zhouhaoyi/ETDataset",
        citation="Zhou et al. 2021, Informer: beyond efficient transformer for long sequence time-series forecasting",
        license="CC BY-ND 4.0",
    )


CARDS = {
    card.name: card
    for card in (
        _card(
            "etth1",
            "ETTh1.csv",
            2_589_657,
            "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
            (),
            1,
        ),
        _card(
            "etth2",
            "ETTh2.csv",
            2_417_960,
            "a3dc2c597b9218c7ce1cd55eb77b283fd459a1d09d753063f944967dd6b9218b",
            (),
            1,
        ),
        _card(
            "ettm1",
            "ETTm1.csv",
            10_360_719,
            "6ce1759b1a18e3328421d5d75fadcb316c449fcd7cec32820c8dafda71986c9e",
            ("ca45123028f1acad120b5f971ca64594746aa9b881d56cdff589ee9aa6cdbd8f",),
            4,
        ),
        _card(
            "ettm2",
            "ETTm2.csv",
            9_677_236,
            "db973ca252c6410a30d0469b13d696cf919648d0f3fd588c60f03fdbdbadd1fd",
            ("40da2dc79c8f7140eab4f3456debdf85fe8baca5d626280f1ba50181be8ae4ed",),
            4,
        ),
    )
}


def loader(name: str) -> Callable[..., Any]:
    """Return the loader of one of the four files."""

    @gives("series")
    def load(
        *,
        mirror: Path | None,
        cache: Path,
        targets: list[str] | None = None,
        context: Positive = 96,
        horizon: Positive = 24,
        season: Positive | None = None,
        calendar: bool = False,
    ) -> Series:
        return load_public_series(
            CARDS[name],
            mirror,
            cache,
            targets=targets,
            context=context,
            horizon=horizon,
            season=season,
            calendar=calendar,
        )

    load.__doc__ = f"Load {CARDS[name].file.path}, 12/4/4 months; `targets` chooses columns, all seven by default."
    return load


load_etth1, load_etth2, load_ettm1, load_ettm2 = map(loader, ("etth1", "etth2", "ettm1", "ettm2"))
