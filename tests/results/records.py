"""Run records as training writes them, for tests of everything that reads them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from gru_bench.classes import preset_place

DEFAULTS: dict[str, dict[str, Any]] = {
    "gru": {"reset_after": True},
    "lstm": {"forget_bias": 1.0, "peepholes": False},
    "rnn": {"activation": "tanh"},
}


def make_record(cell: str = "gru", seed: int = 0, nll: float = 0.41, **changes: Any) -> dict[str, Any]:
    """Return a finished run's record; `changes` replace values by dotted path, `__` for the dot."""
    options = dict(DEFAULTS[cell])
    for name in list(changes):
        if name.startswith("option__"):
            options[name.removeprefix("option__")] = changes.pop(name)
    gates = {"gru": 3, "lstm": 4, "rnn": 1}[cell]
    recurrent = gates * 64 * (32 + 64 + 1) + (64 if cell == "gru" else 0)
    record: dict[str, Any] = {
        "schema": 1,
        "status": "finished",
        "reason": "",
        "task": "language_modeling",
        "data": "reber",
        "model": cell,
        "seed": seed,
        "config": {
            "task": {
                "class": preset_place("task", "language_modeling"),
                "name": "language_modeling",
                "sample_length": 200,
            },
            "data": {"class": preset_place("data", "reber"), "source": "reber", "train_symbols": 400000},
            "model": {
                "class": preset_place("model", cell),
                "cell": cell,
                "hidden_size": 64,
                "parameter_budget": None,
                "layers": 1,
                "embedding_size": 32,
                "bidirectional": False,
                "residual": False,
                "layer_norm": False,
                "tied_embeddings": False,
                "input_dropout": 0.0,
                "output_dropout": 0.0,
                "recurrent_dropout": 0.0,
                "variational_dropout": False,
                "init": "orthogonal",
                "init_scale": None,
                **options,
            },
            "optimizer": {
                "rule": "adam",
                "learning_rate": 0.003,
                "b1": 0.9,
                "b2": 0.999,
                "momentum": 0.0,
                "weight_decay": 0.0,
                "clip_norm": 1.0,
                "schedule": "cosine",
                "warmup_updates": 0,
                "final_fraction": 0.0,
                "decay_factor": 0.5,
                "decay_after_epochs": 4,
            },
            "training": {
                "updates": 2000,
                "epochs": None,
                "flops_budget": None,
                "seconds_budget": None,
                "batch_size": 32,
                "bptt_window": 64,
                "eval_batch_size": 32,
                "eval_every": 500,
                "log_every": 50,
                "checkpoint_every": None,
                "patience": None,
                "precision": "float32",
                "unroll": 1,
                "rematerialise": False,
            },
            "tracker": {"name": "none", "project": "gru_bench", "entity": None, "mode": "auto"},
            "paths": {"mirror": None, "cache": None, "runs": "runs"},
            "seed": seed,
            "run_dir": None,
            "fresh": False,
            "debug": False,
        },
        "config_hash": "0badc0de",
        "cell_options": options,
        "cell_defaults": dict(DEFAULTS[cell]),
        "versions": {
            "python": "3.11.9",
            "gru_bench": "0.1.0",
            "jax": "0.10.2",
            "jaxlib": "0.10.2",
            "flax": "0.12.8",
            "optax": "0.2.8",
            "numpy": "2.4.6",
        },
        "device": "cpu: Some Processor",
        "threads": 2,
        "host": {"platform": "Linux", "cores": 2},
        "parameters": {"recurrent": recurrent, "total": recurrent + 1000},
        "state_size": 128 if cell == "lstm" else 64,
        "flops_per_update": 1.0e8 * gates,
        "speed": {
            "seconds_per_update": 0.010 * gates,
            "items_per_second": 2048 / (0.010 * gates),
            "compile_seconds": 2.5,
            "item": "symbols",
            "other_load": 0.02,
            "shared_machine": False,
        },
        "memory": {"step_bytes": gates * 2**20, "peak_rss_bytes": 600 * 2**20},
        "metric": "nll",
        "direction": "min",
        "metrics": {
            "valid": {"nll": nll + 0.001, "perplexity": 1.5},
            "test": {"nll": nll, "perplexity": 1.5},
        },
        "baselines": {"unigram": {"nll": 1.89}, "grammar floor": {"nll": 0.4}},
        "scored": {"valid": 50000, "test": 50000},
        "data_facts": {"digest": "a" * 64},
        "updates": 2000,
        "epochs": 10.24,
        "best_update": 1500,
        "wall_seconds": 64.0,
        "started": "2026-11-03T10:00:00+00:00",
        "ended": "2026-11-03T10:01:04+00:00",
    }
    for path, value in changes.items():
        *parents, name = path.split("__")
        place = record
        for parent in parents:
            place = place[parent]
        place[name] = copy.deepcopy(value)
    return record


def write_run(folder: Path, record: dict[str, Any], name: str | None = None) -> Path:
    """Write a record into a run directory below `folder` and return the directory."""
    directory = folder / (name or f"{record['model']}-{record['config_hash']}/seed{record['seed']}")
    directory.mkdir(parents=True)
    (directory / "record.json").write_text(json.dumps(record), encoding="utf-8")
    return directory


def write_three_seeds(folder: Path) -> None:
    """Write gru, lstm and rnn over seeds 0, 1, 2 with round numbers.

    Test nll: gru 0.41, 0.42, 0.43; lstm 0.40, 0.42, 0.44 - 0.01 = 0.43; gru - lstm: 0.01, 0.00, 0.00; rnn 1.90.
    """
    for cell, values in {"gru": (0.41, 0.42, 0.43), "lstm": (0.40, 0.42, 0.43), "rnn": (1.90, 1.90, 1.90)}.items():
        for seed, nll in enumerate(values):
            write_run(folder, make_record(cell, seed, nll))
