"""A small folder of experiments on generated data."""

from __future__ import annotations

from pathlib import Path

SETTINGS = """
reber:
  title: embedded Reber grammar
  better: less
  unit: nats per symbol
  run: [task=language_modeling, data=reber, task.sample_length=0, model.hidden_size=20, training.eval_every=3]
  smoke: [training.updates=6, data.train_size=4000, data.valid_size=500, data.test_size=500]
"""
TUNING = """
title: tuning
statement: All cells get the same budget.
source: us
estimand: the best validation metric
protocol: random search
arms:
  gru: {run: [model=gru], space: gru}
  lstm: {run: [model=lstm], space: lstm}
parts:
  trials: {measure: run, settings: [reber], numbers: [valid], trials: {smoke: 3}, seeds: {smoke: 1}, first_seed: 1000}
"""
CLAIM = """
title: accuracy
statement: Both are as good.
source: us
estimand: a difference
protocol: paired seeds
arms:
  lstm: {run: [model=lstm], tuned: lstm}
  gru: {run: [model=gru], tuned: gru}
  gru_parameters: {run: [model=gru], tuned: gru, parameters_of: lstm}
  gru_compute: {run: [model=gru], tuned: gru, compute_of: lstm}
parts:
  runs:
    measure: run
    settings: [reber]
    numbers: [test, updates, parameters_recurrent, flops_per_update, updates_to_target]
    targets: {reber: 1.9}
    seeds: {smoke: 2}
  sizes: {measure: parameters, settings: [reber], arms: [lstm, gru], numbers: [layer_recurrent], seeds: {smoke: 1}}
  flow: {measure: gradient_flow, trained: true, settings: [reber], arms: [lstm, gru], numbers: [carry_log_slope],
     seeds: {smoke: 1}, first_seed: 7}
comparisons:
  - {name: equal hidden size, part: runs, first: gru, second: lstm, margin: 0.5}
  - {name: a layer, part: sizes, first: gru, second: lstm, number: layer_recurrent, better: less, scale: ratio,
     margin: 1.05}
"""

BROKEN = """
title: broken
statement: One arm cannot be run.
source: us
estimand: a difference
protocol: paired seeds
arms:
  gru: {run: [model=gru, model.hidden_size=null, model.parameter_budget=101]}
  lstm: {run: [model=lstm]}
parts:
  runs: {measure: run, settings: [reber], numbers: [test], seeds: {smoke: 1}}
"""


def write_experiments(folder: Path, **claims: str) -> Path:
    """Write settings and claims to a folder, and return it."""
    for name, text in {"tuning": TUNING, "accuracy": CLAIM, **claims}.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "claim.yaml").write_text(text, encoding="utf-8")
    (folder / "settings.yaml").write_text(SETTINGS, encoding="utf-8")
    return folder
