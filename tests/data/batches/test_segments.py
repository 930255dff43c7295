from __future__ import annotations

import numpy as np
import pytest

from gru_bench.data.batches.segments import FARTHEST_READ, SeriesSegments
from gru_bench.data.labelled_series.labelled_series import scored_rows, warmup
from gru_bench.data.series.readings import Readings
from gru_bench.data.series.series import Series, make_series
from gru_bench.errors import DataError

CONTEXT, HORIZON = 5, 2


def counting(rows: int, start: float) -> Series:
    """Return a series whose values name its rows; one of them is missing, another far out."""
    values = np.arange(rows, dtype=float)[:, None] + start
    values[rows - 3] = np.nan
    values[rows - 1] = 1e5
    readings = Readings(None, values, np.arange(rows, dtype=float)[:, None])
    splits = {"train": (0, 20), "valid": (20, 30), "test": (30, rows)}
    return make_series(
        "counting",
        readings,
        splits,
        step=None,
        context=CONTEXT,
        horizon=HORIZON,
        targets=("value",),
        covariates=("row",),
    )


@pytest.fixture
def members() -> list[Series]:
    return [counting(53, 0.0), counting(44, 1000.0)]


@pytest.mark.parametrize("seed", [None, 3])
def test_each_row_is_scored_once_after_rows_of_its_own_series(members: list[Series], seed: int | None):
    rows = [scored_rows(series, "test") for series in members]
    batches = SeriesSegments(members, rows, 4, seed=seed)
    seen: list[tuple[int, int]] = []
    for index in range(len(batches)):
        batch = batches.at(1, index)
        for place in range(4):
            number, first, mask = batch["member"][place], batch["first"][place], batch["mask"][place]
            series = members[number]
            scored = first + np.flatnonzero(mask)
            seen += [(int(number), int(row)) for row in scored]
            if mask.any():
                read = np.arange(first - warmup(series.form), scored[-1])
                inputs = batch["inputs"][place, : len(read)]
                np.testing.assert_allclose(inputs[:, 0], series.scaled[read, 0].clip(max=FARTHEST_READ), atol=1e-5)
                np.testing.assert_allclose(
                    inputs[:, 1], series.known[read + 1, 0].clip(max=FARTHEST_READ), atol=1e-5
                )  # known in advance: of the row that is forecast
                np.testing.assert_allclose(batch["targets"][place][mask], series.scaled[scored], rtol=1e-5)
                np.testing.assert_array_equal(batch["observed"][place][mask], series.observed[scored])
            assert not batch["observed"][place][~mask].any()
    assert sorted(seen) == [(number, row) for number, (start, end) in enumerate(rows) for row in range(start, end)]


def test_an_epoch_with_a_seed_is_shuffled_and_one_without_is_not(members: list[Series]):
    rows = [scored_rows(series, "train") for series in members]
    shuffled = SeriesSegments(members, rows, 2, seed=0)
    orders = [
        np.concatenate([shuffled.at(epoch, index)["first"] for index in range(len(shuffled))]) for epoch in (0, 1, 2)
    ]
    assert any((orders[0] != order).any() for order in orders[1:])
    plain = SeriesSegments(members, rows, 2)
    np.testing.assert_array_equal(plain.at(0, 0)["first"], plain.at(5, 0)["first"])


def test_a_series_alone_keeps_its_number_in_the_run(members: list[Series]):
    batches = SeriesSegments([members[1]], [(30, 44)], 2, numbers=[1])
    assert all((batch["member"] == 1).all() for batch in batches)


def test_labels_follow_rows_and_filling_rows_have_none(members: list[Series]):
    labels = [np.ones(len(series.values), bool) for series in members]
    batches = SeriesSegments(members, [(30, 53), (30, 44)], 4, anomalous=labels)
    for batch in batches:
        np.testing.assert_array_equal(batch["anomalous"], batch["mask"])


def test_too_few_rows_are_named(members: list[Series]):
    with pytest.raises(DataError, match="found 44 rows, expected at least 7: a context of 5"):
        SeriesSegments([members[1]], [(6, 6)], 2)
