"""The cells once more, as float64 NumPy loops written from the papers' equations, one sum per gate.

Nothing is shared with `gru_bench.models` but the names and shapes of weights: kernel (input, gate, hidden),
recurrent_kernel (hidden, gate, hidden), bias (gate, hidden).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]
State = dict[str, np.ndarray]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def normalised(x: np.ndarray, gain: np.ndarray | None) -> np.ndarray:
    """Ba et al. 2016, equations 3 and 4, over the hidden units of one gate; bias added later."""
    if gain is None:
        return x
    mean = x.sum(axis=-1, keepdims=True) / x.shape[-1]
    variance = ((x - mean) ** 2).sum(axis=-1, keepdims=True) / x.shape[-1]
    return gain * (x - mean) / np.sqrt(variance + 1e-5)


def _gain(w: Arrays, name: str, gate: int) -> np.ndarray | None:
    return w[name][gate] if name in w else None


def _input(w: Arrays, x: np.ndarray, gate: int) -> np.ndarray:
    return normalised(x @ w["kernel"][:, gate], _gain(w, "input_gain", gate)) + w["bias"][gate]


def _recurrent(w: Arrays, h: np.ndarray, gate: int) -> np.ndarray:
    return normalised(h @ w["recurrent_kernel"][:, gate], _gain(w, "recurrent_gain", gate))


def gru_reset_before(w: Arrays, x: np.ndarray, state: State) -> State:
    """Cho et al. 2014, equations 5 to 8: the reset gate multiplies the hidden state before the product."""
    h = state["hidden"]
    r = sigmoid(_input(w, x, 0) + _recurrent(w, h, 0))
    z = sigmoid(_input(w, x, 1) + _recurrent(w, h, 1))
    product = normalised((r * h) @ w["candidate_kernel"][:, 0], _gain(w, "candidate_gain", 0))
    return {"hidden": z * h + (1.0 - z) * np.tanh(_input(w, x, 2) + product)}


def gru_reset_after(w: Arrays, x: np.ndarray, state: State) -> State:
    """The same with the reset gate after the product and its bias, as in cuDNN and PyTorch."""
    h = state["hidden"]
    r = sigmoid(_input(w, x, 0) + _recurrent(w, h, 0))
    z = sigmoid(_input(w, x, 1) + _recurrent(w, h, 1))
    n = np.tanh(_input(w, x, 2) + r * (_recurrent(w, h, 2) + w["candidate_bias"]))
    return {"hidden": (1.0 - z) * n + z * h}


def lstm(w: Arrays, x: np.ndarray, state: State) -> State:
    """Gers & Schmidhuber 2000: input and forget gate see the old cell state, the output gate the new one.

    With layer normalisation the cell state is normalised on its way to the output (Ba et al. 2016, equation 22).
    """
    c, h = state["cell"], state["hidden"]
    peephole = w.get("peephole", np.zeros((3, c.shape[-1])))
    i = sigmoid(_input(w, x, 0) + _recurrent(w, h, 0) + peephole[0] * c)
    f = sigmoid(_input(w, x, 1) + _recurrent(w, h, 1) + peephole[1] * c)
    g = np.tanh(_input(w, x, 2) + _recurrent(w, h, 2))
    new = f * c + i * g
    o = sigmoid(_input(w, x, 3) + _recurrent(w, h, 3) + peephole[2] * new)
    return {"cell": new, "hidden": o * np.tanh(normalised(new, w.get("cell_gain")))}


def rnn_tanh(w: Arrays, x: np.ndarray, state: State) -> State:
    """Elman 1990."""
    return {"hidden": np.tanh(_input(w, x, 0) + _recurrent(w, state["hidden"], 0))}


def coupled_lstm(w: Arrays, x: np.ndarray, state: State) -> State:
    """Greff et al. 2017, the variant CIFG: i = 1 - f; blocks f, g, o, and peepholes of f and o alone."""
    c, h = state["cell"], state["hidden"]
    peephole = w.get("peephole", np.zeros((2, c.shape[-1])))
    f = sigmoid(_input(w, x, 0) + _recurrent(w, h, 0) + peephole[0] * c)
    g = np.tanh(_input(w, x, 1) + _recurrent(w, h, 1))
    new = f * c + (1.0 - f) * g
    o = sigmoid(_input(w, x, 2) + _recurrent(w, h, 2) + peephole[1] * new)
    return {"cell": new, "hidden": o * np.tanh(normalised(new, w.get("cell_gain")))}


def mgu(w: Arrays, x: np.ndarray, state: State) -> State:
    """Zhou et al. 2016, the minimal gated unit."""
    h = state["hidden"]
    f = sigmoid(_input(w, x, 0) + _recurrent(w, h, 0))
    product = normalised((f * h) @ w["candidate_kernel"][:, 0], _gain(w, "candidate_gain", 0))
    n = np.tanh(_input(w, x, 1) + product)
    return {"hidden": (1.0 - f) * h + f * n}


def min_gru(w: Arrays, x: np.ndarray, state: State) -> State:
    """Feng et al. 2024, section 3.1, whose z lets the candidate in: it is 1 - the update gate of the code."""
    z = 1.0 - sigmoid(_input(w, x, 0))
    return {"hidden": (1.0 - z) * state["hidden"] + z * _input(w, x, 1)}


def min_lstm(w: Arrays, x: np.ndarray, state: State) -> State:
    """Feng et al. 2024, section 3.2, with both gates divided by their sum."""
    i, f = sigmoid(_input(w, x, 0)), sigmoid(_input(w, x, 1))
    return {"hidden": f / (f + i) * state["hidden"] + i / (f + i) * _input(w, x, 2)}


STEPS: dict[str, Callable[[Arrays, np.ndarray, State], State]] = {
    "gru": gru_reset_after,
    "gru_norm": gru_reset_after,
    "gru_before": gru_reset_before,
    "gru_before_norm": gru_reset_before,
    "lstm": lstm,
    "lstm_peepholes": lstm,
    "lstm_norm": lstm,
    "lstm_peepholes_norm": lstm,
    "rnn_tanh": rnn_tanh,
    "rnn_norm": rnn_tanh,
    "mgu": mgu,
    "mgu_norm": mgu,
    "coupled_lstm": coupled_lstm,
    "coupled_lstm_peepholes_norm": coupled_lstm,
    "min_gru": min_gru,
    "min_gru_norm": min_gru,
    "min_lstm": min_lstm,
}


def loop(name: str, w: Arrays, inputs: np.ndarray, state: State) -> tuple[np.ndarray, State]:
    """Run a cell over (time, batch, input): hidden states of all time steps, and the last state."""
    outputs = []
    for x in inputs:
        state = STEPS[name](w, x, state)
        outputs.append(state["hidden"])
    return np.stack(outputs), state


def finite_differences(
    objective: Callable[[Any], float], arrays: State, step: float = 1e-5, most: int = 25
) -> dict[str, dict[int, float]]:
    """Differentiate `objective(arrays)` by central differences, at most at `most` random places of each array.

    Returns: for each array, the derivative by flat index.
    """
    draw, result = np.random.default_rng(0), {}
    for name, array in arrays.items():
        result[name] = {}
        for index in draw.permutation(array.size)[:most]:
            ends = []
            for sign in (1, -1):
                moved = array.copy()
                moved.flat[index] += sign * step
                ends.append(objective({**arrays, name: moved}))
            result[name][int(index)] = (ends[0] - ends[1]) / (2 * step)
    return result
