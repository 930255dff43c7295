"""The record of a run: the only bridge from training to analysis. Written atomically, read strictly."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gru_bench.errors import ConfigError, UserError
from gru_bench.files import write_atomically
from gru_bench.validation import bind

SCHEMA = 1
FILE_NAME = "record.json"
SAMPLES_FILE = "samples.json"
BETTER = {"min": "less", "max": "more"}
"""What is better of a metric, in words, by its direction."""

Status = Literal["running", "finished", "interrupted", "pruned", "diverged", "failed"]


@dataclass(kw_only=True)
class RunRecord:
    """What is known of a run. Seconds are wall time; bytes of `memory` come from two sources that never mix.

    Attributes:
        status: running, finished, interrupted, pruned (ended by a search), diverged or failed; `reason` says why.
        config: all settings; `config_hash` names all of them that decide numbers but the seed.
        cell_options: the options of the cell alone, as run; `cell_defaults` as they are by default.
        speed: `seconds_per_update` and `items_per_second` without compilation, `compile_seconds`, `item`, and
            `other_load`: how many cores other processes kept busy meanwhile; `replicas`: how many runs one program
            trained at once, which share these times and the memory.
        memory: `step_bytes`, what the compiled update needs by its own analysis; `peak_rss_bytes` of the process.
        metrics: by split and name, with the best weights; `test` is there once the run is finished, and with
            `training.score_train` also `train`.
        baselines: metrics of reference predictors on the test split, by name.
        scored: how many targets each split's metrics cover.
        flops_counted: the parts of the network whose matrix products `flops_per_update` counts.
        outputs_due: whether samples and pictures of a finished run are still missing.
        initial_weights: `file` and `sha256` of the weights that training started from; empty where the seed drew them.
        folder: where the command was given, from which relative paths of the settings start; empty in older records.
    """

    status: Status
    task: str
    data: str
    model: str
    seed: int
    config: dict
    config_hash: str
    cell_options: dict
    cell_defaults: dict
    versions: dict
    device: str
    threads: int
    host: dict
    parameters: dict
    state_size: int
    flops_per_update: float
    metric: str
    direction: Literal["min", "max"]
    data_facts: dict
    started: str
    schema: int = SCHEMA
    reason: str = ""
    speed: dict = field(default_factory=dict)
    memory: dict = field(default_factory=dict)
    metrics: dict = field(default_factory=dict)
    baselines: dict = field(default_factory=dict)
    scored: dict = field(default_factory=dict)
    updates: int = 0
    epochs: float = 0.0
    best_update: int | None = None
    wall_seconds: float = 0.0
    ended: str | None = None
    flops_counted: list = field(default_factory=lambda: ["layers", "head"])
    outputs_due: bool = False
    initial_weights: dict = field(default_factory=dict)
    folder: str = ""

    def write(self, run_dir: Path) -> None:
        """Replace RUN_DIR/record.json atomically.

        Raises:
            UserError: the file cannot be written.
        """
        text = json.dumps(_finite(dataclasses.asdict(self)), indent=2, allow_nan=False)
        write_atomically(run_dir / FILE_NAME, (text + "\n").encode())


def read_record(run_dir: Path) -> RunRecord:
    """Read RUN_DIR/record.json.

    Raises:
        UserError: there is none, or it is damaged, or its schema is another one.
    """
    path = run_dir / FILE_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{run_dir} is no run directory: it holds no {FILE_NAME}.") from None
    except NotADirectoryError:
        raise UserError(f"{run_dir} is a file, expected a run directory that holds {FILE_NAME}.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from None
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        found = values.get("schema") if isinstance(values, dict) else type(values).__name__
        raise UserError(f"{path}: found schema {found!r}, expected {SCHEMA}. Read it with the version that wrote it.")
    try:
        return RunRecord(**bind(RunRecord, values, "record"))
    except ConfigError as error:
        raise UserError(f"{path}: {error}") from None


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
