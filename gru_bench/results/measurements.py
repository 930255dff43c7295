"""Ratios between measurements: to each peer, to the matrix products alone, and of GRU to LSTM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gru_bench.measurement import Measurement, Pass, Point, Shape

OURS = "fast"
PRODUCTS = "products"
OWN = (OURS, "scan", PRODUCTS)


class Ratio(NamedTuple):
    """One time over another of the same rounds.

    Attributes:
        over: the row whose time is divided.
        under: the row that it is divided by.
    """

    over: Measurement
    under: Measurement

    @property
    def value(self) -> float:
        """The ratio of the medians."""
        return self.over.median / self.under.median


def by_point(rows: Sequence[Measurement]) -> dict[Point, dict[str, Measurement]]:
    """Return the rows of each point by implementation."""
    points: dict[Point, dict[str, Measurement]] = {}
    for row in rows:
        points.setdefault(row.point, {})[row.implementation] = row
    return points


def implementations(rows: Sequence[Measurement]) -> list[str]:
    """Return what was timed: ours, then peers in the order of their appearance, then the products."""
    found = list(dict.fromkeys(row.implementation for row in rows))
    peers = [name for name in found if name not in OWN]
    return [name for name in (OURS, "scan", *peers, PRODUCTS) if name in found]


def peer_ratios(rows: Sequence[Measurement]) -> list[Ratio]:
    """Return our time over each peer's, point by point; below 1 ours is faster."""
    return [
        Ratio(found[OURS], row)
        for found in by_point(rows).values()
        for name, row in found.items()
        if OURS in found and name not in OWN
    ]


def best_peer(found: dict[str, Measurement]) -> Ratio | None:
    """Return our time over that of the fastest peer of a point."""
    peers = [row for name, row in found.items() if name not in OWN]
    if OURS not in found or not peers:
        return None
    return Ratio(found[OURS], min(peers, key=lambda row: row.median))


def product_ratios(rows: Sequence[Measurement]) -> list[Ratio]:
    """Return each implementation's time over that of the matrix products alone, point by point."""
    return [
        Ratio(row, found[PRODUCTS])
        for found in by_point(rows).values()
        for name, row in found.items()
        if PRODUCTS in found and name != PRODUCTS
    ]


def cell_ratios(rows: Sequence[Measurement], over: str = "gru", under: str = "lstm") -> list[Ratio]:
    """Return one cell's time over another's, each within one implementation and the same rounds.

    A ratio across implementations would mix what a cell costs with how well a library runs it.
    """
    others = {_but_the_cell(row): row for row in rows if row.cell == under}
    found = [(row, others.get(_but_the_cell(row))) for row in rows if row.cell == over]
    return [Ratio(row, other) for row, other in found if other is not None]


def _but_the_cell(row: Measurement) -> tuple[str, Shape, Pass, str, str, str]:
    return row.implementation, row.shape, row.what, row.precision, row.library, row.rounds
