import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gru_bench import errors
from gru_bench.sections import TrackerConfig
from gru_bench.tracking.tracker import NoTracker, flatten, make_tracker, summarise


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
        "from gru_bench.tracking import metrics_file, progress, tracker\n"
        "tracker.make_tracker(TrackerConfig(name='none'), run_config={}, run_dir=pathlib.Path('x'),"
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


def test_summary_of_a_record_is_flat_and_complete():
    record = {
        "schema": 1,
        "status": "finished",
        "config": {"model": {"cell": "gru"}},
        "parameters": {"recurrent": 10, "total": 20},
        "state_size": 5,
        "flops_per_update": 1e6,
        "metric": "nll",
        "direction": "min",
        "speed": {"seconds_per_update": None, "items_per_second": 100.0, "item": "tokens"},
        "memory": {"step_bytes": 7, "peak_rss_bytes": 8},
        "metrics": {"valid": {"nll": 1.5}, "test": {"nll": 1.25, "perplexity": 3.5}},
        "baselines": {"unigram": {"nll": 2.0}},
        "updates": 100,
        "wall_seconds": 12.5,
    }
    assert summarise(record) == {
        "status": "finished",
        "metric": "nll",
        "direction": "min",
        "state_size": 5,
        "flops_per_update": 1e6,
        "updates": 100,
        "wall_seconds": 12.5,
        "parameters/recurrent": 10,
        "parameters/total": 20,
        "speed/items_per_second": 100.0,
        "speed/item": "tokens",
        "memory/step_bytes": 7,
        "memory/peak_rss_bytes": 8,
        "baselines/unigram/nll": 2.0,
        "valid/nll": 1.5,
        "test/nll": 1.25,
        "test/perplexity": 3.5,
    }


def test_summary_of_a_record_that_has_only_begun():
    assert summarise({"status": "running", "metrics": {}}) == {"status": "running"}


def test_flatten_leaves_a_flat_mapping_alone():
    assert flatten({"test/nll": 1.0, "status": "finished"}) == {"test/nll": 1.0, "status": "finished"}
