"""Report a small run to W&B as training does, in a process of its own: `python report_a_run.py '{"run_dir": ...}'`.

Settings: `run_dir`; `updates` = [first, beyond last, step]; `mode`; `seconds` = [to begin, to finish];
`break` = a call of the wandb library that raises; `pause` = seconds between updates; `picture` = a PNG file.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

from gru_bench.tracking import weights_and_biases
from gru_bench.tracking.tracker import summarise

RECORD = {
    "status": "finished",
    "parameters": {"recurrent": 480, "total": 999},
    "state_size": 8,
    "flops_per_update": 1e6,
    "speed": {"seconds_per_update": 0.01, "items_per_second": 100.0, "item": "tokens"},
    "memory": {"step_bytes": 1000, "peak_rss_bytes": 2000},
    "metrics": {"valid": {"nll": 0.5}, "test": {"nll": 0.4}},
}
CONFIG = {"task": {"name": "language_modeling"}, "model": {"cell": "gru", "hidden_size": 8}, "seed": 3}


def fail(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("broken\non purpose")


def main(settings: dict[str, Any]) -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    if "break" in settings:
        owner = weights_and_biases.wandb if settings["break"] == "init" else weights_and_biases.wandb.Run
        setattr(owner, settings["break"], fail)
    init_seconds, finish_seconds = settings.get("seconds", (20.0, 20.0))
    began = time.monotonic()
    tracker = weights_and_biases.start(
        project="gru_bench",
        entity=None,
        mode=settings.get("mode", "auto"),
        run_config=CONFIG,
        run_dir=Path(settings["run_dir"]),
        group="language_modeling/reber",
        tags=["gru"],
        name="gru seed3",
        init_seconds=init_seconds,
        finish_seconds=finish_seconds,
    )
    begun = time.monotonic() - began
    for update in range(*settings.get("updates", (10, 60, 10))):
        tracker.log({"train/loss": 1 / update}, update)
        if update % 50 == 0:
            tracker.log({"valid/nll": 10 / update}, update)
            tracker.text("samples", [["a <b>", "line 1\nline 2"]], ["prompt", "text"], update)
        time.sleep(settings.get("pause", 0))
    if "picture" in settings:
        tracker.image("figures/curve", Path(settings["picture"]), 1)
    began = time.monotonic()
    tracker.finish(summarise(RECORD), failed=False)
    tracker.finish(summarise(RECORD), failed=True)
    tracker.log({"train/loss": 0.0}, 1000)
    print(json.dumps({"begun": begun, "finished": time.monotonic() - began, "tracker": type(tracker).__name__}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
