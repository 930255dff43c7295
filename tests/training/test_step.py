from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gru_bench.sections import OptimizerConfig
from gru_bench.training.step import Compiled, TrainState, _noisy, make_dispatch
from tests.training.small import TRAINING, make_parts

strictly = pytest.mark.usefixtures("strict")  # not with adam: optax itself raises a float to an integer there

ADAM = OptimizerConfig(rule="adam", learning_rate=0.01)
SGD = OptimizerConfig(rule="sgd", learning_rate=1.0, clip_norm=None)
NUMBER = 4


def plain(tree: Any) -> list[np.ndarray]:
    """Return the leaves as arrays; keys as their raw data."""
    keys = jax.dtypes.prng_key
    return [
        np.asarray(jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, keys) else leaf)
        for leaf in jax.tree.leaves(tree)
    ]


def assert_close(found: Any, expected: Any, tolerance: float = 1e-5) -> None:
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(plain(found), plain(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def assert_equal(found: Any, expected: Any) -> None:
    """To the last bit."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(plain(found), plain(expected), strict=True):
        np.testing.assert_array_equal(one, other)


def stack(trees: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *trees)


def loop(update: Any, state: TrainState, batches: list[Any]) -> tuple[TrainState, Any]:
    told = []
    for batch in batches:
        state, metrics = update(state, batch)
        told.append(metrics)
    return state, stack(told)


def test_a_loop_a_scan_and_replicas_agree():
    """Dropout is on: masks, too, are a function of the state alone."""
    parts = [make_parts(ADAM, seed=seed, cell="lstm", recurrent_dropout=0.2, output_dropout=0.3) for seed in (0, 1)]
    batches, update = parts[0].batches[:NUMBER], jax.jit(parts[0].update)
    looped = [loop(update, part.state, batches) for part in parts]

    scanned = jax.jit(lambda state, batches: jax.lax.scan(update, state, batches))(parts[0].state, stack(batches))
    assert_close(scanned, looped[0])

    replicas = jax.jit(jax.vmap(lambda state: jax.lax.scan(update, state, stack(batches))))
    assert_close(replicas(stack([part.state for part in parts])), stack(looped))
    assert looped[0][0].update == NUMBER


def test_noise_on_weights_is_seen_by_the_loss_and_not_kept():
    """At a learning rate of nearly 0 the weights stay, and losses of one batch differ from update to update."""
    still = OptimizerConfig(rule="sgd", learning_rate=1e-30, clip_norm=None)
    clean, noisy = (make_parts(still, weight_noise=deviation) for deviation in (0.0, 0.5))
    batches = [noisy.batches[0]] * NUMBER
    after, metrics = loop(jax.jit(noisy.update), noisy.state, batches)
    assert_close(after.params, noisy.state.params)
    _, without = loop(jax.jit(clean.update), clean.state, batches[:1])
    assert len({float(loss) for loss in (*metrics.loss, *without.loss)}) == NUMBER + 1


def test_noise_on_weights_has_its_deviation():
    _, state, _, _ = make_parts(SGD, hidden_size=64)
    noisy = _noisy(state.params, 0.075, jax.random.key(1))
    drawn = [one - other for one, other in zip(plain(noisy), plain(state.params), strict=True)]
    assert np.concatenate([change.ravel() for change in drawn]).std() == pytest.approx(0.075, rel=0.03)
    first, second, *_ = sorted(drawn, key=np.size, reverse=True)
    assert abs(np.corrcoef(first.ravel()[:200], second.ravel()[:200])[0, 1]) < 0.3


def test_an_update_is_pure_and_draws_other_masks_each_time():
    update, state, (batch, *_), _ = make_parts(ADAM, output_dropout=0.5)
    update = jax.jit(update)
    before = jax.tree.map(jnp.copy, state)
    (first, told), (again, told_again) = update(state, batch), update(state, batch)
    assert_equal((first, told), (again, told_again))
    assert_equal(state, before)
    later = state._replace(update=state.update + 1)
    assert update(later, batch)[1].loss != told.loss
    assert first.update == 1
    assert (plain(first.key)[0] == plain(state.key)[0]).all()


@strictly
def test_the_carry_passes_on_and_no_gradient_with_it():
    update, state, batches, _ = make_parts(SGD)
    update = jax.jit(update)
    after, _ = update(state, batches[0])
    assert all(np.abs(leaf).max() > 0 for leaf in plain(after.carry))

    def second_loss(carry: Any) -> jax.Array:
        return update(state._replace(carry=carry), batches[1])[0].carry[0]["forward"].sum()

    assert np.abs(plain(jax.jit(jax.grad(second_loss))(after.carry))[0]).max() == 0.0
    moved = jax.tree.map(lambda leaf: leaf + 0.5, after.carry)
    assert update(state._replace(carry=moved), batches[1])[1].loss != update(after, batches[1])[1].loss


@strictly
def test_reductions_differ_by_the_window():
    told = {}
    for reduction in ("item_mean", "sequence_sum"):
        update, state, (batch, *_), _ = make_parts(SGD, reduction=reduction)
        told[reduction] = jax.jit(update)(state, batch)
    (mean_state, mean), (sum_state, total) = told["item_mean"], told["sequence_sum"]
    assert total.loss == mean.loss  # what is reported is nats per item either way
    np.testing.assert_allclose(total.gradient_norm, TRAINING.bptt_window * mean.gradient_norm, rtol=1e-6)
    for before, one, other in zip(*map(plain, (state.params, mean_state.params, sum_state.params)), strict=True):
        np.testing.assert_allclose(other - before, TRAINING.bptt_window * (one - before), rtol=1e-3, atol=1e-5)


@strictly
def test_only_items_that_count_are_averaged():
    """The mean over a window whose second half is padding is that of its first half alone."""
    update, state, (batch, *_), _ = make_parts(SGD)
    mask = np.array(batch["mask"])
    mask[:, 4:] = False
    short = {name: value[:, :4] for name, value in batch.items()}
    update = jax.jit(update)
    (padded, told), (cut, expected) = update(state, {**batch, "mask": mask}), update(state, short)
    assert_close((padded.params, padded.carry, told), (cut.params, cut.carry, expected), 1e-6)


@strictly
@pytest.mark.parametrize("clip", [0.05, 1000.0])
def test_clipping_bounds_the_step_and_the_norm_is_that_before(clip: float):
    free_update, state, (batch, *_), _ = make_parts(SGD)
    _, free = jax.jit(free_update)(state, batch)
    update, state, _, _ = make_parts(OptimizerConfig(rule="sgd", learning_rate=1.0, clip_norm=clip))
    after, told = jax.jit(update)(state, batch)
    change = optax.tree.norm(jax.tree.map(jnp.subtract, after.params, state.params))
    np.testing.assert_allclose(told.gradient_norm, free.gradient_norm, rtol=1e-6)
    np.testing.assert_allclose(change, min(clip, float(free.gradient_norm)), rtol=1e-4)


def test_compilation_happens_once_per_shape_and_is_accounted_for():
    traced = []

    def double(values: jax.Array) -> jax.Array:
        traced.append(values.shape)
        return 2 * values

    compiled = Compiled(double)
    assert compiled.step_bytes is None
    assert compiled.compile_seconds == 0.0
    assert (compiled(np.ones(3, np.float32)) == 2).all()
    first, size = compiled.compile_seconds, compiled.step_bytes
    assert first > 0
    assert size is not None
    assert 24 <= size < 80_000  # three values in, three out
    assert (compiled(np.full(3, 2, np.float32)) == 4).all()
    assert traced == [(3,)]
    assert compiled.compile_seconds == first
    compiled(np.ones((100, 100), np.float32))
    compiled(np.ones(3, np.float32))
    assert traced == [(3,), (100, 100)]
    assert compiled.compile_seconds > first
    assert compiled.step_bytes is not None
    assert 80_000 <= compiled.step_bytes < 2 * 80_000


def dispatched(dispatch: Any, state: TrainState, batches: list[Any], sizes: list[int], room: int) -> tuple[Any, Any]:
    """Do updates in dispatches of these sizes."""
    told, first = [], 0
    for size in sizes:
        chunk = batches[first : first + size]
        state, metrics = dispatch(state, stack(chunk + [chunk[-1]] * (room - size)), jnp.int32(size), {})
        told.append(jax.tree.map(lambda values, size=size: values[:size], metrics))
        first += size
    return state, jax.tree.map(lambda *values: jnp.concatenate(values), *told)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_it_does_not_matter_how_updates_are_cut_into_dispatches(cell: str):
    """To the last bit on one machine: a run may be interrupted, and then goes on, at any update.

    Programs with room for another number of updates lead to the same state as well; what they tell of the loss, a sum
    over a window, may differ by its rounding.
    """
    update, state, batches, _ = make_parts(ADAM, cell=cell, output_dropout=0.3)
    batches = batches[:6]
    expected, told = loop(jax.jit(update), state, batches)
    for room, cuts in ((6, ([6], [1, 5], [4, 2])), (3, ([3, 3], [1, 3, 2])), (1, ([1] * 6,))):
        dispatch = jax.jit(make_dispatch(lambda state, batch, _: update(state, batch)))
        whole, *others = (dispatched(dispatch, state, batches, sizes, room) for sizes in cuts)
        for other in others:
            assert_equal(other, whole)
        assert_equal(whole[0], expected)
        assert_close(whole[1], told, 1e-6)
