"""Folders of experiments with made-up rows: every kind of part and picture, an unrun claim, a hostile one."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gru_bench.claims.claim import RESULTS_FILE, SETTINGS_FILE, Scale
from gru_bench.claims.needs import NEEDS_FILE
from gru_bench.claims.reading import read_claim
from gru_bench.claims.rows import Key, Row, append_rows

HOSTILE = '</script><script>window.broken = 1</script><img src=x onerror="window.broken = 1">{{ 7 * 7 }}\'"&|*`](x)$_'

SETTINGS: dict[str, Any] = {
    "reber": {
        "title": "embedded Reber grammar",
        "better": "less",
        "unit": "nats per symbol",
        "run": ["task=language_modeling", "data=reber"],
        "smoke": ["training.updates=20"],
        "small": ["training.updates=600"],
    },
    "grammar": {
        "title": "sentiment grammar",
        "better": "more",
        "unit": "accuracy",
        "run": ["task=sentiment", "data=sentiment_grammar"],
        "smoke": ["training.updates=20"],
        "small": ["training.updates=200"],
        "published": ["training.updates=2000"],
    },
    "hostile": {"title": HOSTILE, "better": "less", "unit": HOSTILE, "run": ["task=memory"], "small": []},
}

NEEDS: dict[str, Any] = {
    "reber": {
        "title": "symbols",
        "findings": [{"claim": "accuracy", "settings": "reber", "comparisons": "equal size"}],
    },
    "speed": {"title": "speed", "findings": [{"claim": "speed"}], "cost": {"claim": "speed"}},
    "both": {
        "title": HOSTILE,
        "findings": [
            {"claim": "accuracy", "comparisons": "equal size"},
            {"claim": "parameters", "settings": ["grammar"]},
            {"claim": "unrun"},
        ],
    },
}
TEXTS = {
    "statement": "A GRU does what an LSTM does.",
    "source": "Chung et al. 2014, arXiv:1412.3555",
    "estimand": "The mean paired difference.",
    "protocol": "Equal budgets, then paired seeds.",
    "change_our_mind": "More seeds.",
}
ARMS: dict[str, Any] = {
    "lstm": {"title": "LSTM", "run": ["model=lstm"]},
    "gru": {"title": "GRU", "run": ["model=gru"]},
}


def claim_values(**changes: Any) -> dict[str, Any]:
    """Return what a claim's file holds: two arms in two settings, with some keys changed."""
    values: dict[str, Any] = {
        "title": "comparable accuracy",
        **TEXTS,
        "arms": ARMS,
        "parts": {
            "runs": {
                "measure": "run",
                "settings": ["reber", "grammar"],
                "numbers": ["test", "valid", "updates"],
                "seeds": {"smoke": 2, "small": 10},
            }
        },
        "comparisons": [
            {
                "name": "equal size",
                "part": "runs",
                "first": "gru",
                "second": "lstm",
                "margins": {"reber": 0.01, "grammar": 0.02},
            }
        ],
    }
    return copy.deepcopy({**values, **changes})


