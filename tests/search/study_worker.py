"""`python -m tests.search.study_worker STUDY.db COUNT`: take trials until there are no more; print their numbers."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from gru_bench.search.space import Interval, Space
from gru_bench.search.study import Study

SPACE = Space("one", {"optimizer.learning_rate": Interval(1e-4, 1e-1, log=True)})


def work(path: Path, count: int) -> list[int]:
    study = Study(path, SPACE, method="random", seed=0, prune=False, direction="min", facts={})
    taken = []
    while True:
        with study.claimed(count) as trial:
            if trial is None:
                return taken
            time.sleep(0.02)
            trial.tell("finished", value=float(trial.number))
            taken.append(trial.number)


if __name__ == "__main__":
    print(*work(Path(sys.argv[1]), int(sys.argv[2])))
