from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.errors import UserError
from gru_bench.sections import OptimizerConfig
from gru_bench.training.checkpoint import Checkpoints, DamagedCheckpoint, latest, load_tree, save_tree
from tests.training.small import make_parts

TREE = {"weights": jnp.arange(6.0).reshape(2, 3), "key": jax.random.key(3), "update": jnp.int32(7)}
META = {"update": 7, "best": {"update": 5, "value": 0.25, "metrics": {"nll": 0.1 + 0.2}}, "losses": [[1.5, 2.5]]}


def assert_equal(found: Any, expected: Any) -> None:
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert one.dtype == other.dtype
        if jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
            one, other = jax.random.key_data(one), jax.random.key_data(other)
        np.testing.assert_array_equal(one, other)


def other(tree: Any) -> Any:
    """Return a tree of the same structure with other values."""
    zeros = jax.tree.map(lambda leaf: leaf * 0, {name: tree[name] for name in ("weights", "update")})
    return {**zeros, "key": jax.random.key(99)}


def test_round_trip(tmp_path: Path):
    save_tree(tmp_path / "a.npz", TREE, META)
    found, meta = load_tree(tmp_path / "a.npz", other(TREE))
    assert_equal(found, TREE)
    assert meta == META
    assert jax.random.uniform(found["key"]) == jax.random.uniform(TREE["key"])


@pytest.mark.parametrize(("rule", "cell"), [("adam", "gru"), ("sgd", "lstm")])
def test_round_trip_of_a_whole_training_state(tmp_path: Path, rule: Any, cell: str):
    config = OptimizerConfig(rule=rule, learning_rate=0.1)
    update, state, batches, _ = make_parts(config, cell=cell, output_dropout=0.3)
    update = jax.jit(update)
    state, _ = update(state, batches[0])
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, state, {"update": 1})
    fresh = make_parts(config, cell=cell, seed=5, output_dropout=0.3).state
    found = latest([checkpoints], fresh)
    assert found is not None
    ((loaded, _),) = found
    assert_equal(loaded, state)
    assert_equal(update(loaded, batches[1]), update(state, batches[1]))


def test_nothing_yet(tmp_path: Path):
    assert latest([Checkpoints(tmp_path / "none")], TREE) is None
    assert latest([Checkpoints(tmp_path)], TREE) is None


def test_the_two_newest_and_the_best_are_kept(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path)
    save_tree(checkpoints.best_path, TREE, {})
    (tmp_path / "notes.txt").write_text("mine")
    for update in (5, 20, 1_000, 999):
        checkpoints.save(update, TREE, {"update": update})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["best.npz", "notes.txt", "update-000000999.npz", "update-000001000.npz"]
    assert checkpoints.updates == [1_000, 999]
    found = latest([checkpoints], TREE)
    assert found is not None
    assert found[0][1]["update"] == 1_000
    checkpoints.drop_after(999)
    assert checkpoints.updates == [999]


def test_no_byte_can_change_unseen(tmp_path: Path):
    """Whatever is flipped: the values come back as they were, or the checkpoint says that it is damaged."""
    path = tmp_path / "a.npz"
    save_tree(path, TREE, META)
    whole = path.read_bytes()
    damaged = 0
    for place in range(len(whole)):
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        path.write_bytes(content)
        try:
            found, meta = load_tree(path, TREE)
        except DamagedCheckpoint:
            damaged += 1
        else:  # the archive also holds dates and the like
            assert_equal(found, TREE)
            assert meta == META
    assert damaged > len(whole) / 2


def test_no_cut_file_is_read(tmp_path: Path):
    path = tmp_path / "a.npz"
    save_tree(path, TREE, META)
    whole = path.read_bytes()
    for size in range(0, len(whole), 11):
        path.write_bytes(whole[:size])
        with pytest.raises(DamagedCheckpoint, match=r"cannot be read|damaged"):
            load_tree(path, TREE)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({**TREE, "weights": jnp.zeros((3, 3))}, r"weights is float32\[2, 3\], expected float32\[3, 3\]"),
        ({**TREE, "update": jnp.float32(0)}, r"update is int32\[\], expected float32\[\]"),
        ({**TREE, "bias": jnp.zeros(2)}, r"bias is missing, expected float32\[2\]"),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path: Path, template: dict[str, Any], message: str):
    save_tree(tmp_path / "a.npz", TREE, META)
    with pytest.raises(DamagedCheckpoint, match=f"does not fit these settings: {message}"):
        load_tree(tmp_path / "a.npz", template)


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "cut":
        del content[len(content) // 2 :]
    elif how == "flipped":
        content[content.index(np.float32(4.0).tobytes() + np.float32(5.0).tobytes())] ^= 1
    else:
        content.clear()
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["cut", "flipped", "empty", "other shapes"])
def test_a_damaged_one_is_named_and_the_one_before_it_taken(tmp_path: Path, how: str, log: pytest.LogCaptureFixture):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(10, TREE, {"update": 10})
    newest = checkpoints.save(20, other(TREE) if how == "other shapes" else TREE, {"update": 20})
    if how == "other shapes":
        save_tree(newest, {**TREE, "weights": jnp.zeros(2)}, {"update": 20})
    else:
        damage(newest, how)
    found = latest([checkpoints], other(TREE))
    assert found is not None
    assert_equal(found[0][0], TREE)
    assert found[0][1] == {"update": 10}
    (message,) = log.messages
    assert str(newest) in message
    assert message.endswith("Trying the one before it.")


