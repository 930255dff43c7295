"""The trials of a random search: how each is drawn, and how ranges grow that the best one lies at the end of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from gru_bench.search.space import Interval, Space, Value

TRIAL_SEED = 372
"""Of the generators that draw trials: the same for all arms and settings, so that all search the same points. Of 400
seeds it is the one whose 20 trials cover gru.yaml best: two or more in each outer tenth, and the smallest gap."""

OUTER = 0.1
"""The share of a range at either end in which the best trial says that the range is too narrow."""


def drawn(space: Space, index: int) -> dict[str, Value]:
    """Return the settings of a trial by key."""
    return space.draw(np.random.default_rng([TRIAL_SEED, index]))


def extended(
    space: Space, first: Space, best: Mapping[str, Value], allowed: Callable[[str, int | float], bool]
) -> Space:
    """Return the space with ranges extended at the end in whose outer tenth the best trial lies.

    Args:
        space: that the trials so far were drawn from.
        first: the space before any extension; a range grows by the width that it has there.
        best: the settings of the best trial.
        allowed: whether a setting may have a value; a range is not extended to one that it may not have.
    """
    parameters = dict(space.parameters)
    for key, parameter in space.searched.items():
        original, value = first.parameters[key], best[key]
        if not isinstance(parameter, Interval) or not isinstance(original, Interval) or isinstance(value, str):
            continue
        place = parameter.place(value)
        if place <= OUTER or place >= 1 - OUTER:
            up = place > OUTER
            wider = parameter.extended(original, up=up)
            if allowed(key, wider.high if up else wider.low):
                parameters[key] = wider
    return replace(space, parameters=parameters)
