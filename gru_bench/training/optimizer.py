"""One optax chain for all cells: clip, rule, schedule."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import jax
import optax
from jaxtyping import Array

from gru_bench.sections import OptimizerConfig

_NONE: Mapping[str, Array] = MappingProxyType({})


def make_schedule(
    config: OptimizerConfig, updates_per_epoch: int, total_updates: int | None, scalars: Mapping[str, Array] = _NONE
) -> optax.Schedule:
    """Return the learning rate as a function of the update, counted from 0.

    `step` keeps the rate for `decay_after_epochs` epochs and then multiplies it by `decay_factor` at the start of
    every epoch (Zaremba et al. 2014). `linear` and `cosine` go down towards `final_fraction` of the rate, which they
    would reach right after the last update.

    Args:
        config: rate and schedule.
        updates_per_epoch: the length of an epoch, for `step`.
        total_updates: the length of the run, for `linear` and `cosine`; None where it is not known beforehand.
        scalars: values that take the place of settings of the same name.
    """
    rate = scalars.get("learning_rate", config.learning_rate)
    final_fraction = scalars.get("final_fraction", config.final_fraction)
    after_warmup = max(1, (total_updates or 0) - config.warmup_updates)
    schedules = {
        "constant": lambda: optax.constant_schedule(rate),
        "linear": lambda: optax.linear_schedule(rate, rate * final_fraction, after_warmup),
        "cosine": lambda: optax.cosine_decay_schedule(rate, after_warmup, final_fraction),
        "step": lambda: optax.exponential_decay(
            rate,
            updates_per_epoch,
            config.decay_factor,
            transition_begin=(config.decay_after_epochs - 1) * updates_per_epoch - config.warmup_updates,
            staircase=True,
        ),
    }
    schedule = schedules[config.schedule]()
    if config.warmup_updates == 0:
        return schedule
    warmup = optax.linear_schedule(rate / config.warmup_updates, rate, config.warmup_updates - 1)
    return optax.join_schedules([warmup, schedule], [config.warmup_updates])


def make_optimizer(
    config: OptimizerConfig, schedule: optax.Schedule, scalars: Mapping[str, Array] = _NONE
) -> optax.GradientTransformation:
    """Return the chain. Weight decay acts on kernels and embedding tables, never on biases and gains.

    Args:
        config: rule and clipping.
        schedule: the learning rate.
        scalars: values that take the place of settings of the same name.
    """
    b1, b2 = scalars.get("b1", config.b1), scalars.get("b2", config.b2)
    momentum = scalars.get("momentum", config.momentum or None)
    decay = scalars.get("weight_decay", config.weight_decay)
    clip_norm = scalars.get("clip_norm", config.clip_norm)
    rules = {
        "adam": lambda: optax.adam(schedule, b1=b1, b2=b2),
        "adamw": lambda: optax.adamw(schedule, b1=b1, b2=b2, weight_decay=decay, mask=_decayed),
        "rmsprop": lambda: optax.rmsprop(schedule, decay=b2, momentum=momentum, eps_in_sqrt=False),
        "sgd": lambda: optax.chain(
            optax.add_decayed_weights(decay, mask=_decayed), optax.sgd(schedule, momentum=momentum)
        ),
    }
    clip = optax.identity() if clip_norm is None else optax.clip_by_global_norm(clip_norm)
    return optax.chain(clip, rules[config.rule]())


def _decayed(params: optax.Params) -> optax.Params:
    def is_matrix(path: jax.tree_util.KeyPath, _: object) -> bool:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        return name.removesuffix("/value").endswith(("kernel", "table"))

    return jax.tree_util.tree_map_with_path(is_matrix, params)
