"""Make the frozen vectors in tests/golden from PyTorch.

    python scripts/make_golden.py [FOLDER]

Each file holds one recurrent module of PyTorch, run forwards and backwards in float64 and rounded to float32:
random weights and non-zero biases (`state/*`, named as in the module's state dict), `inputs`, the initial carry
(`start/hidden`, `start/cell`), `lengths` where sequences are padded, `outputs`, the final carry (`final/*`), the
cotangents of both (`cotangent/*`), and the gradients of sum(cotangent * result) with respect to weights, inputs and
initial carry (`gradient/*`). `about` is JSON: the module, the case and the versions that made the file. Everything
is batch-first and drawn by NumPy from a seed that depends on the file's name, so that the same versions make the
same bytes.
"""

from __future__ import annotations

import json
import platform
import sys
import zlib
from pathlib import Path

import numpy as np
import torch

BATCH, TIME, INPUT, HIDDEN = 3, 20, 4, 5
LENGTHS = (20, 13, 1)
MODULES = {
    "gru": (torch.nn.GRU, {}),
    "lstm": (torch.nn.LSTM, {}),
    "rnn_tanh": (torch.nn.RNN, {"nonlinearity": "tanh"}),
    "rnn_relu": (torch.nn.RNN, {"nonlinearity": "relu"}),
}
CASES = {
    "plain": {"num_layers": 1, "bidirectional": False},
    "bidirectional": {"num_layers": 1, "bidirectional": True},
    "stacked": {"num_layers": 2, "bidirectional": False},
    "padded": {"num_layers": 2, "bidirectional": True},
}


def make(module_name: str, case: str) -> dict[str, np.ndarray]:
    """Run one module in one case and return what its file holds."""
    kind, options = MODULES[module_name]
    module = kind(INPUT, HIDDEN, batch_first=True, dtype=torch.float64, **options, **CASES[case])
    draw = np.random.default_rng(zlib.crc32(f"{module_name}-{case}".encode()))

    def normal(*shape: int) -> torch.Tensor:
        """Draw float32 values, held in float64 so that both sides start from the same numbers."""
        return torch.from_numpy(draw.normal(size=shape).astype(np.float32).astype(np.float64))

    scale = float(np.float32(0.3))
    module.load_state_dict({name: scale * normal(*value.shape) for name, value in module.state_dict().items()})
    inputs = normal(BATCH, TIME, INPUT).requires_grad_()
    rows = CASES[case]["num_layers"] * (2 if CASES[case]["bidirectional"] else 1)
    names = ("hidden", "cell") if kind is torch.nn.LSTM else ("hidden",)
    start = {name: (scale * normal(rows, BATCH, HIDDEN)).requires_grad_() for name in names}
    carry = tuple(start.values()) if len(names) > 1 else start["hidden"]

    if case == "padded":
        read = torch.nn.utils.rnn.pack_padded_sequence(inputs, torch.tensor(LENGTHS), batch_first=True)
        packed, final = module(read, carry)
        outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, total_length=TIME)
    else:
        outputs, final = module(inputs, carry)
    ends = dict(zip(names, final if len(names) > 1 else (final,), strict=True))

    cotangents = {"outputs": normal(*outputs.shape)} | {name: normal(*end.shape) for name, end in ends.items()}
    loss = (cotangents["outputs"] * outputs).sum() + sum((cotangents[name] * end).sum() for name, end in ends.items())
    loss.backward()

    tensors = {f"state/{name}": value for name, value in module.state_dict().items()}
    tensors |= {f"gradient/{name}": value.grad for name, value in module.named_parameters()}
    tensors |= {"inputs": inputs, "outputs": outputs, "gradient/inputs": inputs.grad}
    tensors |= {f"start/{name}": value for name, value in start.items()}
    tensors |= {f"gradient/start/{name}": value.grad for name, value in start.items()}
    tensors |= {f"final/{name}": value for name, value in ends.items()}
    tensors |= {f"cotangent/{name}": value for name, value in cotangents.items()}
    arrays = {name: value.detach().numpy().astype(np.float32) for name, value in tensors.items()}
    if case == "padded":
        arrays["lengths"] = np.array(LENGTHS, dtype=np.int32)
    about = {"module": module_name, "case": case, "versions": versions()}
    return {**arrays, "about": np.array(json.dumps(about))}


def versions() -> dict[str, str]:
    """Return the versions that decide the numbers."""
    return {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__}


def main(folder: Path) -> None:
    """Write all files and say which versions made them."""
    folder.mkdir(parents=True, exist_ok=True)
    for module_name in MODULES:
        for case in CASES:
            path = folder / f"{module_name}-{case}.npz"
            np.savez_compressed(path, allow_pickle=False, **make(module_name, case))
            print(f"{path}: {path.stat().st_size} bytes")
    print(", ".join(f"{name} {version}" for name, version in versions().items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "tests" / "golden")
