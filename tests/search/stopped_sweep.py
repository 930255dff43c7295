"""`python -m tests.search.stopped_sweep SIGKILL 33 ...`: `sweep`, in a process that gets a signal after an update."""

from __future__ import annotations

import signal
import sys

from gru_bench.arguments import run_command
from gru_bench.sweep import sweep
from tests.training.stopped_run import stop_after

if __name__ == "__main__":
    stop_after(int(sys.argv[2]), signal.Signals[sys.argv[1]])
    sys.exit(run_command(sweep, sys.argv[3:]))
