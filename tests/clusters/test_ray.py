"""A sweep on a Ray cluster of two nodes of this machine, begun elsewhere; one node is lost in mid-run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clusters.sweep import SWEEP, assert_same_sweep, runs, undisturbed, wait
from tests.training.support import begin

HEAD, NODES = "127.0.0.2", ("127.0.0.3", "127.0.0.4")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head that computes nothing."""
    pytest.importorskip("hydra_plugins.hydra_ray_launcher")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    started = pytest.importorskip("ray.cluster_utils").Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "node_ip_address": HEAD, "include_dashboard": False}
    )
    yield started
    started.shutdown()


@pytest.mark.stress
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning")  # Ray's nodes, where JAX is in use
def test_runs_of_a_lost_node_go_on_elsewhere_and_the_table_stays(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "true")
    lost, _ = [cluster.add_node(num_cpus=1, node_ip_address=address) for address in NODES]
    launcher = ("hydra/launcher=ray", f"hydra.launcher.ray.init.address={cluster.address}")
    driver = f"+hydra.launcher.ray.init._node_ip_address={HEAD}"
    with begin("gru_bench.train", *SWEEP, *launcher, driver, f"paths.cache={tmp_path}/cache", cwd=tmp_path) as process:
        begun = "kept/*/*/*/seed*/checkpoints/update-*.npz"
        wait(lambda: len({path.parent for path in tmp_path.glob(begun)}) == 2, process)
        cluster.remove_node(lost, allow_graceful=False)
        out, err = process.communicate(timeout=2400)
    assert process.returncode == 0, out + err
    resumed = [
        run for run in runs(tmp_path) if "Resuming from the checkpoint of update" in (run / "log.txt").read_text()
    ]
    assert len(resumed) == 1
    alone = tmp_path / "alone"
    alone.mkdir()
    assert_same_sweep(tmp_path, undisturbed(alone))