def test_all_damaged_is_an_error_that_says_what_to_do(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path)
    for update in (10, 20):
        damage(checkpoints.save(update, TREE, {}), "cut")
    with pytest.raises(DamagedCheckpoint, match=r"update-000000010.*No older one is intact.*fresh=true"):
        latest([checkpoints], TREE)


def test_runs_go_on_together_from_the_newest_update_that_all_have(tmp_path: Path):
    first, second = Checkpoints(tmp_path / "first"), Checkpoints(tmp_path / "second")
    for checkpoints, updates in ((first, (10, 20)), (second, (20, 30))):
        for update in updates:
            checkpoints.save(update, TREE, {"update": update})
    found = latest([first, second], other(TREE))
    assert found is not None
    assert [meta["update"] for _, meta in found] == [20, 20]
    damage(tmp_path / "second" / "update-000000020.npz", "cut")
    with pytest.raises(DamagedCheckpoint, match="second/update-000000020"):
        latest([first, second], TREE)
    assert latest([first, Checkpoints(tmp_path / "third")], TREE) is None


def test_later_checkpoints_do_not_outlast_those_that_are_written_next(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path)
    for update in (20, 40):
        checkpoints.save(update, TREE, {"update": update})
    checkpoints.drop_after(20)
    checkpoints.save(25, TREE, {"update": 25})
    assert checkpoints.updates == [25, 20]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch):
    checkpoints = Checkpoints(tmp_path)
    for update in (10, 20):
        checkpoints.save(update, TREE, {"update": update})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if step == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    for update in (20, 30):
        with pytest.raises(UserError, match=rf"cannot write .*update-0000000{update}.*No space left.*Free space"):
            checkpoints.save(update, other(TREE), {"update": update})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


MINE = {"settings": "abcd", "seed": 0}


@pytest.mark.parametrize(
    ("other_run", "message"),
    [
        ({**MINE, "seed": 1}, "is that of another run: seed 1, expected 0."),
        ({"settings": "ffff", "seed": 1}, "settings ffff, expected abcd; seed 1, expected 0."),
    ],
)
def test_a_checkpoint_of_another_run_is_passed_over(
    tmp_path: Path, other_run: dict[str, Any], message: str, log: pytest.LogCaptureFixture
):
    """Its shapes are the same, and so is its sha256: only what it says of its run tells them apart."""
    mine = Checkpoints(tmp_path / "mine", MINE)
    mine.save(10, TREE, {"update": 10})
    mine.save(20, TREE, {"update": 20})
    stranger = Checkpoints(tmp_path / "stranger", other_run).save(20, other(TREE), {"update": 20})
    (tmp_path / "mine" / stranger.name).write_bytes(stranger.read_bytes())
    found = latest([mine], TREE)
    assert found is not None
    assert found[0][1] == {"update": 10}
    (line,) = log.messages
    assert message in line
    best = Checkpoints(tmp_path / "stranger", other_run)
    best.save_best(TREE, {})
    mine.best_path.write_bytes(best.best_path.read_bytes())
    with pytest.raises(DamagedCheckpoint, match=r"best\.npz is that of another run"):
        mine.load_best(TREE)


def test_a_checkpoint_under_another_name_is_refused(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path, MINE)
    path = checkpoints.save(10, TREE, {"update": 10})
    path.rename(path.with_name("update-000000020.npz"))
    with pytest.raises(DamagedCheckpoint, match="misnamed: it is that of update 10"):
        checkpoints.load(20, TREE)


def test_a_checkpoint_of_an_older_version_names_no_run(tmp_path: Path):
    Checkpoints(tmp_path).save(10, TREE, {"update": 10})
    assert Checkpoints(tmp_path, MINE).load(10, TREE)[1] == {"update": 10}