def write_claim(folder: Path, name: str, values: Mapping[str, Any]) -> None:
    """Write a claim's file, and the settings that all share."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / SETTINGS_FILE).write_text(yaml.safe_dump(SETTINGS, sort_keys=False), encoding="utf-8")
    (folder / name / "claim.yaml").write_text(yaml.safe_dump(dict(values), sort_keys=False), encoding="utf-8")


def write_needs(folder: Path, needs: Mapping[str, Any]) -> None:
    """Write what people need."""
    (folder / NEEDS_FILE).write_text(yaml.safe_dump(dict(needs), sort_keys=False), encoding="utf-8")


def make_row(arm: str, seed: int, numbers: Mapping[str, float | None] | None = None, **changes: Any) -> Row:
    """Return a row; `changes` are of its key or of itself. Without numbers it diverged."""
    key: dict[str, Any] = {"scale": "small", "part": "runs", "setting": "reber", "arm": arm, "level": "", "seed": seed}
    values: dict[str, Any] = {
        "config_hash": "abc",
        "overrides": f"model={arm} seed={seed}",
        "code_version": "0.1.0 d6e2329",
        "device": "2 cores of a test",
        "at_once": 1,
        "other_load": 0.0,
        "seconds": 12.5,
        "ended": "2026-11-25 18:00:00",
        "status": "finished" if numbers is not None else "diverged",
        "numbers": numbers or {},
    }
    for name, value in changes.items():
        (key if name in key else values)[name] = value
    return Row(key=Key(**key), **values)


def write_rows(folder: Path, name: str, rows: Iterable[Row]) -> None:
    """Append rows to the file of a claim."""
    append_rows(folder / name / RESULTS_FILE, list(rows), read_claim(folder, name).numbers)


def write_everything(folder: Path, scale: Scale = "small") -> None:
    """Write experiments with every kind of part and picture."""
    _accuracy(folder, scale)
    _speed(folder, scale)
    _memory_of_length(folder, scale)
    _curves(folder, scale)
    _tuning(folder, scale)
    _flow(folder, scale)
    _parameters(folder, scale)
    _hostile(folder)
    write_claim(folder, "unrun", claim_values(title="never run"))
    write_needs(folder, NEEDS)


def _accuracy(folder: Path, scale: Scale) -> None:
    values = claim_values()
    values["arms"] = {**ARMS, "gru_parameters": {"run": ["model=gru"], "parameters_of": "lstm"}}
    values["comparisons"] = [
        *values["comparisons"],
        {**values["comparisons"][0], "name": "equal parameters", "first": "gru_parameters"},
        {
            "name": "updates",
            "part": "runs",
            "first": "gru",
            "second": "lstm",
            "number": "updates",
            "scale": "ratio",
            "better": "less",
            "verdict": False,
        },
    ]
    values["published"] = [
        {"part": "runs", "setting": "grammar", "arm": "gru", "value": 0.96, "source": "Somebody 2014, table 1"},
        {"part": "runs", "setting": "grammar", "arm": "lstm", "source": "Somebody 2014", "text": "about as good"},
    ]
    write_claim(folder, "accuracy", values)
    generator = np.random.default_rng(0)
    away = {("reber", "gru"): 0.001, ("reber", "gru_parameters"): 0.03, ("grammar", "gru"): 0.018}
    rows = []
    for setting, level, spread in (("reber", 0.42, 0.004), ("grammar", 0.9, 0.01)):
        for seed in range(10):
            shared = generator.normal(level, spread)
            for arm in values["arms"]:
                test = shared + away.get((setting, arm), 0.0) + generator.normal(0, spread / 2)
                numbers = {"test": test, "valid": test - 0.01, "updates": 600.0 + 10 * seed + 30 * (arm == "gru")}
                diverged = (setting, arm, seed) == ("reber", "gru", 9)
                rows.append(make_row(arm, seed, None if diverged else numbers, setting=setting, scale=scale))
    rows += [
        make_row(arm, seed, {"test": 0.95 + seed / 100, "valid": 0.9}, setting="grammar", scale="published")
        for arm in ("gru", "lstm")
        for seed in range(2)
    ]
    write_rows(folder, "accuracy", rows)


def _speed(folder: Path, scale: Scale) -> None:
    sizes = [32, 64, 128, 256, 512]
    values = claim_values(
        title="faster training",
        parts={
            "layer": {
                "measure": "layer_time",
                "settings": ["reber"],
                "levels": {"key": "model.hidden_size", "title": "hidden size", scale: sizes},
                "numbers": ["seconds_per_update"],
            }
        },
        comparisons=[
            {"name": "one layer", "part": "layer", "first": "gru", "second": "lstm", "number": "seconds_per_update",
             "scale": "ratio", "better": "less", "factor": 1.2, "margin": 1.05, "unit": "s"},
        ],
    )  # fmt: skip
    write_claim(folder, "speed", values)
    generator = np.random.default_rng(1)
    rows = []
    for size in sizes:
        for seed in range(5):
            for arm, factor in (("lstm", 1.0), ("gru", 0.99 - 0.07 * math.log2(size / 32))):
                seconds = 1e-5 * size**1.3 * factor * math.exp(generator.normal(0, 0.015))
                changes = {"part": "layer", "level": str(size), "scale": scale}
                rows.append(make_row(arm, seed, {"seconds_per_update": seconds}, **changes))
    write_rows(folder, "speed", rows)


def _memory_of_length(folder: Path, scale: Scale) -> None:
    lengths = [25, 50, 100, 200, 400]
    values = claim_values(
        title="weaker at long dependencies",
        arms={**ARMS, "rnn": {"run": ["model=rnn"]}},
        parts={
            "lengths": {
                "measure": "run",
                "settings": ["reber", "grammar"],
                "levels": {"key": "data.length", "title": "T", scale: lengths},
                "seeds": {"small": 5, "smoke": 5},
            }
        },
        comparisons=[
            {"name": "longest", "part": "lengths", "first": "lstm", "second": "gru", "estimate": "longest",
             "solved": 0.5, "scale": "ratio", "better": "less", "settings": ["reber"]},
        ],
    )  # fmt: skip
    write_claim(folder, "long_memory", values)
    generator = np.random.default_rng(2)
    rows = []
    for setting in ("reber", "grammar"):
        for length in lengths:
            for seed in range(5):
                for arm, reach in (("lstm", 260), ("gru", 240), ("rnn", 30)):
                    solved = length < reach * math.exp(generator.normal(0, 0.5))
                    test = 0.001 if solved else float(generator.uniform(0.6, 1.0))
                    changes = {"part": "lengths", "setting": setting, "level": str(length), "scale": scale}
                    rows.append(make_row(arm, seed, {"test": test, "valid": test}, **changes))
    write_rows(folder, "long_memory", rows)


def _curves(folder: Path, scale: Scale) -> None:
    values = claim_values(
        title="faster convergence",
        parts={
            "runs": {
                "measure": "run",
                "settings": ["reber", "grammar"],
                "numbers": ["updates", *(f"updates_to_target_{number}" for number in (1, 2, 3))],
                "targets": {"reber": [0.9, 0.6, 0.5], "grammar": [0.7, 0.8, 0.9]},
            },
            "fits": {
                "measure": "run",
                "settings": ["reber"],
                "numbers": ["valid_at_train_loss_1", "valid_at_train_loss_2"],
                "train_losses": {"reber": [0.9, 0.5]},
            },
        },
        comparisons=[
            {"name": "to the second target", "part": "runs", "first": "gru", "second": "lstm", "scale": "ratio",
             "number": "updates_to_target_2", "estimate": "restricted", "better": "less", "margin": 1.05, "unit": ""},
        ],
    )  # fmt: skip
    write_claim(folder, "convergence", values)
    generator = np.random.default_rng(4)
    rows = []
    for arm, pace in (("gru", 90.0), ("lstm", 120.0)):
        for seed in range(5):
            times = pace * np.array([1.0, 3.0, 9.0]) * math.exp(generator.normal(0, 0.1))
            numbers = {f"updates_to_target_{at}": time if time < 900 else None for at, time in enumerate(times, 1)}
            for setting in ("reber", "grammar"):
                rows.append(make_row(arm, seed, {"updates": 900.0, **numbers}, setting=setting, scale=scale))
            fits = {"valid_at_train_loss_1": pace / 100, "valid_at_train_loss_2": pace / 150 + 0.01 * seed}
            rows.append(make_row(arm, seed, fits, part="fits", scale=scale))
    write_rows(folder, "convergence", rows)


def _tuning(folder: Path, scale: Scale) -> None:
    values = claim_values(
        title="equal tuning budgets",
        arms={name: {**arm, "space": "recurrent"} for name, arm in ARMS.items()},
        parts={
            "search": {
                "measure": "run",
                "settings": ["reber", "grammar"],
                "trials": {"smoke": 8, "small": 8},
                "seeds": {"smoke": 1, "small": 1},
            }
        },
        comparisons=[],
    )
    write_claim(folder, "tuning", values)
    generator = np.random.default_rng(3)
    rows = [
        make_row(arm, 0, None if (arm, trial) == ("gru", 3) else {"test": value, "valid": value}, setting=setting,
                 part="search", level=str(trial), scale=scale)
        for setting in ("reber", "grammar")
        for arm in ARMS
        for trial in range(8)
        for value in [float(generator.uniform(0.4, 0.9))]
    ]  # fmt: skip
    write_rows(folder, "tuning", rows)


def _flow(folder: Path, scale: Scale) -> None:
    lags = [1, 2, 5, 10, 20, 50, 100]
    values = claim_values(
        title="gradients vanish",
        arms={**ARMS, "rnn": {"run": ["model=rnn"]}},
        parts={
            "flow": {
                "measure": "gradient_flow",
                "settings": ["reber"],
                "levels": {"key": "trained", "title": "trained", scale: ["before", "after"]},
                "numbers": ["half_life", *(f"lag_{lag}" for lag in lags)],
            }
        },
        comparisons=[
            {"name": "at lag 50", "part": "flow", "first": "gru", "second": "rnn", "number": "lag_50", "scale": "ratio",
             "better": "more", "factor": 10.0, "unit": ""},
        ],
    )  # fmt: skip
    write_claim(folder, "vanishing_gradients", values)
    rows = [
        make_row(arm, seed, {f"lag_{lag}": math.exp(-lag / life * (1 + 0.1 * seed)) for lag in lags}, part="flow",
                 level=level, scale=scale)
        for level, stretch in (("before", 1.0), ("after", 2.0))
        for arm, life in (("lstm", 20 * stretch), ("gru", 25 * stretch), ("rnn", 5 * stretch))
        for seed in range(5)
    ]  # fmt: skip
    write_rows(folder, "vanishing_gradients", rows)


def _parameters(folder: Path, scale: Scale) -> None:
    values = claim_values(
        title="three quarters of the parameters",
        parts={"counts": {"measure": "parameters", "settings": ["reber", "grammar"], "numbers": ["recurrent"]}},
        comparisons=[
            {"name": "recurrent layer", "part": "counts", "first": "gru", "second": "lstm", "number": "recurrent",
             "scale": "ratio", "better": "less", "factor": 1.3, "unit": ""},
        ],
    )  # fmt: skip
    write_claim(folder, "parameters", values)
    rows = [
        make_row(arm, 0, {"recurrent": count}, part="counts", setting=setting, scale=scale)
        for setting in ("reber", "grammar")
        for arm, count in (("lstm", 4000.0), ("gru", 3000.0))
    ]
    write_rows(folder, "parameters", rows)


def _hostile(folder: Path) -> None:
    arms = {HOSTILE: {"run": [HOSTILE]}, "lstm": {"run": ["model=lstm"]}}
    part = {"measure": "run", "settings": ["hostile"], "levels": {"key": "x", "title": HOSTILE, "small": ["a<b>", "c"]}}
    rule = {"name": HOSTILE, "part": HOSTILE, "first": HOSTILE, "second": "lstm", "margin": 0.1, "unit": HOSTILE}
    texts = dict.fromkeys(TEXTS, HOSTILE)
    published = {"part": HOSTILE, "setting": "hostile", "arm": HOSTILE, "source": HOSTILE, "text": HOSTILE}
    values = claim_values(title=HOSTILE, **texts, arms=arms, parts={HOSTILE: part}, comparisons=[rule])
    write_claim(folder, "hostile", {**values, "published": [published]})
    rows = [
        make_row(arm, seed, {"test": 0.1 * seed + at, "valid": 0.1}, part=HOSTILE, setting="hostile", level=level,
                 device=HOSTILE, code_version=HOSTILE)
        for at, arm in enumerate(arms)
        for level in ("a<b>", "c")
        for seed in range(3)
    ]  # fmt: skip
    write_rows(folder, "hostile", rows)
