from __future__ import annotations

import signal
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace

import pytest

from gru_bench.compose import composed
from gru_bench.training import processes
from gru_bench.training.dispatch import Dispatched, Dispatcher
from gru_bench.training.follow import follow
from gru_bench.training.signals import Interrupted
from tests.training.support import SMALL, rows


def scripted(monkeypatch: pytest.MonkeyPatch, *messages: str) -> None:
    """Let process 0 send these messages."""
    monkeypatch.setattr("gru_bench.training.follow.channel", SimpleNamespace(receive=iter(messages).__next__))


def test_a_follower_computes_the_updates_of_the_run_and_writes_nothing(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    done: list[Dispatched] = []
    losses: list[float] = []

    class Watched(Dispatcher):
        def dispatch(self, count: int) -> Dispatched:
            done.append(super().dispatch(count))
            values, norms = self.losses(done[-1])
            assert values.shape == norms.shape == (count, 1)
            losses.extend(values[:, 0].tolist())
            return done[-1]

    monkeypatch.setattr("gru_bench.training.follow.Dispatcher", Watched)
    scripted(monkeypatch, "begin", "update 1", "update 4", "gather", "update 2", "end 1")
    assert follow(composed(*SMALL, f"run_dir={tmp_path}/run")) == 1
    assert [(dispatched.first, dispatched.updates) for dispatched in done] == [(1, 1), (2, 4), (6, 2)]
    assert [dispatched.compile_seconds > 0 for dispatched in done] == [True, False, False]
    assert [dispatched.items for dispatched in done] == [4 * 8, 4 * 4 * 8, 2 * 4 * 8]
    assert fmean(losses) == rows(finished_run)[0]["loss"]
    assert list(tmp_path.iterdir()) == []


def test_a_signal_to_process_0_interrupts_its_followers(monkeypatch: pytest.MonkeyPatch):
    scripted(monkeypatch, "end -15")
    with pytest.raises(Interrupted, match="SIGTERM"):
        follow(composed(*SMALL))


def test_process_0_sends_how_it_ended(monkeypatch: pytest.MonkeyPatch):
    def fail() -> int:
        raise RuntimeError("no such luck")

    def stop() -> int:
        raise Interrupted(signal.SIGTERM)

    sent: list[str] = []
    monkeypatch.setattr("gru_bench.training.processes.channel", SimpleNamespace(send=sent.append))
    two = composed(*SMALL, "training.processes=2").training
    assert processes.lead(two, lambda: 0) == 0
    with pytest.raises(RuntimeError):
        processes.lead(two, fail)
    with pytest.raises(Interrupted):
        processes.lead(two, stop)
    assert sent == ["end 0", "end 1", "end -15"]
