"""`python -m tests.training.stopped_run SIGKILL 33 ...`: `train`, in a process that gets a signal after an update."""

from __future__ import annotations

import os
import signal
import sys

from gru_bench.train import main


def stop_after(update: int, number: int) -> None:
    from gru_bench.training.loop import Training

    dispatch, next_count = Training.dispatch, Training._next_count

    def count_until_then(self: Training) -> int:
        return min(next_count(self), update - self.done) if self.done < update else next_count(self)

    def dispatch_and_stop(self: Training) -> None:
        dispatch(self)
        if self.done == update:
            os.kill(os.getpid(), number)

    Training._next_count = count_until_then  # pyright: ignore[reportAttributeAccessIssue]
    Training.dispatch = dispatch_and_stop  # pyright: ignore[reportAttributeAccessIssue]


if __name__ == "__main__":
    stop_after(int(sys.argv[2]), signal.Signals[sys.argv[1]])
    del sys.argv[1:3]
    main()
