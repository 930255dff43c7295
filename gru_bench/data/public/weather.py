"""Weather: 21 readings every 10 minutes of the year 2020 at Jena, Germany."""

from __future__ import annotations

from pathlib import Path

from gru_bench.data.files.download import RemoteFile
from gru_bench.data.public.public_series import SeriesCard, load_public_series
from gru_bench.data.series.series import Series, cut_rows
from gru_bench.data.source import gives
from gru_bench.validation import Positive

COLUMNS = (  # the names of the file, with the characters that it lost in decoding
    *("p (mbar)", "T (degC)", "Tpot (K)", "Tdew (degC)", "rh (%)", "VPmax (mbar)", "VPact (mbar)", "VPdef (mbar)"),
    *("sh (g/kg)", "H2OC (mmol/mol)", "rho (g/m**3)", "wv (m/s)", "max. wv (m/s)", "wd (deg)", "rain (mm)"),
    *("raining (s)", "SWDR (W/m²)", "PAR (µmol/m²/s)", "max. PAR (µmol/m²/s)", "Tlog (degC)", "OT"),
)

CARD = SeriesCard(
    name="weather",
    file=RemoteFile(
        path="weather/weather.csv",
        url="https://raw.githubusercontent.com/aspire-zero/long_term_forecast_data/master/weather.zip",
        size=7_235_425,
        sha256=("34ee981d07313e51da2a50bb600072c8ae4a69cb4b0651f4cb93a069d7a2ba63",),
        packed_sha256=("a08c6d04be34805e0167e75461d7cc6a565f81ca3296f43cc154ce9cbcf9027c",),
    ),
    rows=52_696,
    columns=COLUMNS,
    cut=lambda rows: cut_rows(rows, 0.1, 0.2),
    missing=("-9999",),
    season=144,
    description="Air pressure, temperature, humidity, wind, rain, radiation and carbon dioxide at Jena in 2020.",
    homepage="https://www.bgc-jena.mpg.de/wetter/",
    citation="Wu et al. 2021, Autoformer: decomposition transformers with auto-correlation (this copy of the file)",
    license="unstated; Max Planck Institute for Biogeochemistry",
)


@gives("series")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    targets: list[str] | None = None,
    context: Positive = 96,
    horizon: Positive = 96,
    season: Positive | None = None,
    calendar: bool = False,
) -> Series:
    """Load the readings of Jena, split in order into 70, 10 and 20 %; -9999 is a missing value, not a wind speed."""
    return load_public_series(
        CARD, mirror, cache, targets=targets, context=context, horizon=horizon, season=season, calendar=calendar
    )
