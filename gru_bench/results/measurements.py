"""Ratios of measurements: ours to each peer, to the matrix products alone, and GRU to LSTM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gru_bench.measurement import Measurement, Pass, Point, Shape

OURS = "fast"
PRODUCTS = "products"
OWN = (OURS, "scan", PRODUCTS)


class Ratio(NamedTuple):
    """The ratio of two times of the same rounds.

    Attributes:
        over: the measurement in the numerator.
        under: the measurement in the denominator.
    """

    over: Measurement
    under: Measurement

    @property
    def value(self) -> float:
        """The ratio of the medians."""
        return self.over.median / self.under.median


def by_point(rows: Sequence[Measurement]) -> dict[Point, dict[str, Measurement]]:
    """Return the measurements of each point by implementation."""
    points: dict[Point, dict[str, Measurement]] = {}
    for row in rows:
        points.setdefault(row.point, {})[row.implementation] = row
    return points


def implementations(rows: Sequence[Measurement]) -> list[str]:
    """Return the timed implementations: ours, then peers in order of appearance, then the products."""
    timed = list(dict.fromkeys(row.implementation for row in rows))
    peers = [name for name in timed if name not in OWN]
    return [name for name in (OURS, "scan", *peers, PRODUCTS) if name in timed]


def peer_ratios(rows: Sequence[Measurement]) -> list[Ratio]:
    """Return the ratio of our time to each peer's at each point; below 1, ours is faster."""
    return [
        Ratio(at_point[OURS], row)
        for at_point in by_point(rows).values()
        for name, row in at_point.items()
        if OURS in at_point and name not in OWN
    ]


def best_peer(rows: dict[str, Measurement]) -> Ratio | None:
    """Return the ratio of our time to that of the fastest peer at a point."""
    peers = [row for name, row in rows.items() if name not in OWN]
    if OURS not in rows or not peers:
        return None
    return Ratio(rows[OURS], min(peers, key=lambda row: row.median))


def product_ratios(rows: Sequence[Measurement]) -> list[Ratio]:
    """Return the ratio of each implementation's time to that of the matrix products alone, at each point."""
    return [
        Ratio(row, at_point[PRODUCTS])
        for at_point in by_point(rows).values()
        for name, row in at_point.items()
        if PRODUCTS in at_point and name != PRODUCTS
    ]


def cell_ratios(rows: Sequence[Measurement], over: str = "gru", under: str = "lstm") -> list[Ratio]:
    """Return the ratio of one cell's time to another's, within one implementation and the same rounds.

    A ratio across implementations would mix the cost of a cell with the efficiency of a library.
    """
    others = {_without_cell(row): row for row in rows if row.cell == under}
    pairs = [(row, others.get(_without_cell(row))) for row in rows if row.cell == over]
    return [Ratio(row, other) for row, other in pairs if other is not None]


def _without_cell(row: Measurement) -> tuple[str, Shape, Pass, str, str, str]:
    return row.implementation, row.shape, row.what, row.precision, row.library, row.rounds
