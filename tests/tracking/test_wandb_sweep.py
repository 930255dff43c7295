"""The search spaces as W&B takes them: `wandb sweep FILE`, then `wandb agent`, against a server on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from fake_wandb_server import Received, serve

from gru_bench import errors
from gru_bench.record import read_record
from gru_bench.search.space import read_space, space_file

ROOT = Path(errors.__file__).parents[1]
SMALL = [
    "data.train_size=1500",
    "data.valid_size=300",
    "data.test_size=400",
    "model.hidden_size=8",
    "training.updates=20",
    "training.eval_every=10",
]


def wandb(*arguments: str, received: Received, cwd: Path) -> str:
    """Run W&B's own command with a home that nothing else uses, and return what it says."""
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    environment = {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(cwd / "home"),
        "PYTHONPATH": str(ROOT),
        "WANDB_BASE_URL": received.url,
        "WANDB_API_KEY": "a" * 40,
    }
    done = subprocess.run(
        [sys.executable, "-m", "wandb", *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_a_space_of_the_repository_runs_as_a_sweep_of_wandb(name: str, tmp_path: Path):
    """The file as it is, but for settings that make the runs short, in the one line that a user edits as well."""
    content = yaml.safe_load(space_file(name).read_text(encoding="utf-8"))
    content["command"][-1:-1] = SMALL
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    space = read_space(path)
    assert space == read_space(space_file(name))
    (tmp_path / "home").mkdir()
    with serve() as received:
        said = wandb("sweep", "--project", "tuning", str(path), received=received, cwd=tmp_path)
        assert "wandb agent tester/tuning/sweep0" in said
        assert yaml.safe_load(received.sweeps["sweep0"]) == content

        trials = [space.draw(np.random.default_rng(seed)) for seed in range(2)]
        for number, trial in enumerate(trials):
            arguments = {key: {"value": value} for key, value in trial.items()}
            received.commands.append(
                {"type": "run", "run_id": f"trial{number}", "program": content["program"], "args": arguments}
            )
        wandb("agent", "--count", "2", "tester/tuning/sweep0", received=received, cwd=tmp_path)
        assert received.commands == []
        assert received.errors == []
        assert received.exit_codes == [0, 0]
        assert {"trial0", "trial1"} <= set(received.runs)

        records = {record.config["optimizer"]["learning_rate"]: record for record in map(read_record, _runs(tmp_path))}
        (bias,) = (key for key in space.searched if key.endswith("_bias"))
        assert len(records) == len(trials)
        for number, trial in enumerate(trials):
            record = records[float(trial["optimizer.learning_rate"])]
            assert (record.status, record.model, record.updates) == ("finished", name, 20)
            assert record.cell_options[bias.removeprefix("model.")] == trial[bias]
            sent = json.loads(received.runs[f"trial{number}"]["config"])
            assert sent["optimizer"]["value"]["learning_rate"] == trial["optimizer.learning_rate"]
        assert received.summary["valid/nll"] in [record.metrics["valid"]["nll"] for record in records.values()]


def _runs(folder: Path) -> list[Path]:
    return [path.parent for path in folder.glob("runs/language_modeling/reber/*/seed0/record.json")]
