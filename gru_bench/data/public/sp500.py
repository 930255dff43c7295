"""S&P 500: the index on trading days from 2000 to April 2020."""

from __future__ import annotations

from pathlib import Path

from gru_bench.data.files.download import RemoteFile
from gru_bench.data.public.public_series import SeriesCard, load_public_series
from gru_bench.data.series.series import Series, cut_rows
from gru_bench.data.source import gives
from gru_bench.validation import Positive

CARD = SeriesCard(
    name="sp500",
    file=RemoteFile(
        path="stocks/sp500-2000.csv",
        url="https://raw.githubusercontent.com/vega/vega-datasets/main/data/sp500-2000.csv",
        size=415_968,
        sha256=("9409e9342d0657c747324e4cfabce8a8c7f663bc485b95a3378f36b0a160f8c8",),
    ),
    rows=5_105,
    columns=("open", "high", "low", "close", "adjclose", "volume"),
    cut=lambda rows: cut_rows(rows, 0.1, 0.2),
    season=5,
    description="Daily prices and volume of the S&P 500 index.",
    homepage="https://github.com/vega/vega-datasets",
    citation="Yahoo Finance, by way of vega-datasets",
    license="unstated for this file",
)


@gives("series")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    targets: list[str] | None = None,
    context: Positive = 60,
    horizon: Positive = 5,
    season: Positive | None = None,
    calendar: bool = False,
) -> Series:
    """Load the index, split in order into 70, 10 and 20 %; `targets` is [close] by default.

    Prices of a liquid market are close to a random walk: the baseline is the last value, and models are unlikely to
    beat it.
    """
    return load_public_series(
        CARD,
        mirror,
        cache,
        targets=["close"] if targets is None else targets,
        context=context,
        horizon=horizon,
        season=season,
        calendar=calendar,
    )
