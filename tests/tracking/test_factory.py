import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gru_bench import errors
from gru_bench.sections import TrackerConfig
from gru_bench.tracking.factory import make_tracker
from gru_bench.tracking.tracker import NoTracker


def test_none_records_nothing_and_leaves_nothing(tmp_path):
    tracker = make_tracker(
        TrackerConfig(name="none"), run_config={}, run_dir=tmp_path, group="g", tags=["gru"], name="n"
    )
    assert isinstance(tracker, NoTracker)
    tracker.log({"train/loss": 1.0}, 1)
    tracker.image("picture", tmp_path / "missing.png", 1)
    tracker.text("samples", [["a"]], ["text"], 1)
    tracker.finish({"status": "finished"}, failed=False)
    assert list(tmp_path.iterdir()) == []


def test_wandb_is_imported_by_its_own_factory_branch_only():
    program = (
        "import sys, pathlib\n"
        "from gru_bench.sections import TrackerConfig\n"
        "from gru_bench.tracking import factory, metrics_file, progress\n"
        "factory.make_tracker(TrackerConfig(name='none'), run_config={}, run_dir=pathlib.Path('x'),"
        " group='g', tags=[], name='n')\n"
        "sys.exit(any(name in sys.modules for name in ('wandb', 'jax')))"
    )
    root = Path(errors.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, timeout=60).returncode == 0


def test_a_broken_installation_of_wandb_is_one_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.delitem(sys.modules, "gru_bench.tracking.weights_and_biases", raising=False)
    tracker = make_tracker(TrackerConfig(), run_config={}, run_dir=tmp_path, group="g", tags=["gru"], name="n")
    assert isinstance(tracker, NoTracker)
    (message,) = caplog.messages
    assert message.startswith("W&B: off, it cannot be imported, the run goes on without it: ModuleNotFoundError")


@pytest.mark.parametrize("name", ["wandb", "none"])
def test_each_preset_is_a_tracker_config(name):
    values = yaml.safe_load((Path(errors.__file__).parents[1] / "configs" / "tracker" / f"{name}.yaml").read_text())
    assert TrackerConfig(**values).name == name
