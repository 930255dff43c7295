from __future__ import annotations

import pytest

from gru_bench.compose import composed
from gru_bench.errors import ConfigError
from gru_bench.measure.streaming import latency
from tests.training.support import SMALL

SERIES = ("task=time_series", "data.context=12", "data.horizon=3", "model.hidden_size=4", "tracker=none")


@pytest.mark.slow
def test_arms_of_any_task_are_timed_round_by_round():
    arms = {
        "gru": composed(*SMALL, "model=gru"),
        "two": composed(*SMALL, "model=lstm", "model.layers=2"),
        "series": composed(*SERIES),
    }
    found = latency(arms, rounds=3)
    assert list(found) == list(arms)
    assert all(len(seconds) == 3 and min(seconds) > 0 for seconds in found.values())


def test_a_stream_has_no_other_end():
    with pytest.raises(ConfigError, match="false for a stream"):
        latency({"both": composed("task=sentiment", "model.bidirectional=true")}, rounds=1)
